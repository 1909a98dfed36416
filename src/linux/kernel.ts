/**
 * The services of a kernel that a design uses, and what a design is.
 *
 * A design is synchronous and holds no state, so that the same text runs on a recorded trace (replay), on a
 * simulated machine (check) and can be explored. Whatever it needs to remember is the Kernel's.
 */
import type { DmaAddr, MachineAddr, Mfn, Pfn, PhysAddr } from '../address/index.ts';
import type { Attributes, Device, Direction } from './dma.ts';

/** struct gnttab_cache_flush as a design fills it (xen/include/public/grant_table.h, Xen 4.20). */
export interface CacheFlush {
  /** Low 12 bits are ignored by Xen without an error. */
  readonly devBusAddr: MachineAddr;
  /** Bytes into the page, 0 to 4095. */
  readonly offset: number;
  /** Bytes, 0 to 4096. */
  readonly length: number;
  readonly op: CacheFlushOp;
}
/** GNTTAB_CACHE_CLEAN and GNTTAB_CACHE_INVAL. */
export const CacheFlushOp = { clean: 1, invalidate: 2 } as const;
export type CacheFlushOp = (typeof CacheFlushOp)[keyof typeof CacheFlushOp];

/**
 * A virtual address at which the kernel maintains: the mapping behind it is resolved when it is used, and may be dead by then.
 * `linear`: the linear map (or kmap) of a pseudo-physical page. `scratch`: a per-CPU mapping made for one call.
 */
export interface Alias {
  readonly mapping: 'linear' | 'scratch';
  readonly phys: PhysAddr;
}

/**
 * A search structure that a design keeps in the kernel. Designs hold no state: each access is the Kernel's, so that it
 * is a scheduling point and is counted as cost.
 */
export interface Table<Key, Value> {
  /** Values under the key, oldest first. */
  find(key: Key): readonly Value[];
  insert(key: Key, value: Value): void;
  /** Remove one such value; nothing if there is none. */
  remove(key: Key, value: Value): void;
}

/** The structures that designs were built on, or would have been. */
export interface Tables {
  /** 3.13: rb-tree mach_to_phys of arch/arm/xen/p2m.c. */
  readonly machineToPhys: Table<Mfn, Pfn>;
  /** `va-table`: the live alias of each mapping. */
  readonly aliasOfMapping: Table<DmaAddr, Alias>;
  /** `foreign-index`: all live pages of a foreign frame. */
  readonly pagesOfFrame: Table<Mfn, Pfn>;
}

export type Architecture = 'arm' | 'arm64' | 'x86';

export interface Kernel {
  /** What differs by it within one release is the design's business. */
  readonly architecture: Architecture;
  /** Width of `unsigned long`, which decides what XEN_PAGE_MASK keeps of a 64-bit address. */
  readonly longBits: 32 | 64;
  /** Width of phys_addr_t and dma_addr_t: 32 on 32-bit Arm without LPAE. */
  readonly physBits: 32 | 64;
  /** The hypervisor has GNTTABOP_cache_flush (hypercall_cflush in arch/arm/xen/mm.c). */
  readonly hasCacheFlush: boolean;

  /** pfn_valid(): is there a struct page. At the granularity that this kernel has (128 MiB sections on arm64 >= 5.14). */
  pfnValid(frame: Pfn): boolean;
  /** Exactly: is this machine frame the kernel's own RAM. No kernel asks this today. */
  isOwnFrame(frame: Mfn): boolean;
  /** pfn_to_bfn(): the machine frame behind a pseudo-physical one; the identity for local pages. */
  pfnToBfn(frame: Pfn): Mfn;
  /**
   * page_to_pfn() of the page that a driver names when it maps this frame: of a compound page the first, where map compares that one alone;
   * else the frame itself.
   */
  namedFrame(frame: Pfn): Pfn;
  /** phys_to_dma() and dma_to_phys(): the bus offset of dma-ranges, given a *machine* address. In the width of a phys_addr_t if `bits` does not say more. */
  busToDma(device: Device, bus: MachineAddr, bits?: 64): DmaAddr;
  dmaToBus(device: Device, dma: DmaAddr, bits?: 64): MachineAddr;

