/**
 * 5.4 to 5.8: the clean-up. pfn_valid decides everywhere, and the loop around the hypercall is wrong since.
 * The bus address is taken for the machine address (Raspberry Pi 4 before 5.9).
 * Source: arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c (Linux 5.4).
 */
import { busToPhys } from '../address/index.ts';
import type { Design } from '../linux/index.ts';
import { byLength } from './cache-maint.ts';
import { since59 } from './linux-5.9.ts';
import { localOrForeign } from './local-or-foreign.ts';
import { noBusOffset } from './translation.ts';

export const linux54: Design = {
  name: 'linux-5.4',
  summary: 'pfn_valid decides everywhere; the page-crossing loop is wrong from here on',
  on: 'xen',
  releases: { from: [5, 4], before: [5, 9] },
  ...localOrForeign({
    ...since59,
    ...noBusOffset,
    toPhys: (_kernel, bus) => busToPhys(bus),
    maintain: byLength(noBusOffset.toBus),
  }),
};
