/**
 * What DMA of one device needs under Xen, when a backend in dom0 puts a guest's (foreign) page through it.
 *
 * How Linux decides: xen_swiotlb_map_page and dma_capable (drivers/xen/swiotlb-xen.c, include/linux/dma-direct.h),
 * xen_swiotlb_detect (include/xen/arm/swiotlb-xen.h). The worst that applies is the class.
 */
import { hex } from '../address/index.ts';
import type { DeviceFacts, DeviceNode, DmaMaster } from '../devicetree/index.ts';
import { poolOf } from '../devicetree/index.ts';
import type { Board } from './board.ts';
import { fateOf } from './iommus.ts';
import { ABOVE_32_BIT, listRanges, reachOf } from './reach.ts';
import { ownMemory, sightOf } from './sight.ts';

/** Stable words; what follows "unsafe: " is one of a few. */
export type UnderXenClass =
  | 'no maintenance'
  | 'native for local and hypercall for foreign'
  | 'native for local and foreign'
  | 'bounce'
  | 'cannot address'
  | `unsafe: ${string}`;

export interface UnderXen {
  readonly class: UnderXenClass;
  /** What decided. */
  readonly cause: 'coherence' | 'reach' | 'pool' | 'outer-cache' | 'cut-address' | 'iommu' | 'dom0';
  readonly because: string;
  /** The first and, where it does not hold to this day, the last release's design for which this holds. */
  readonly from: string;
  readonly to?: string;
}

/** What is to be classified. */
export interface Subject {
  readonly master: DmaMaster;
  readonly facts: DeviceFacts;
  readonly iommu: DeviceNode | null;
}

/** The first release with the flush hypercall; designs that knew DMA addresses from physical ones came later. */
const HYPERCALL = 'linux-3.19';
const BUS_OFFSETS = 'linux-5.9';

export function classify(board: Board, subject: Subject): UnderXen {
  const found =
    (board.setup.dom0 === 'translated' ? translated(board, subject) : undefined) ??
    behindIommu(board, subject) ??
    (subject.master.pool === null ? undefined : confined(subject, subject.master.pool)) ??
    outOfReach(board, subject) ??
    outerCacheMissed(board, subject) ??
    cutAddresses(board, subject) ??
    bounced(board, subject) ??
    usual(board, subject);
  if (!reachOf(subject.facts.windows).isOffset || found.class.startsWith('unsafe')) return found;
  return {
    ...found,
    from: BUS_OFFSETS,
    because: `${found.because}; its DMA addresses are not machine addresses, which designs before ${BUS_OFFSETS} take them for`,
  };
}

/** A dom0 that is not direct mapped has no foreign pages in the sense of swiotlb-xen, and needs an SMMU to translate. */
function translated(board: Board, { facts, iommu }: Subject): UnderXen {
  const from = 'smmu';
  const fate = iommu === null ? undefined : fateOf(board, iommu);
  if (fate?.fate !== 'used')
    return {
      class: 'unsafe: dom0 is not direct mapped and no SMMU translates',
      cause: 'dom0',
      because: `the device is given guest-physical addresses${fate === undefined ? ', and no IOMMU is in front of it' : `: ${fate.because}`}`,
      from: 'linux-5.9',
    };
  const why = `${facts.iommu} translates dom0\u2019s addresses, so foreign pages are like its own`;
  return facts.coherent
    ? { class: 'no maintenance', cause: 'dom0', because: `${facts.because}; ${why}`, from }
    : { class: 'native for local and foreign', cause: 'dom0', because: `${facts.because}; ${why}`, from };
}

function behindIommu(board: Board, { master, iommu }: Subject): UnderXen | undefined {
  if (iommu === null) return undefined;
  const { fate, because } = fateOf(board, iommu);
  if (fate === 'left-to-dom0')
    return {
      class: 'unsafe: an IOMMU that dom0 drives',
      // arch_setup_dma_ops (arch/arm64/mm/dma-mapping.c, 6.1); dma_map_phys (kernel/dma/mapping.c, 6.12 and later).
      cause: 'iommu',
      because: `${because}, so dom0\u2019s Linux does: swiotlb-xen then gives machine addresses to an IOMMU that translates (before linux-6.12), or the IOMMU is set up with pseudo-physical addresses, which are not those of foreign pages`,
      from: 'linux-3.19',
    };
  if (fate === 'used' && master.kind === 'pci')
    return {
      class: 'cannot address',
      // iommu_add_dt_device reads `iommus` only; arm_smmu_device_reset sets sCR0.USFCFG (Xen 4.17).
      cause: 'iommu',
      because: `${iommu.path} is in front of it: ${because}; without pci-passthrough=on Xen adds no PCI function to it, and streams that it does not know fault`,
      from: 'linux-3.19',
    };
  return undefined;
}