  /** dma_capable() of the address as the device would get it. */
  dmaCapable(device: Device, dma: DmaAddr, size: number): boolean;
  /** dma_kmalloc_needs_bounce() (since 6.5). */
  kmallocNeedsBounce(device: Device, size: number, direction: Direction): boolean;
  /** is_swiotlb_force_bounce(). */
  swiotlbForced(device: Device): boolean;
  /** swiotlb_tbl_map_single(): takes a slot and copies the buffer into it, in every direction. NO_SLOT if full. */
  swiotlbMap(
    device: Device,
    phys: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): PhysAddr;
  /** is_swiotlb_buffer(): is this byte in a slot. */
  inSwiotlb(device: Device, phys: PhysAddr): boolean;
  /** __swiotlb_tbl_unmap_single(): copies back (FROM_DEVICE, BIDIRECTIONAL, unless skipCpuSync) and frees the slot. */
  swiotlbUnmap(
    device: Device,
    slot: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void;
  /** swiotlb_sync_single_for_cpu() and _for_device(): the copies alone. */
  swiotlbSyncForCpu(device: Device, slot: PhysAddr, size: number, direction: Direction): void;
  swiotlbSyncForDevice(device: Device, slot: PhysAddr, size: number, direction: Direction): void;

  /** arch_sync_dma_for_device() and _for_cpu(): native maintenance through the kernel's linear map. */
  archSyncForDevice(phys: PhysAddr, size: number, direction: Direction): void;
  archSyncForCpu(phys: PhysAddr, size: number, direction: Direction): void;
  /** arch_sync_dma_flush() (7.1 on): what those have issued is complete. */
  archSyncFlush(): void;

  /** XENFEAT_grant_map_identity: granted frames are mapped at gfn == mfn as well. No released Xen had it. */
  readonly hasGrantMapIdentity: boolean;
  /** machine_to_phys_mapping of x86, exact for every frame of the domain. The identity on Arm, where nobody keeps one. */
  machineToPfn(frame: Mfn): Pfn;
  readonly tables: Tables;
  /** A kernel lock that guards a table, by name. Taken and released by the same call. */
  lock(name: string): void;
  unlock(name: string): void;
  /**
   * dmac_map_area() and dmac_unmap_area() or their like: maintenance of the inner caches by VA, what the direction asks
   * for on this architecture.
   */
  syncAliasForDevice(alias: Alias, size: number, direction: Direction): void;
  syncAliasForCpu(alias: Alias, size: number, direction: Direction): void;
  /** Outer-cache maintenance (PL310) at the address as given, right or wrong; nothing where there is no outer cache. */
  outerSyncForDevice(at: PhysAddr, size: number, direction: Direction): void;
  outerSyncForCpu(at: PhysAddr, size: number, direction: Direction): void;

  /** HYPERVISOR_grant_table_op(GNTTABOP_cache_flush, ..., 1): 0 or a negative errno. No Linux looks at it. */
  cacheFlush(flush: CacheFlush): number;

  /** The design's own code has gone wrong: only a kernel's source does so. */
  oops(problem: KernelProblem): void;
}

/** Something that a kernel reports of itself. */
export interface KernelProblem {
  /** BUG(), a trap, a loop without end; or WARN(), after which it goes on. */
  readonly rule: 'kernel-bug' | 'kernel-warning';
  /** "arch/arm/xen/mm.c:42", or a function where the line is not known. */
  readonly at: string;
  readonly what: string;
}

/** Thrown after a kernel-bug: the call does not come back. */
export class KernelDied extends Error {}

/**
 * What else a design does when a foreign page comes and goes (set_foreign_p2m_mapping and its reverse), for designs that keep
 * track of those. Optional.
 */
export interface GrantHooks {
  /** The grant was mapped at `frame`. False: the design refuses it, and the mapping is undone. */
  grantMapped?(kernel: Kernel, frame: Pfn, machine: Mfn): boolean;
  /** About to be unmapped. */
  grantUnmapped?(kernel: Kernel, frame: Pfn, machine: Mfn): void;
}

/** A design: what a release (or a proposal) does at each entry point of the DMA API. */
export interface DmaOps {
  /** DMA address for the device, or DMA_MAPPING_ERROR. */
  map(
    kernel: Kernel,
    device: Device,
    phys: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): DmaAddr;
  /** Given the DMA address and never a page: that is the point of the thread. */
  unmap(
    kernel: Kernel,
    device: Device,
    dma: DmaAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void;
  syncForCpu(kernel: Kernel, device: Device, dma: DmaAddr, size: number, direction: Direction): void;
  syncForDevice(kernel: Kernel, device: Device, dma: DmaAddr, size: number, direction: Direction): void;
  /** It calls archSyncFlush() itself, wherever that is needed. */
  readonly completesMaintenance?: boolean;
}

/** A design with its name and where it comes from. */
export interface Design extends DmaOps, GrantHooks {
  /** Stable id, as --design takes it. */
  readonly name: string;
  /** One sentence for reports. */
  readonly summary: string;
  /** Linux releases it is the design of, first included, last excluded ([major, minor]); undefined: of none. */
  readonly releases?: { readonly from: Release; readonly before?: Release };
  /** Runs on Xen (swiotlb-xen) or on bare metal. */
  readonly on: 'xen' | 'bare-metal';
  /** Name of the design whose expectations are its own, too: a kernel's source is to behave as the design of its release. */
  readonly expectedAs?: string;
  /** The machine that it is for, where that is not an Arm dom0 without an SMMU: no recording can judge it then. */
  readonly needs?: string;
}
export type Release = readonly [major: number, minor: number];
