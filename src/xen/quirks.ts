/**
 * Bugs that Xen on Arm had, by name. A quirk is on or off whatever the version, so that the broken and the repaired
 * hypervisor differ in it alone; the versions say where it was real. Each is consulted at exactly one place.
 */
import type { XenVersion } from './version.ts';

/** Where a quirk comes from. */
export interface QuirkFacts {
  /** Advisory or commit in xen.git. */
  readonly source: string;
  /** Releases that had it: the first, and the first without it; undefined: not known, or (both) in no release. */
  readonly from?: XenVersion;
  readonly before?: XenVersion;
  /** One sentence for reports. */
  readonly says: string;
}

export const XEN_QUIRKS = {
  'cache-flush-range-wraps': {
    source: 'XSA-437, XSA-447',
    before: [4, 19],
    says: 'On 32-bit Arm a range that ends at the top of the address space ends at 0, and nothing of it is maintained.',
  },
  'clean-misses-unaligned-tail': {
    source: 'caf053fb54',
    from: [4, 5],
    before: [4, 9],
    says: 'Clean steps by whole lines from an unaligned start and can miss the last line.',
  },
  'range-op-steps-by-own-line-size': {
    source: '457c86ff39',
    says: 'Range operations step by the line size of the boot core and pass over the lines of cores with shorter ones.',
  },
  'maintenance-on-local-cpu-only': {
    source: '5642a6055c',
    says: 'Maintenance works on the executing core only; lines dirty in another core stay.',
  },
  'flush-before-scrub': {
    source: 'XSA-364',
    from: [4, 9],
    before: [4, 15],
    says: 'A page is flushed before it is scrubbed: the zeroes may be in the cache alone when its new owner reads uncached.',
  },
  'boot-modules-not-scrubbed': {
    source: 'XSA-372',
    from: [4, 12],
    before: [4, 16],
    says: 'Memory of boot modules is given to domains with its content.',
  },
  'p2m-entry-survives-removal': {
    source: 'XSA-393',
    from: [4, 12],
    before: [4, 17],
    says: 'Removing a p2m entry that was never accessed leaves it: the domain reaches the frame after it was freed.',
  },
  'set-way-invalidate-discards': {
    source: 'XSA-93',
    from: [4, 4],
    before: [4, 5],
    says: 'A guest invalidates the cache by set/way and discards dirty lines of the hypervisor and other domains.',
  },
  'grant-lock-dropped-before-flush': {
    source: '553ac37137',
    says: 'Between looking up the grant and the maintenance no lock is held: the grant can be unmapped, the page reused.',
  },
  'self-unmap-drops-iommu-entry': {
    source: 'e8185c5f01',
    says: "Grants of one's own pages take IOMMU entries too, and unmapping one removes the page's own entry.",
  },
  'partial-unmap-underflows-pin': {
    source: 'XSA-394',
    before: [4, 17],
    says: 'An unmap that leaves the grant mapped counts as one: the count goes below zero, the IOMMU entry goes early.',
  },
  'free-while-access-remains': {
    source: 'XSA-218',
    before: [4, 9],
    says: 'Unmapping counts before the TLB flush and reports after it: two at once report "free" while one can still write.',
  },
  'free-before-tlb-flush': {
    source: 'XSA-346',
    before: [4, 15],
    says: 'A page is freed while translations to it are still in a TLB (in the advisory: that of the IOMMU).',
  },
  'map-failure-status-positive': {
    source: 'XSA-316',
    before: [4, 14],
    says: 'A map refused for the state of the entry reports status 1, which callers that test for negative take for success.',
  },
  'no-keep-allocated': {
    source: 'what the keep-allocated rule of guest_remove_page() (xen/common/memory.c) prevents',
    says: 'Ballooning out frees frames of a direct-mapped domain, so that they can become foreign pages.',
  },
  'grant-map-identity': {
    source: 'added 2014-08, reverted 2014-10 before 4.5',
    says: 'XENFEAT_grant_map_identity: granted frames are also mapped at gfn == mfn for a direct-mapped domain.',
  },
} as const satisfies Readonly<Record<string, QuirkFacts>>;

export type XenQuirk = keyof typeof XEN_QUIRKS;
