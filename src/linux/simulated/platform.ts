/** One Linux as data: architecture, release, memory, and the bugs that it has. */
import type { ByteRange, PhysAddr } from '../../address/index.ts';
import type { Regime } from '../../coherence/index.ts';
import type { Architecture, Release } from '../kernel.ts';
import type { Quirk } from './quirks.ts';

/** The bounce buffers (swiotlb=). */
export interface SwiotlbPlatform {
  /** First byte, in the kernel's own RAM. A multiple of the page size. */
  readonly base: PhysAddr;
  /** Bytes: a multiple of 256 KiB (128 slots). */
  readonly size: number;
  /** swiotlb=force: every mapping bounces. Default: no. */
  readonly force?: boolean;
  /** Areas with their own lock and search position: a power of two. Default 1. */
  readonly areas?: number;
}

export interface LinuxPlatform {
  /** Name of the domain (or of the only kernel), for footprints and reports. */
  readonly name: string;
  readonly architecture: Architecture;
  readonly release: Release;
  /** arm: 40-bit physical addresses. Default: arm64 and x86 yes, arm no. */
  readonly lpae?: boolean;
  /** Where the kernel runs; `EL1-stage2` under a hypervisor. */
  readonly regime: Exclude<Regime, 'EL2'>;
  /** Its own RAM. */
  readonly ram: readonly ByteRange<PhysAddr>[];
  /** More memory with struct pages and a linear mapping: extended regions that hold foreign pages (memremap_pages). */
  readonly structPagesToo?: readonly ByteRange<PhysAddr>[];
  /** Compound pages of its own: drivers map them by their first page and an offset. */
  readonly compoundPages?: readonly ByteRange<PhysAddr>[];
  /** Free pages of the own RAM, from which the kernel allocates. Default: none. */
  readonly heap?: readonly ByteRange<PhysAddr>[];
  /** Granularity of pfn_valid(). Default: as the release has it. */
  readonly pfnValid?: PfnValid;
  /** No pool, no bouncing, if absent. */
  readonly swiotlb?: SwiotlbPlatform;
  /** arm: the kernel drives an outer cache (PL310). Default: no. */
  readonly outerCacheDriver?: boolean;
  /** Line size that each core believes in (CTR_EL0.DminLine as read there), by core. Default: the hardware's. */
  readonly believedLineSizes?: readonly number[];
  /** Largest line of the system (CTR_EL0.CWG), which decides whether a small kmalloc bounces. Default 64. */
  readonly cacheAlignment?: number;
  /** The kernel believes that there is GNTTABOP_cache_flush. Default: what the hypervisor answers. */
  readonly hasCacheFlush?: boolean;
  /** The same of XENFEAT_grant_map_identity. */
  readonly hasGrantMapIdentity?: boolean;
  /** Entries of the foreign p2m that there is memory for. Default: any number. */
  readonly p2mEntries?: number;
  /** Pages are zeroed before they go back to the hypervisor (xen_scrub_pages). Default: no. */
  readonly scrubsPages?: boolean;
  readonly quirks?: readonly Quirk[];
}

/**
 * `exact`: pages of RAM only. `pageblock`, `section`: whole ones of those, if they hold any RAM. `always`, `never`: no kernel's, to
 * see what the test is good for.
 */
export type PfnValid = 'exact' | 'pageblock' | 'section' | 'always' | 'never';

/** a < b. */
export function isEarlier(a: Release, b: Release): boolean {
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
}

/** Bits of a phys_addr_t, and so of what the kernel can keep a machine address in. */
export function physBits({ architecture, lpae }: LinuxPlatform): 32 | 64 {
  return architecture === 'arm' && !lpae ? 32 : 64;
}

/**
 * Maintenance is issued by arch_sync_dma_for_*() and completed by arch_sync_dma_flush(), once for a whole scatterlist: arm64
 * since 7.1.
 */
export function batchesBarriers({ architecture, release }: LinuxPlatform): boolean {
  return architecture === 'arm64' && !isEarlier(release, [7, 1]);
}
