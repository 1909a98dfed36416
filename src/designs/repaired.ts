/**
 * Ours: today's design with three repairs. The loop advances to the next page boundary, and addresses are 64 bits wide on every architecture; local is
 * decided by an exact test for dom0's own frames (right because of Xen's keep-allocated rule) and not by a
 * section-granular pfn_valid; FROM_DEVICE at map is a clean on foreign pages too, as on local ones.
 */
import { mfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design } from '../linux/index.ts';
import { toNextPage } from './cache-maint.ts';
import { localOrForeign } from './local-or-foreign.ts';
import { wideBusOffset } from './translation.ts';

export const repaired: Design = {
  name: 'repaired',
  summary: 'today\u2019s design, with the loop, the local test and FROM_DEVICE at map repaired',
  on: 'xen',
  ...localOrForeign({
    ...wideBusOffset,
    localAtMap: (kernel, _phys, bus) => kernel.isOwnFrame(mfnOf(bus)),
    localLater: (kernel, bus) => kernel.isOwnFrame(mfnOf(bus)),
    maintain: toNextPage(wideBusOffset.toBus),
    fromDeviceAtMap: CacheFlushOp.clean,
  }),
};