/** What a coprocessor reads and writes is its own memory, which no guest's page ever is. */
function confined({ master, facts }: Subject, pool: DeviceNode): UnderXen | undefined {
  if (poolOf(master.node, RESTRICTED) !== undefined) return undefined;
  return {
    class: facts.coherent ? 'no maintenance' : 'native for local and hypercall for foreign',
    cause: 'pool',
    because: `${facts.because}; its buffers come from ${pool.path}, never from a guest`,
    from: HYPERCALL,
  };
}

const RESTRICTED = /^restricted-dma-pool$/;

function outOfReach(board: Board, { facts }: Subject): UnderXen | undefined {
  const { memory: reach, reachesOwn } = sightOf(board, facts.windows);
  if (reach === undefined) return undefined;
  const nothing = reach.length === 0;
  if (!nothing && reachesOwn !== false) return undefined;
  const own = ownMemory(board);
  const what = nothing
    ? 'its dma-ranges reach no memory'
    : `it reaches ${listRanges(reach)}, and ${own?.what} is ${listRanges(own?.memory ?? [])}`;
  return {
    class: 'cannot address',
    cause: 'reach',
    because: `${what}: a map fails, and there is no place for bounce buffers`,
    from: HYPERCALL,
  };
}

function outerCacheMissed({ outerCache }: Board, { facts }: Subject): UnderXen | undefined {
  if (outerCache === null || outerCache.ioCoherent || facts.coherent) return undefined;
  return {
    class: 'unsafe: an outer cache that the hypercall does not reach',
    cause: 'outer-cache',
    because: `${facts.because}; ${outerCache.node.path} is ${outerCache.compatible}, which instructions do not maintain: Xen has no driver for it, and dom0\u2019s knows only its own pages`,
    from: HYPERCALL,
  };
}

/** The page mask of 32-bit Arm is an unsigned long: dma_cache_maint, drivers/xen/swiotlb-xen.c and arch/arm/xen/mm.c. */
function cutAddresses({ is32, ram }: Board, { facts }: Subject): UnderXen | undefined {
  if (!is32 || facts.coherent) return undefined;
  const high = ram.filter(([, to]) => to > ABOVE_32_BIT);
  if (high.length === 0) return undefined;
  return {
    class: 'unsafe: machine addresses are cut to 32 bits',
    cause: 'cut-address',
    because: `${facts.because}; RAM is at ${listRanges(high)}, and since linux-5.4 a 32-bit dom0 cuts the address of the flush hypercall to 32 bits`,
    from: 'linux-5.4',
    to: 'linux-7.3',
  };
}

function bounced(board: Board, { master, facts }: Subject): UnderXen | undefined {
  const pool = poolOf(master.node, RESTRICTED);
  if (pool !== undefined)
    return {
      class: 'bounce',
      cause: 'pool',
      because: `its memory-region ${pool.path} is a restricted-dma-pool, which every mapping goes through (Linux 5.15 and later)`,
      from: BUS_OFFSETS,
    };
  const { limit, far } = sightOf(board, facts.windows);
  if (limit === null) return undefined;
  const rest = facts.coherent ? 'other pages need no maintenance' : 'other foreign pages need the hypercall';
  if (board.ram.length > 0) {
    if (far.length === 0) return undefined;
    return {
      class: 'bounce',
      cause: 'reach',
      because: `it does not reach the RAM at ${listRanges(far)}: foreign pages there are bounced (native maintenance of the slot${facts.coherent ? ' is not needed' : ''}); ${rest}`,
      from: HYPERCALL,
    };
  }
  if (limit >= ABOVE_32_BIT - 1) return undefined;
  return {
    class: 'bounce',
    cause: 'reach',
    because: `it reaches memory up to ${hex(limit)} only, and where RAM is the tree does not say: foreign pages beyond are bounced; ${rest}`,
    from: HYPERCALL,
  };
}

function usual({ ram }: Board, { facts }: Subject): UnderXen {
  const { limit } = reachOf(facts.windows);
  const unknown =
    ram.length === 0 && limit !== null
      ? `; where RAM is the tree does not say: pages beyond ${hex(limit)} would be bounced`
      : '';
  return facts.coherent
    ? {
        class: 'no maintenance',
        cause: 'coherence',
        because: `${facts.because}${unknown}`,
        from: 'linux-3.13',
      }
    : {
        class: 'native for local and hypercall for foreign',
        cause: 'coherence',
        because: `${facts.because}${unknown}`,
        from: HYPERCALL,
      };
}
