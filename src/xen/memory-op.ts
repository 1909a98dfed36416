/**
 * do_memory_op() (xen/common/memory.c, 4.20), as far as ballooning, populating and placing the grant table go.
 *
 * Reservations return how many extents were done; what stopped them is not told.
 */
import { mfn as asMfn, type Gfn, type Mfn } from '../address/index.ts';
import { Errno } from './abi/errno.ts';
import {
  MEMOP_EXTENT_UNIT,
  XENMAPSPACE,
  XENMEM,
  xen_add_to_physmap,
  xen_memory_reservation,
  xen_pfn,
  xen_remove_from_physmap,
} from './abi/memory.ts';
import { domainByAnyId, mayControl } from './domains.ts';
import { allocFrames, getPage, mfnValid, putAllocRef, putPage } from './frames.ts';
import { mapTableFrame } from './grant-tables.ts';
import { copyFromGuest } from './guest-memory.ts';
import { flushTlb, p2mLookup, p2mRemove, p2mSet } from './p2m.ts';
import type { Domain, XenState } from './state.ts';
import type { Steps } from './steps.ts';

/** max_order(): 2 MiB for domains, 4 MiB for the hardware domain (CONFIG_*_MAX_ORDER of Arm). */
const MAX_ORDER = { domain: 9, hardware: 10 } as const;

export function* memoryOp(xen: XenState, caller: Domain, cmd: number, arg: number): Steps<number> {
  let command = cmd;
  for (;;) {
    const op = command % MEMOP_EXTENT_UNIT;
    const start = (command - op) / MEMOP_EXTENT_UNIT;
    switch (op) {
      case XENMEM.decrease_reservation:
      case XENMEM.populate_physmap: {
        const { done, preempted } = yield* reservation(xen, caller, op, arg, start);
        if (!preempted) return done;
        command = op + done * MEMOP_EXTENT_UNIT;
        yield { at: 'preempted', cmd: command, arg, count: 1 };
        break;
      }
      case XENMEM.add_to_physmap:
        return addToPhysmap(xen, caller, arg);
      case XENMEM.remove_from_physmap:
        return start === 0 ? removeFromPhysmap(xen, caller, arg) : -Errno.EINVAL;
      default:
        return -Errno.ENOSYS;
    }
  }
}

function* reservation(
  xen: XenState,
  caller: Domain,
  op: number,
  arg: number,
  start: number,
): Steps<{ readonly done: number; readonly preempted?: true }> {
  const bytes = copyFromGuest(xen, caller, arg, xen_memory_reservation.size);
  if (!bytes) return { done: start };
  const { extent_start, nr_extents, extent_order, domid } = xen_memory_reservation.read(bytes);
  if (nr_extents === undefined || nr_extents >= 2 ** 32 / MEMOP_EXTENT_UNIT || start >= nr_extents)
    return { done: start };
  const domain = domainByAnyId(xen, caller, domid);
  if (!domain || !mayControl(caller, domain)) return { done: start };
  if (extent_order > MAX_ORDER[caller.hardware ? 'hardware' : 'domain']) return { done: start };
  for (let done = start; done < nr_extents; done += 1) {
    if (done !== start) {
      if (xen.preempt()) return { done, preempted: true };
      yield { at: 'next-element' };
    }
    const list = extent_start === undefined ? undefined : extent_start + done * xen_pfn.size;
    const pfn = copyFromGuest(xen, caller, list, xen_pfn.size);
    const gfn = pfn && xen_pfn.read(pfn).pfn;
    if (gfn === undefined) return { done };
    const worked =
      op === XENMEM.decrease_reservation
        ? yield* removeExtent(xen, domain, gfn, extent_order)
        : populateExtent(xen, domain, gfn, extent_order);
    if (!worked) return { done };
  }
  return { done: nr_extents };
}

