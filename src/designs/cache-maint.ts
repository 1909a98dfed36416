/**
 * dma_cache_maint() of arch/arm/xen/mm.c: the loop that cuts a range into page chunks for the hypercall.
 * Three versions of it are the difference between the releases that corrupt data and those that do not.
 */
import { floorTo, lowBits, offsetBy, PAGE_SIZE, pageOffset } from '../address/index.ts';
import type { Variant } from './swiotlb-xen.ts';

type Maintain = Variant['maintain'];

/**
 * 3.19 to 5.3: by frame number. The next chunk is the next frame, whatever the length of this one. In 64-bit arithmetic and
 * with a bus offset it is also the repair.
 */
export const byFrame =
  (toBus: Variant['toBus']): Maintain =>
  (kernel, device, dma, size, op) => {
    const handle = toBus(kernel, device, dma);
    let bus = floorTo(handle, PAGE_SIZE);
    let offset = pageOffset(handle);
    let left = size;
    do {
      const length = Math.min(left, PAGE_SIZE - offset);
      kernel.cacheFlush({ devBusAddr: bus, offset, length, op });
      offset = 0;
      bus = offsetBy(bus, PAGE_SIZE);
      left -= length;
    } while (left > 0);
  };

/**
 * Since 5.4: a page-masked address is advanced by the *length* of the chunk. With a first offset other than 0 it is
 * not page aligned from the second chunk on; Xen drops its low bits, and the chunk lands one page early.
 * The mask is an `unsigned long`: with 32 bits it cuts an LPAE machine address.
 */
export const byLength =
  (toBus: Variant['toBus']): Maintain =>
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
