/**
 * Page and cache line arithmetic without bit operators: those cut to 32 bits in JavaScript, which is the
 * kernel's bug e17b2f114c (a machine address above 4 GiB cut to 32 bits) once more.
 *
 * Division by a power of two is exact on addresses below 2^53, and so is what is built on it here; the remainder operator
 * (fmod on numbers above 2^31) was measured to cost ten times as much.
 */
import type { AnyAddr, DmaAddr, MachineAddr, Mfn, Pfn, PhysAddr } from './kinds.ts';

/** Bytes of a Xen page (XEN_PAGE_SIZE), the unit of grants and of GNTTABOP_cache_flush. */
export const PAGE_SIZE = 4096;

/** Offset in its 4 KiB page, in [0, 4096). */
export function pageOffset(addr: AnyAddr): number {
  return addr - Math.floor(addr / PAGE_SIZE) * PAGE_SIZE;
}

/** The same address with its low bits cleared. `size` is a page's or a line's, in bytes: a power of two. */
export function floorTo<A extends AnyAddr>(addr: A, size: number): A {
  return (Math.floor(addr / size) * size) as A;
}

/** The first multiple of `size` at or after the address. */
export function ceilTo<A extends AnyAddr>(addr: A, size: number): A {
  return (Math.ceil(addr / size) * size) as A;
}

/** `addr + bytes`; bytes may be negative. The caller keeps the result within [0, 2^53). */
export function offsetBy<A extends AnyAddr>(addr: A, bytes: number): A {
  return (addr + bytes) as A;
}

/** Machine frame of a machine address. */
export function mfnOf(addr: MachineAddr): Mfn {
  return Math.floor(addr / PAGE_SIZE) as Mfn;
}

/** First byte of a machine frame. */
export function machineAddrOf(frame: Mfn): MachineAddr {
  return (frame * PAGE_SIZE) as MachineAddr;
}

/** Pseudo-physical frame of an address. */
export function pfnOf(addr: PhysAddr): Pfn {
  return Math.floor(addr / PAGE_SIZE) as Pfn;
}

/** First byte of a pseudo-physical frame. */
export function physAddrOf(frame: Pfn): PhysAddr {
  return (frame * PAGE_SIZE) as PhysAddr;
}

/** Number of the 4 KiB page that holds a DMA address, for tables keyed by page. */
export function dmaPage(addr: DmaAddr): number {
  return Math.floor(addr / PAGE_SIZE);
}

/**
 * What an `unsigned long` of that width keeps of an address. 64 keeps everything here (addresses are below 2^53); 32
 * is what XEN_PAGE_MASK does to a dma_addr_t on 32-bit Arm with LPAE.
 */
export function lowBits<A extends AnyAddr>(addr: A, bits: 32 | 64): A {
  return (bits === 32 ? addr % 2 ** 32 : addr) as A;
}
