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

export interface Kernel {
  /** Width of `unsigned long`, which decides what XEN_PAGE_MASK keeps of a 64-bit address. */
  readonly longBits: 32 | 64;
  /** The hypervisor has GNTTABOP_cache_flush (hypercall_cflush in arch/arm/xen/mm.c). */
  readonly hasCacheFlush: boolean;

  /** pfn_valid(): is there a struct page. At the granularity that this kernel has (128 MiB sections on arm64 >= 5.14). */
  pfnValid(frame: Pfn): boolean;
  /** Exactly: is this machine frame the kernel's own RAM. No kernel asks this today. */
  isOwnFrame(frame: Mfn): boolean;
  /** pfn_to_bfn(): the machine frame behind a pseudo-physical one; the identity for local pages. */
  pfnToBfn(frame: Pfn): Mfn;
  /** phys_to_dma() and dma_to_phys(): the bus offset of dma-ranges, given a *machine* address. */
  busToDma(device: Device, bus: MachineAddr): DmaAddr;
  dmaToBus(device: Device, dma: DmaAddr): MachineAddr;

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
  /** HYPERVISOR_grant_table_op(GNTTABOP_cache_flush, ..., 1). Linux ignores what it returns. */
  cacheFlush(flush: CacheFlush): void;
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
}

/** A design with its name and where it comes from. */
export interface Design extends DmaOps {
  /** Stable id, as --design takes it. */
  readonly name: string;
  /** One sentence for reports. */
  readonly summary: string;
  /** Linux releases it is the design of, first included, last excluded ([major, minor]); undefined: of none. */
  readonly releases?: { readonly from: Release; readonly before?: Release };
  /** Runs on Xen (swiotlb-xen) or on bare metal. */
  readonly on: 'xen' | 'bare-metal';
}
export type Release = readonly [major: number, minor: number];
