/**
 * 5.9 to 6.11: phys_to_dma and dma_to_phys for buses with an offset (Raspberry Pi 4).
 * xen_bus_to_phys() shifts without a cast from here on, so that later calls cut an address above 4 GiB on 32-bit Arm.
 * Source: arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c (Linux 5.10, 6.1).
 */
import { busToPhys, lowBits, pfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design } from '../linux/index.ts';
import { byLength } from './cache-maint.ts';
import { localOrForeign, type Rule } from './local-or-foreign.ts';
import { busOffset } from './translation.ts';

/** What has not changed since. */
export const since59: Rule = {
  ...busOffset,
  localAtMap: (kernel, _phys, bus) => kernel.pfnValid(pfnOf(busToPhys(bus))),
  localLater: (kernel, bus) => kernel.pfnValid(pfnOf(busToPhys(bus))),
  // The frame number is an `unsigned long` and is shifted as one: with 32 bits that cuts an LPAE address of dom0's own page.
  toPhys: (kernel, bus) => lowBits(busToPhys(bus), kernel.longBits),
  maintain: byLength(busOffset.toBus),
  fromDeviceAtMap: CacheFlushOp.invalidate,
};

export const linux59: Design = {
  name: 'linux-5.9',
  summary: 'as 5.4, and a bus may have an offset',
  on: 'xen',
  releases: { from: [5, 9], before: [6, 12] },
  ...localOrForeign({ ...since59, registers: 'refused' }),
};
