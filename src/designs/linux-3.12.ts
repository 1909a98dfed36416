/**
 * Up to 3.12: the native operations, as without Xen. The device is given the pseudo-physical address: for a foreign page it
 * reads or writes the frame that dom0 itself had there before it was ballooned out.
 * Source: arch/arm/mm/dma-mapping.c, Linux 3.12 (swiotlb-xen came to Arm with 3.13).
 */
import type { Design } from '../linux/index.ts';
import { dmaDirect } from './dma-direct.ts';

export const linux312: Design = {
  ...dmaDirect,
  name: 'linux-3.12',
  summary: 'native operations only; the device is given the pseudo-physical address',
  on: 'xen',
};