function* removeExtent(xen: XenState, domain: Domain, first: number, order: number): Steps<boolean> {
  for (let i = 0; i < 2 ** order; i += 1)
    if (!(yield* guestRemovePage(xen, domain, (first + i) as Gfn))) return false;
  return true;
}

/**
 * guest_remove_page(): take the page out of the p2m and free it. A direct-mapped domain keeps it allocated, for its
 * devices know it by its machine address: so no other domain ever gets it, and populate_physmap gives the same one back.
 */
function* guestRemovePage(xen: XenState, domain: Domain, gfn: Gfn): Steps<boolean> {
  const mfn = p2mLookup(xen, domain, gfn)?.mfn;
  if (mfn === undefined || !mfnValid(xen.memory, mfn)) return false;
  if (!getPage(xen, mfn, domain.domid)) return false;
  const { quirks } = xen.platform;
  const keep = domain.directMapped && !quirks.has('no-keep-allocated');
  const late = quirks.has('free-before-tlb-flush');
  const removed = p2mRemove(xen, domain, gfn, mfn, late ? 'later' : 'now');
  if (removed && !keep) putAllocRef(xen, mfn);
  putPage(xen, mfn);
  if (removed && late) {
    yield { at: 'freed-before-tlb-flush' };
    flushTlb(xen, domain);
  }
  return removed;
}

/** populate_physmap(): a direct-mapped domain gets the frame of the same number back, everybody else a new one. */
function populateExtent(xen: XenState, domain: Domain, first: number, order: number): boolean {
  const frames = 2 ** order;
  const start = domain.directMapped
    ? ownFrames(xen, domain, first, frames)
    : allocFrames(xen, domain.domid, order);
  if (start === undefined) return false;
  for (let i = 0; i < frames; i += 1)
    if (!p2mSet(xen, domain, (first + i) as Gfn, asMfn(start + i), 'p2m_ram_rw')) return false;
  return true;
}

function ownFrames(xen: XenState, domain: Domain, first: number, frames: number): Mfn | undefined {
  for (let i = 0; i < frames; i += 1) {
    const mfn = asMfn(first + i);
    if (!mfnValid(xen.memory, mfn) || !getPage(xen, mfn, domain.domid)) return undefined;
    putPage(xen, mfn);
  }
  return asMfn(first);
}

/** XENMEM_add_to_physmap of the space grant_table; other spaces are not here. */
function addToPhysmap(xen: XenState, caller: Domain, arg: number): number {
  const bytes = copyFromGuest(xen, caller, arg, xen_add_to_physmap.size);
  if (!bytes) return -Errno.EFAULT;
  const { domid, space, idx, gpfn } = xen_add_to_physmap.read(bytes);
  const domain = domainByAnyId(xen, caller, domid);
  if (!domain) return -Errno.ESRCH;
  if (!mayControl(caller, domain)) return -Errno.EPERM;
  if (space !== XENMAPSPACE.grant_table) return -Errno.ENOSYS;
  if (idx === undefined || gpfn === undefined) return -Errno.EINVAL;
  return mapTableFrame(xen, domain, idx, gpfn as Gfn);
}

function removeFromPhysmap(xen: XenState, caller: Domain, arg: number): number {
  const bytes = copyFromGuest(xen, caller, arg, xen_remove_from_physmap.size);
  if (!bytes) return -Errno.EFAULT;
  const { domid, gpfn } = xen_remove_from_physmap.read(bytes);
  const domain = domainByAnyId(xen, caller, domid);
  if (!domain) return -Errno.ESRCH;
  if (!mayControl(caller, domain)) return -Errno.EPERM;
  const entry = gpfn === undefined ? undefined : p2mLookup(xen, domain, gpfn as Gfn);
  if (!entry || !getPage(xen, entry.mfn, domain.domid)) return -Errno.ENOENT;
  const removed = p2mRemove(xen, domain, gpfn as Gfn, entry.mfn);
  putPage(xen, entry.mfn);
  return removed ? 0 : -Errno.EILSEQ;
}
