/**
 * With map_phys: entry points take physical addresses and MMIO is an attribute, which unmap does not look at; the maintenance is that of 5.9.
 * arch_sync_dma_flush() moved the barrier out of the native operations, for foreign pages nothing changed.
 * Source: arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c (Linux 7.3.4).
 */
import type { Design } from '../linux/index.ts';
import { since59 } from './linux-5.9.ts';
import { localOrForeign } from './local-or-foreign.ts';

export const linux73: Design = {
  name: 'linux-7.3',
  summary: 'the maintenance of 5.9, with map_phys',
  on: 'xen',
  releases: { from: [6, 18] },
  ...localOrForeign({ ...since59, registers: 'cpu-address' }),
};
