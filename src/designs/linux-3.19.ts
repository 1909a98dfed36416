/**
 * 3.19 to 5.3: what the thread's series became. Local pages by the native operations, foreign ones by hypercall.
 * Map decides by P == M, everything later by pfn_valid(M).
 * Source: arch/arm/xen/mm.c, include/xen/arm/page-coherent.h (Linux 4.19).
 * Until 2015 P was that of the first page of a compound page, and any other page of it was taken for a foreign one (a quirk of the kernel).
 * Left out: until 2017 a bounced buffer was maintained at map in place of its slot.
 */
import { bfnToPfn, busToPhys, mfnOf, pfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design } from '../linux/index.ts';
import { byFrame } from './cache-maint.ts';
import { localOrForeign } from './local-or-foreign.ts';
import { noBusOffset } from './translation.ts';

export const linux319: Design = {
  name: 'linux-3.19',
  summary: 'local pages natively, foreign ones by hypercall, page by page',
  on: 'xen',
  releases: { from: [3, 19], before: [5, 4] },
  ...localOrForeign({
    ...noBusOffset,
    localAtMap: (kernel, phys, bus) => kernel.namedFrame(pfnOf(phys)) === bfnToPfn(mfnOf(bus)),
    localLater: (kernel, bus) => kernel.pfnValid(pfnOf(busToPhys(bus))),
    maintain: byFrame(noBusOffset.toBus),
    fromDeviceAtMap: CacheFlushOp.invalidate,
  }),
};
