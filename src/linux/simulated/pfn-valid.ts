/**
 * pfn_valid(): is there a struct page, which is not the same as: is it the kernel's RAM.
 *
 * swiotlb-xen takes one for the other, so the granularity decides which foreign frames it mistakes for its own.
 * Sources: arch/arm64/mm/init.c of 5.10, include/linux/mmzone.h of 6.12, arch/arm/mm/init.c since 5.14,
 * arch/arm64/include/asm/sparsemem.h (SECTION_SIZE_BITS 27 with 4 KiB pages).
 */
import {
  type ByteRange,
  ceilTo,
  floorTo,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  physAddr,
  physAddrOf,
  RangeSet,
} from '../../address/index.ts';
import { isEarlier, type LinuxPlatform, type PfnValid } from './platform.ts';

/** Bytes of a pageblock (32-bit Arm without huge pages). */
const PAGEBLOCK = 4 * 2 ** 20;
/** Bytes of a memory section (arm64 with 4 KiB pages, x86-64). */
export const SECTION = 128 * 2 ** 20;
/** Bytes of a subsection: the granularity of memory that is added later (memremap_pages). */
const SUBSECTION = 2 * 2 ** 20;

/** Granularity of pfn_valid() on RAM of the kernel's own. */
export function pfnValidGranularity({ architecture, release, pfnValid }: LinuxPlatform): PfnValid {
  if (pfnValid !== undefined) return pfnValid;
  if (architecture === 'x86') return 'section';
  if (isEarlier(release, [5, 14])) return 'exact';
  return architecture === 'arm' ? 'pageblock' : 'section';
}

const GRANULARITY: Readonly<Record<PfnValid, number>> = {
  exact: PAGE_SIZE,
  pageblock: PAGEBLOCK,
  section: SECTION,
  always: PAGE_SIZE,
  never: PAGE_SIZE,
};

/** All that a page frame number of 48-bit addresses can name. */
const EVERYWHERE: ByteRange<PhysAddr> = [physAddr(0), physAddr(2 ** 48)];

/** Which frames have a struct page, and which a linear mapping. */
export class StructPages {
  readonly #valid: RangeSet<PhysAddr>;
  readonly #mapped: RangeSet<PhysAddr>;
  readonly #ram: RangeSet<PhysAddr>;

  constructor(platform: LinuxPlatform) {
    const { ram, structPagesToo = [] } = platform;
    const rule = pfnValidGranularity(platform);
    const granularity = GRANULARITY[rule];
    this.#ram = new RangeSet(ram);
    this.#mapped = new RangeSet([...ram, ...structPagesToo]);
    this.#valid =
      rule === 'never'
        ? new RangeSet<PhysAddr>([])
        : new RangeSet([
            ...(rule === 'always' ? [EVERYWHERE] : []),
            ...ram.map((range) => widened(range, granularity)),
            ...structPagesToo.map((range) => widened(range, SUBSECTION)),
          ]);
  }

  /** pfn_valid(). */
  isValid(frame: Pfn): boolean {
    return this.#valid.has(physAddrOf(frame));
  }

  /** The linear map (or kmap) has a virtual address for it. What is behind that is stage 2's business. */
  isMapped(frame: Pfn): boolean {
    return this.#mapped.has(physAddrOf(frame));
  }

  /** The kernel's own RAM, ballooned out or not. */
  isRam(frame: Pfn): boolean {
    return this.#ram.has(physAddrOf(frame));
  }
}

function widened([from, to]: ByteRange<PhysAddr>, granularity: number): ByteRange<PhysAddr> {
  return [floorTo(from, granularity), ceilTo(to, granularity)];
}
