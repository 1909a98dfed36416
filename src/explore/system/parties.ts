/** The hypervisor and the kernels of a case, made from its platform and from where its domains' memory lies. */
import {
  type ByteRange,
  ceilTo,
  gfn,
  type MachineAddr,
  mfn,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pfn,
  physAddrOf,
} from '../../address/index.ts';
import {
  bareMetal,
  GrantTable,
  isQuirk,
  type LinuxPlatform,
  type Quirk as LinuxQuirk,
  SECTION,
  SimulatedKernel,
  type World,
  XenPort,
  xenStage2,
} from '../../linux/simulated/index.ts';
import type { Footprint } from '../../machine/index.ts';
import type { Case, DomainSpec } from '../../scenario/index.ts';
import {
  type DomId,
  type FrameRange,
  type RamRange,
  XEN_QUIRKS,
  Xen,
  type XenHardware,
  type XenQuirk,
  xenPlatform,
} from '../../xen/index.ts';
import type { Layout } from './layout.ts';

/** One kernel and what belongs to it. */
export interface Party {
  readonly spec: DomainSpec;
  readonly domid: DomId;
  readonly layout: Layout;
  readonly kernel: SimulatedKernel;
  /** What it grants to others; undefined without a hypervisor. */
  readonly grantTable: GrantTable | undefined;
}

/** The hypervisor, with a domain for each layout. */
export function makeXen(
  one: Case,
  layouts: readonly Layout[],
  hardware: XenHardware,
  footprint: Footprint,
): Xen {
  const { platform } = one;
  const ram = layouts.flatMap((layout) => layout.ram.map(({ machine, size }) => frames(machine, size)));
  const xen = new Xen({
    platform: xenPlatform({
      version: platform.xen ?? [4, 20],
      arch: platform.architecture === 'arm' ? 'arm32' : 'arm64',
      quirks: platform.quirks.filter((name): name is XenQuirk => Object.hasOwn(XEN_QUIRKS, name)),
      scrubDomheap: platform.scrubDomheap,
      cacheLineBytes: platform.believedLineSizes[0] ?? platform.lineSizes[0],
    }),
    hardware,
    ram: [...ram, heapAbove(ram)],
    footprint,
    preempt: () => platform.preemption,
  });
  for (const [i, layout] of layouts.entries())
    xen.createDomain({
      domid: domidOf(layout.domain, i),
      directMapped: layout.domain.directMapped,
      hardware: layout.domain.hardware,
      iommu: platform.smmu && layout.domain.hardware,
      addressBits: platform.architecture === 'arm' ? (platform.lpae ? 40 : 32) : 48,
      ram: ramRanges(layout),
    });
  return xen;
}

/** What a kernel runs on and tells. */
export type Surroundings = Pick<World, 'machine' | 'scheduler' | 'footprint' | 'bounced' | 'fault'>;

/** The kernel of the domain with this index. @param hypervisor undefined: it is the only one. */
export function makeParty(
  one: Case,
  layout: Layout,
  index: number,
  surroundings: Surroundings,
  hypervisor: { readonly xen: Xen; readonly hardware: XenHardware } | undefined,
): Party {
  const { domain: spec } = layout;
  const domid = domidOf(spec, index);
  const platform = {
    ...linuxPlatform(one, layout, hypervisor !== undefined),
    ...(hypervisor && one.platform.foreignPages === 'extended-region'
      ? { structPagesToo: unpopulated(hypervisor.xen, domid) }
      : {}),
  };
  const common = { ...surroundings, platform };
  if (hypervisor === undefined) {
    const kernel = new SimulatedKernel({ ...common, stage2: bareMetal(platform.ram) });
    return { spec, domid, layout, kernel, grantTable: undefined };
  }
  const { scheduler, footprint } = surroundings;
  const port = { ...hypervisor, domid, scheduler };
  const xenPort = new XenPort({ ...port, argumentPages: layout.control[0] });
  const kernel = new SimulatedKernel({
    ...common,
    stage2: xenStage2(hypervisor.xen, domid, ramRanges(layout)),
    hypervisor: xenPort,
  });
  const setUp = (frames: number) => xenPort.setUpGrantTable(frames);
  return { spec, domid, layout, kernel, grantTable: new GrantTable({ ...port, footprint, setUp }) };
}

