/**
 * Typed events of a kernel trace.
 *
 * One TraceEvent object is filled again for each event (a trace has millions; an object each was measured to
 * dominate). A consumer copies what it keeps. Which fields mean something depends on the kind and is said here.
 * Sources: include/trace/events/dma.h and swiotlb.h of Linux 6.12 and 7.3; the probes of docs/recording.md.
 */
import type { DmaAddr, MachineAddr, Mfn, Pfn, PhysAddr } from '../address/index.ts';

export const EventKind = {
  /** dma_map_page, dma_map_phys: device dir dmaAddr physAddr size attrs. dmaAddr may be DMA_MAPPING_ERROR. */
  map: 0,
  /** dma_unmap_page, dma_unmap_phys: device dir dmaAddr size attrs. */
  unmap: 1,
  /** dma_map_resource: as map, no RAM behind it, no maintenance. */
  mapResource: 2,
  /** dma_unmap_resource: as unmap. */
  unmapResource: 3,
  /** dma_map_sg: device dir attrs nents ents truncated, dmaAddrs and sizes (of ents), physAddrs (of nents). */
  mapSg: 4,
  /** dma_map_sg_err: device dir attrs, physAddrs (the kernel prints them under the name dma_addrs). */
  mapSgError: 5,
  /** dma_unmap_sg: device dir attrs physAddrs. Printed before its maintenance. */
  unmapSg: 6,
  /** dma_sync_single_for_cpu, dma_sync_single_for_device: device dir dmaAddr size. */
  syncForCpu: 7,
  syncForDevice: 8,
  /** dma_sync_sg_for_cpu, dma_sync_sg_for_device: device dir dmaAddrs sizes. */
  syncSgForCpu: 9,
  syncSgForDevice: 10,
  /** dma_alloc, dma_free: coherent memory: device dir dmaAddr size attrs. A failed dma_alloc has dmaAddr 0. */
  alloc: 11,
  free: 12,
  /** dma_alloc_pages, dma_free_pages: non-coherent pages, to be synced by hand: as alloc. */
  allocPages: 13,
  freePages: 14,
  /** dma_alloc_sgt, dma_free_sgt: device dir dmaAddr size physAddrs. */
  allocSgt: 15,
  freeSgt: 16,
  /** swiotlb_bounced: device dmaAddr (the address that would not do) size dmaMask force. */
  swiotlbBounced: 17,
  /** arch_sync_for_device, arch_sync_for_cpu (probes): physAddr size dir. */
  archSyncForDevice: 18,
  archSyncForCpu: 19,
  /** xen_sync_for_device, xen_sync_for_cpu (probes): dmaAddr (handle) size dir. */
  xenSyncForDevice: 20,
  xenSyncForCpu: 21,
  /** dma_cache_maint (probe): dmaAddr (handle) size op. */
  dmaCacheMaint: 22,
  /** cflush, cflush2 ... (probe on the hypercall's call site): machineAddr (bus) offset length op. */
  cacheFlush: 23,
  /** cflush_ret ... (probe): ret. */
  cacheFlushReturn: 24,
  /** p2m (probe): pfn mfn count. mfn is INVALID_P2M_ENTRY where the mapping is removed. */
  p2m: 25,
  /**
   * xs_map_page: size dir attrs (its page is a struct page pointer and not read; physAddr is NO_SLOT);
   * xs_map_phys: physAddr too.
   */
  xsMap: 26,
  /** xs_unmap_page, xs_unmap_phys: dmaAddr size dir attrs. */
  xsUnmap: 27,
  /** xs_sync_single_for_cpu, xs_sync_single_for_device: dmaAddr size dir. */
  xsSyncForCpu: 28,
  xsSyncForDevice: 29,
  /** swiotlb_map (probe): physAddr (orig) size. */
  swiotlbMap: 30,
  /** swiotlb_map_ret (probe): physAddr (slot, or NO_SLOT). */
  swiotlbMapReturn: 31,
  /** swiotlb_unmap (probe): physAddr (slot) size dir attrs. */
  swiotlbUnmap: 32,
  /** tracing_mark_write, or print: text. */
  marker: 33,
  /**
   * "CPU:n [LOST m EVENTS]" or "##### CPU n buffer started ####": cpu, lost (0: number not known). With cpu -1: the
   * header says that events before the first one here were overwritten, on any CPU.
   */
  lost: 34,
  /** dma_alloc_sgt_err (7.x): device dir size attrs; dmaAddr is 0. */
  allocSgtError: 35,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** Kinds that a reader may be told to keep to itself: not what is lost, or said in words. */
export type MutableKind = Exclude<EventKind, typeof EventKind.lost | typeof EventKind.marker>;

/** enum dma_data_direction; 3 is DMA_NONE. */
export const Direction = { bidirectional: 0, toDevice: 1, fromDevice: 2, none: 3 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/**
 * The DMA attributes that change what the kernel does, by their bit in include/linux/dma-mapping.h. Others
 * (WEAK_ORDERING, PRIVILEGED ...) are set in `attributes` too: compare with a mask of those that matter.
 */
export const Attribute = {
  skipCpuSync: 1 << 5,
  noWarn: 1 << 8,
  mmio: 1 << 10,
  requireCoherent: 1 << 12,
} as const;

/** Is this attribute among them. */
export function hasAttribute(attributes: number, attribute: number): boolean {
  // Most calls have none.
  return attributes !== 0 && Math.floor(attributes / attribute) % 2 === 1;
}

/** In which context the CPU was, from the flags column. Contexts nest in this order. */
export const Context = { process: 0, softirq: 1, hardirq: 2, nmi: 3 } as const;
export type Context = (typeof Context)[keyof typeof Context];

/** One event; the reader's own object, valid only until the sink returns. */
export class TraceEvent {
  kind: EventKind = EventKind.marker;
  /** As printed ("dma_map_page" or "dma_map_phys", "cflush2" ...); '' for EventKind.lost. */
  name = '';
  /** Line of the text, from 1. */
  line = 0;
  cpu = 0;
  pid = 0;
  context: Context = Context.process;
  /** Index into the reader's `devices`, or -1. */
  device = -1;
  /** Of map and unmap: named dma_map_phys, dma_unmap_phys (and not ..._page), which tells the kernel's age. */
  byPhys = false;
  direction: Direction = Direction.none;
  /** Bytes. */
  size = 0;
  /** DMA_ATTR_* bits of include/linux/dma-mapping.h, whether printed as a number or as names. */
  attributes = 0;
  dmaAddr: DmaAddr = 0 as DmaAddr;
  physAddr: PhysAddr = 0 as PhysAddr;
  machineAddr: MachineAddr = 0 as MachineAddr;
  /** Bytes, of cacheFlush: offset in the page, and length. */
  offset = 0;
  length = 0;
  /** GNTTAB_CACHE_CLEAN 1, GNTTAB_CACHE_INVAL 2. */
  op = 0;
  ret = 0;
  pfn: Pfn = 0 as Pfn;
  mfn: Mfn = 0 as Mfn;
  /** Pages, of p2m. */
  count = 0;
  /** Last address the device reaches, 0 where it has no mask; Infinity where 54 or more low bits are set. */
  dmaMask = 0;
  force = false;
  /** Full counts as the kernel says them, also where the printed lists were cut. */
  nents = 0;
  ents = 0;
  truncated = false;
  /** Printed list elements; the arrays are longer than the counts and hold rubbish after them. */
  dmaAddrs = new Float64Array(128);
  dmaCount = 0;
  physAddrs = new Float64Array(128);
  physCount = 0;
  sizes = new Float64Array(128);
  sizeCount = 0;
  text = '';
  lost = 0;

  /** Element of dmaAddrs, 0 <= index < dmaCount. */
  dmaAt(index: number): DmaAddr {
    return (this.dmaAddrs[index] ?? 0) as DmaAddr;
  }
  /** Element of physAddrs, 0 <= index < physCount. */
  physAt(index: number): PhysAddr {
    return (this.physAddrs[index] ?? 0) as PhysAddr;
  }
  /** Element of sizes, 0 <= index < sizeCount. */
  sizeAt(index: number): number {
    return this.sizes[index] ?? 0;
  }
}

/** A dma, swiotlb or probe event that could not be read. */
export interface Unparsed {
  readonly line: number;
  /** From the line where readable, else -1. */
  readonly cpu: number;
  readonly event: string;
  /** What was found and what was expected. */
  readonly reason: string;
}

/** Where a reader delivers what it reads. */
export interface TraceSink {
  event(event: TraceEvent): void;
  unparsed(unparsed: Unparsed): void;
}

/** What a reader can say of a trace when it is through. */
export interface TraceSummary {
  readonly lines: number;
  /** All events with a name, known or not. */
  readonly events: number;
  /** Events that mean something here, by the name as printed, read or not. */
  readonly known: ReadonlyMap<string, number>;
  /** Events of names that mean nothing here, by name; at most 1,000 names are kept. */
  readonly unknown: ReadonlyMap<string, number>;
  readonly unparsed: number;
  /** Events that the kernel says were lost; a marker without a number counts as one. */
  readonly lost: number;
  /**
   * Events overwritten before the first one here, as the kernel's header says ("entries-in-buffer/entries-written");
   * not in `lost`, and no event tells it. Where CPUs began at different times, markers do.
   */
  readonly overwritten: number;
  /** False where the trace was printed without its flags column (no irq-info): contexts are not known. */
  readonly contextKnown: boolean;
  /** Lines that are no event, marker, comment or stack dump, and the first of them. Not errors. */
  readonly strange: number;
  readonly firstStrange: StrangeLine | undefined;
}

/** A line that fits nothing. */
export interface StrangeLine {
  readonly line: number;
  /** Its beginning, at most 80 characters. */
  readonly excerpt: string;
}
