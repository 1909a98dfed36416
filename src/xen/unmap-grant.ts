/**
 * GNTTABOP_unmap_grant_ref and _unmap_and_replace (xen/common/grant_table.c, 4.20): in batches of 32 the mappings are
 * removed, TLBs flushed, and only then the grants unpinned and the granters told.
 */
import { type Mfn, machineAddrOf } from '../address/index.ts';
import { has, withBit, withoutBit } from './abi/bits.ts';
import { GNTMAP, GNTST } from './abi/grant-table.ts';
import type { Wide } from './abi/layout.ts';
import { domainById, mayShare } from './domains.ts';
import { putPage } from './frames.ts';
import { activeEntry, reportUnpinned } from './grant-entry.ts';
import { dropIdentity } from './identity.ts';
import { gfnOfHost } from './map-grant.ts';
import { giveHandleBack } from './maptrack.ts';
import { p2mRemove } from './p2m.ts';
import { count } from './pins.ts';
import type { ActiveEntry, Domain, Mapping, XenState } from './state.ts';

export interface UnmapRequest {
  readonly host_addr: Wide;
  readonly dev_bus_addr: Wide;
  readonly new_addr: Wide;
  readonly handle: number;
}

/** What an unmap has left to do after the TLB flush. */
export interface Unmapped {
  readonly granter: Domain;
  readonly ref: number;
  readonly mfn: Mfn;
  /** GNTMAP: the parts of the mapping that ended, and whether it was readonly. */
  readonly done: number;
}

/** unmap_common(): remove the parts of the mapping whose address is given. */
export function unmapCommon(
  xen: XenState,
  caller: Domain,
  op: UnmapRequest,
): { readonly status: number; readonly unmapped?: Unmapped } {
  xen.footprint.touch(`maptrack:${caller.domid}`, true);
  const mapping = caller.grants.mappings.get(op.handle);
  if (!mapping) return { status: GNTST.bad_handle };
  const granter = domainById(xen, mapping.domid);
  if (!granter) return { status: GNTST.bad_domain };
  if (!mayShare(xen, caller, granter)) return { status: GNTST.permission_denied };
  const active = activeEntry(xen, granter, mapping.ref);
  if (!active) {
    xen.bugs.push(`unmap: handle ${op.handle} of d${caller.domid} maps a grant that is not pinned`);
    return { status: GNTST.bad_handle };
  }
  const { flags } = mapping;
  if (op.dev_bus_addr !== 0 && op.dev_bus_addr !== machineAddrOf(active.mfn))
    return { status: GNTST.general_error };

  let done = has(flags, GNTMAP.readonly) ? GNTMAP.readonly : 0;
  if (op.host_addr !== 0 && has(flags, GNTMAP.host_map)) {
    if (!removeHostMapping(xen, caller, op, active.mfn)) return { status: GNTST.general_error };
    mapping.flags = withoutBit(mapping.flags, GNTMAP.host_map);
    done = withBit(done, GNTMAP.host_map);
  }
  const gone = !has(mapping.flags, GNTMAP.host_map);
  if (gone) giveHandleBack(caller.grants, op.handle);
  if (gone || xen.platform.quirks.has('partial-unmap-underflows-pin'))
    dropIdentity(xen, caller, granter, active.mfn, flags);
  if (!has(done, GNTMAP.host_map)) return { status: GNTST.okay };
  if (xen.platform.quirks.has('free-while-access-remains')) dropPin(xen, granter, mapping, active, done);
  return { status: GNTST.okay, unmapped: { granter, ref: mapping.ref, mfn: active.mfn, done } };
}

/** replace_grant_host_mapping() of Arm: no replacing. */
function removeHostMapping(xen: XenState, caller: Domain, op: UnmapRequest, mfn: Mfn): boolean {
  const gfn = gfnOfHost(op.host_addr);
  return op.new_addr === 0 && gfn !== undefined && p2mRemove(xen, caller, gfn, mfn, 'later');
}

function dropPin(
  xen: XenState,
  granter: Domain,
  { ref }: Pick<Mapping, 'ref'>,
  active: ActiveEntry,
  done: number,
) {
  xen.footprint.touch(`grant:${granter.domid}:${ref}`, true);
  if (!count(active.pins, done, -1)) xen.bugs.push(`unmap: pin of d${granter.domid} ref ${ref}`);
}

/** unmap_common_complete(): nobody can reach the page through this mapping any more. */
export function unmapComplete(xen: XenState, { granter, ref, mfn, done }: Unmapped): void {
  putPage(xen, mfn);
  const active = activeEntry(xen, granter, ref);
  if (active && !xen.platform.quirks.has('free-while-access-remains'))
    dropPin(xen, granter, { ref }, active, done);
  reportUnpinned(xen, granter, ref, has(done, GNTMAP.readonly));
}
