/**
 * What Xen does to the machine, and nothing else of it: the port through which this room reaches memory and caches.
 *
 * Everything is by machine address or frame. Xen runs at EL2 on its own cacheable mappings of all RAM, so an invalidate
 * destroys dirty data. Who implements it knows which core is executing.
 */
import type { MachineAddr, Mfn } from '../address/index.ts';
import type { DomId } from './abi/domid.ts';

/** Xen's helpers {clean,invalidate,clean_and_invalidate}_dcache_va_range (xen/arch/arm/include/asm/page.h, 4.20). */
export type XenMaintenance = 'clean' | 'invalidate' | 'cleanInvalidate';

/** How an operation differs from the right one; each is a quirk's doing. */
export interface MaintenanceOptions {
  /** Bytes from one instruction to the next, where Xen believes in another line size than the caches have. */
  readonly stride?: number;
  /** Works on the executing core's cache only. */
  readonly localOnly?: true;
}

export interface XenHardware {
  /**
   * Maintenance of the lines that [at, at + size) touches. 'invalidate' cleans and invalidates a line covered in part.
   * Pending until barrier().
   */
  maintain(op: XenMaintenance, at: MachineAddr, size: number, options?: MaintenanceOptions): void;
  /** DSB of the executing core. */
  barrier(): void;
  /** memcpy() of `size` bytes (1 or more, within a page each) through Xen's cacheable mappings. */
  copy(from: MachineAddr, to: MachineAddr, size: number): void;
  /** Zeroes the whole frame by stores through Xen's cacheable mapping. */
  scrub(frame: Mfn): void;
  /** Control structures in memory (hypercall arguments, grant entries): bytes [offset, offset + size) of the frame. */
  readBytes(frame: Mfn, offset: number, size: number): Uint8Array;
  writeBytes(frame: Mfn, offset: number, bytes: Uint8Array): void;
  /** The domain's translations are gone from every TLB. */
  tlbFlush(domain: DomId): void;
  /** What every copy of the frame's bytes holds from now on belongs to somebody else than its owner. */
  ownerChanged(frame: Mfn): void;
  /** A guest's invalidate by set/way reached the executing core's cache: all its dirty lines may be lost. */
  invalidateSetWay(): void;
}
