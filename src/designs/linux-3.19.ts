/**
 * 3.19 to 5.3: what the thread's series became. Local pages by the native operations, foreign ones by hypercall.
 * Map decides by P == M, everything later by pfn_valid(M).
 * Source: arch/arm/xen/mm.c, include/xen/arm/page-coherent.h (Linux 4.19).
 * Left out: until 2015 any page of a compound page but its first was misjudged at map (P was that of the first page; a map
 * call here does not say which page it was given); until 2017 a bounced buffer was maintained at map in place of its slot.
 */
import { busToPhys, pfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design } from '../linux/index.ts';
import { byFrame } from './cache-maint.ts';
import { isForeign, localOrForeign } from './local-or-foreign.ts';
import { noBusOffset } from './translation.ts';

export const linux319: Design = {
  name: 'linux-3.19',
  summary: 'local pages natively, foreign ones by hypercall, page by page',
  on: 'xen',
  releases: { from: [3, 19], before: [5, 4] },
  ...localOrForeign({
    ...noBusOffset,
    localAtMap: (_kernel, phys, bus) => !isForeign(phys, bus),
    localLater: (kernel, bus) => kernel.pfnValid(pfnOf(busToPhys(bus))),
    maintain: byFrame(noBusOffset.toBus),
    fromDeviceAtMap: CacheFlushOp.invalidate,
  }),
};
