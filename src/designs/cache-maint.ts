/**
 * dma_cache_maint() of arch/arm/xen/mm.c: the loop that cuts a range into page chunks for the hypercall.
 * Three versions of it are the difference between the releases that corrupt data and those that do not.
 */
import { floorTo, lowBits, type MachineAddr, offsetBy, PAGE_SIZE, pageOffset } from '../address/index.ts';
import type { CacheFlushOp, Kernel } from '../linux/index.ts';
import type { Rule } from './local-or-foreign.ts';
import { eachPage } from './pages.ts';

type Maintain = Rule['maintain'];

/**
 * 3.19 to 5.3: by frame number. The next chunk is the next frame, whatever the length of this one. The frame number is an
 * `unsigned long` and is shifted as one: with 32 bits that cuts an LPAE machine address.
 */
export const byFrame =
  (toBus: Rule['toBus']): Maintain =>
  (kernel, device, dma, size, op) =>
    eachPage(toBus(kernel, device, dma), size, (at, length) =>
      flushFrame(kernel, at, length, op, kernel.longBits),
    );

/** The chunk of one page, as byFrame hands it to Xen. `bits` is the width that the frame number is shifted in. */
export function flushFrame(
  kernel: Kernel,
  at: MachineAddr,
  length: number,
  op: CacheFlushOp,
  bits: 32 | 64,
): void {
  const devBusAddr = lowBits(floorTo(at, PAGE_SIZE), bits);
  kernel.cacheFlush({ devBusAddr, offset: pageOffset(at), length, op });
}

/**
 * Since 5.4: a page-masked address is advanced by the *length* of the chunk. With a first offset other than 0 it is
 * not page aligned from the second chunk on; Xen drops its low bits, and the chunk lands one page early.
 * The mask is an `unsigned long`: with 32 bits it cuts an LPAE machine address.
 */
export const byLength =
  (toBus: Rule['toBus']): Maintain =>
  (kernel, device, dma, size, op) => {
    let handle = lowBits(floorTo(dma, PAGE_SIZE), kernel.longBits);
    let offset = pageOffset(dma);
    let left = size;
    do {
      const length = Math.min(left, PAGE_SIZE - offset);
      kernel.cacheFlush({ devBusAddr: toBus(kernel, device, handle), offset, length, op });
      offset = 0;
      handle = offsetBy(handle, length);
      left -= length;
    } while (left > 0);
  };

/** The repair: to the next page boundary, in 64-bit arithmetic on every architecture. */
export const toNextPage =
  (toBus: Rule['toBus']): Maintain =>
  (kernel, device, dma, size, op) =>
    eachPage(toBus(kernel, device, dma), size, (at, length) => flushFrame(kernel, at, length, op, 64));