/**
 * Where foreign pages are mapped without giving up own ones: a section of an extended region, to which the kernel gives struct pages and a
 * linear mapping when it first needs some. Source: fill_list(), drivers/xen/unpopulated-alloc.c, Linux 6.12.
 */
function unpopulated(xen: Xen, domid: DomId): ByteRange<PhysAddr>[] {
  for (const { from, to } of xen.extendedRegions(domid)) {
    const first = ceilTo(physAddrOf(pfn(from)), SECTION);
    const end = offsetBy(first, SECTION);
    if (end <= physAddrOf(pfn(to))) return [[first, end]];
  }
  return [];
}

/** Frames of the host's RAM that no domain has at first. */
const HEAP_FRAMES = 0x4000;

/** It lies above the RAM of all domains: Xen gives out the highest frames first. */
function heapAbove(ram: readonly FrameRange[]): FrameRange {
  const from = mfn(Math.max(...ram.map(({ to }) => to)));
  return { from, to: mfn(from + HEAP_FRAMES) };
}

function frames(machine: MachineAddr, size: number): FrameRange {
  return { from: mfn(machine / PAGE_SIZE), to: mfn((machine + size) / PAGE_SIZE) };
}

/** dom0 is 0; the others are numbered from 1. */
function domidOf(domain: DomainSpec, index: number): DomId {
  return (domain.hardware ? 0 : index + 1) as DomId;
}

function linuxPlatform(one: Case, layout: Layout, onXen: boolean): LinuxPlatform {
  const { platform } = one;
  const [poolFrom, poolTo] = layout.swiotlb;
  return {
    name: layout.domain.name,
    architecture: platform.architecture,
    release: platform.linux,
    lpae: platform.lpae,
    regime: onXen ? 'EL1-stage2' : 'EL1',
    ram: layout.ram.map(({ phys, size }) => [phys, offsetBy(phys, size)] as const),
    heap: layout.heap,
    compoundPages: compoundPages(one, layout),
    ...(platform.pfnValid === undefined ? {} : { pfnValid: platform.pfnValid }),
    ...(platform.p2mEntries === undefined ? {} : { p2mEntries: platform.p2mEntries }),
    swiotlb: { base: poolFrom, size: poolTo - poolFrom, force: platform.swiotlb.force },
    outerCacheDriver: platform.outerCacheDriver === 'linux' && platform.outerCache,
    ...(platform.believedLineSizes.length > 0 ? { believedLineSizes: platform.believedLineSizes } : {}),
    cacheAlignment: Math.max(...platform.lineSizes),
    hasCacheFlush: onXen && platform.cacheFlush,
    hasGrantMapIdentity: platform.quirks.includes('grant-map-identity'),
    quirks: platform.quirks.filter((name): name is LinuxQuirk => isQuirk(name)),
  };
}

/** From the first page of each to its end. */
function compoundPages({ buffers }: Case, layout: Layout): ByteRange<PhysAddr>[] {
  return buffers.flatMap(({ name, domain, compound }) => {
    const pages = domain === layout.domain.name && compound ? layout.buffers.get(name) : undefined;
    const [first, last] = [pages?.[0], pages?.at(-1)];
    return first && last ? [[first.phys, offsetBy(last.phys, PAGE_SIZE)] as const] : [];
  });
}

function ramRanges({ ram }: Layout): RamRange[] {
  return ram.map(({ phys, machine, size }) => ({
    gfn: gfn(phys / PAGE_SIZE),
    mfn: mfn(machine / PAGE_SIZE),
    frames: size / PAGE_SIZE,
  }));
}
