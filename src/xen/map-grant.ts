/** GNTTABOP_map_grant_ref (xen/common/grant_table.c, 4.20). */
import { type Gfn, type Mfn, PAGE_SIZE } from '../address/index.ts';
import { has, only } from './abi/bits.ts';
import { GNTMAP, GNTST, type gnttab_map_grant_ref } from './abi/grant-table.ts';
import type { Wide } from './abi/layout.ts';
import { domainById, mayShare } from './domains.ts';
import { getPage, putPage } from './frames.ts';
import { acquire, activeEntry, grantEntries, reportUnpinned } from './grant-entry.ts';
import { addIdentity } from './identity.ts';
import { giveHandleBack, takeHandle } from './maptrack.ts';
import { p2mRemove, p2mSet } from './p2m.ts';
import { count, nearOverflow } from './pins.ts';
import type { Domain, XenState } from './state.ts';
import type { Steps } from './steps.ts';

export type MapRequest = ReturnType<typeof gnttab_map_grant_ref.read>;

/** What is written back; a failed map leaves handle and dev_bus_addr as they were. */
export type MapResult =
  | { readonly status: typeof GNTST.okay; readonly handle: number; readonly mfn: Mfn }
  | { readonly status: number };

export function* mapGrantRef(xen: XenState, caller: Domain, op: MapRequest): Steps<MapResult> {
  if (!has(op.flags, GNTMAP.host_map) && !has(op.flags, GNTMAP.device_map))
    return { status: GNTST.bad_gntref };
  if ([GNTMAP.device_map, GNTMAP.application_map, GNTMAP.contains_pte].some((bit) => has(op.flags, bit)))
    return { status: GNTST.general_error };
  const granter = domainById(xen, op.dom);
  if (!granter) return { status: GNTST.bad_domain };
  if (!mayShare(xen, caller, granter)) return { status: GNTST.permission_denied };
  xen.footprint.touch(`maptrack:${caller.domid}`, true);
  const handle = takeHandle(caller.grants);
  if (handle === undefined) return { status: GNTST.no_device_space };

  const taken = pin(xen, caller, granter, op);
  if ('status' in taken) {
    giveHandleBack(caller.grants, handle);
    return taken;
  }
  yield { at: 'grant-pinned' };

  const status = enter(xen, caller, granter, op, taken);
  xen.footprint.touch(`maptrack:${caller.domid}`, true);
  if (status !== GNTST.okay) {
    giveHandleBack(caller.grants, handle);
    return { status };
  }
  caller.grants.mappings.set(handle, { domid: op.dom, ref: op.ref, flags: op.flags });
  return { status, handle, mfn: taken.mfn };
}

/** What pinning gave: the frame, and whether a reference on it is held already. */
interface Pinned {
  readonly mfn: Mfn;
  readonly held: boolean;
}

/** Under the granter's table lock: check the entry and count the mapping. */
function pin(
  xen: XenState,
  caller: Domain,
  granter: Domain,
  op: MapRequest,
): Pinned | { readonly status: number } {
  if (op.ref >= grantEntries(xen, granter)) return { status: GNTST.bad_gntref };
  const old = activeEntry(xen, granter, op.ref);
  if (old && (old.domid !== caller.domid || nearOverflow(old.pins))) return { status: GNTST.general_error };
  const readonly = has(op.flags, GNTMAP.readonly);
  const acquired = acquire(xen, granter, op.ref, caller.domid, readonly, true);
  if (!('active' in acquired)) {
    const refused = acquired.status === GNTST.general_error;
    return {
      status: refused && xen.platform.quirks.has('map-failure-status-positive') ? 1 : acquired.status,
    };
  }
  xen.footprint.touch(`grant:${granter.domid}:${op.ref}`, true);
  count(acquired.active.pins, op.flags, 1);
  return { mfn: acquired.active.mfn, held: acquired.held };
}

/** Without a lock: hold the frame and map it; undone on failure. */
function enter(
  xen: XenState,
  caller: Domain,
  granter: Domain,
  op: MapRequest,
  { mfn, held }: Pinned,
): number {
  const hold = held || getPage(xen, mfn, granter.domid);
  const readonly = has(op.flags, GNTMAP.readonly);
  const gfn = gfnOfHost(op.host_addr);
  if (hold && gfn !== undefined && only(op.flags, GNTMAP.host_map, GNTMAP.readonly)) {
    if (p2mSet(xen, caller, gfn, mfn, readonly ? 'p2m_grant_map_ro' : 'p2m_grant_map_rw')) {
      if (addIdentity(xen, caller, granter, mfn, op.flags)) return GNTST.okay;
      p2mRemove(xen, caller, gfn, mfn);
    }
  }
  if (hold) putPage(xen, mfn);
  const active = activeEntry(xen, granter, op.ref);
  if (active && !count(active.pins, op.flags, -1))
    xen.bugs.push(`map: pin of d${granter.domid} ref ${op.ref}`);
  reportUnpinned(xen, granter, op.ref, readonly);
  return GNTST.general_error;
}

/** Guest frame of a host address; its low 12 bits do not matter. */
export function gfnOfHost(address: Wide): Gfn | undefined {
  return address === undefined ? undefined : (Math.floor(address / PAGE_SIZE) as Gfn);
}
