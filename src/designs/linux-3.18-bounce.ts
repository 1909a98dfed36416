/**
 * The first half of the way to 3.19: XENFEAT_grant_map_identity is gone, the hypercall is not there yet, so every foreign page
 * of a non-coherent device bounces. Slots are local and maintained natively. (3.18-stable bounced for coherent devices, too.)
 * Source: xen_arch_need_swiotlb(), commit a4dba1308912 ("xen/arm/arm64: introduce xen_arch_need_swiotlb").
 */
import { busToPhys, pfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design } from '../linux/index.ts';
import { isForeign, localOrForeign } from './local-or-foreign.ts';
import { noBusOffset } from './translation.ts';

export const linux318Bounce: Design = {
  name: 'linux-3.18-bounce',
  summary: 'foreign pages of non-coherent devices bounce',
  on: 'xen',
  ...localOrForeign({
    ...noBusOffset,
    bounces: (_kernel, device, phys, bus) => !device.coherent && isForeign(phys, bus),
    localAtMap: (_kernel, phys, bus) => !isForeign(phys, bus),
    localLater: (kernel, bus) => kernel.pfnValid(pfnOf(busToPhys(bus))),
    // "TODO: cache flush": nothing foreign comes here.
    maintain: () => {},
    fromDeviceAtMap: CacheFlushOp.invalidate,
  }),
};
