/** xenbus_map_ring_valloc(): a ring's page in dom0, for as long as the backend lives. */
import { allocateForeignPages, mapGrants } from '../../linux/simulated/index.ts';
import { GNTST } from '../../xen/index.ts';
import type { SharedPage } from '../shared-page.ts';
import type { Host } from './host.ts';
import type { Party } from './party.ts';

/** @throws RangeError if it cannot be mapped. */
export function mapRing({ dom0, design, trace }: Host, guest: Party, ref: number): SharedPage {
  const at = allocateForeignPages(dom0.kernel, 1);
  const grant = { domain: guest.domid, ref, readonly: false };
  const [mapped] = at === undefined ? [] : mapGrants(dom0.kernel, design, [{ ...grant, at }]);
  if (at === undefined || mapped?.status !== GNTST.okay)
    throw new RangeError(`the ring page of ${guest.name} cannot be mapped`);
  trace.p2m?.(at, mapped.frame);
  return dom0.shared(at);
}
