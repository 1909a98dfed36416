/** GNTTABOP_cache_flush (xen/common/grant_table.c, 4.20). */
import { machineAddr, machineAddrOf, mfnOf, offsetBy, PAGE_SIZE } from '../address/index.ts';
import { has, only } from './abi/bits.ts';
import { Errno } from './abi/errno.ts';
import { GNTTAB_CACHE, GNTTABOP_CONTINUATION_ARG_UNIT, type gnttab_cache_flush } from './abi/grant-table.ts';
import { maintainDcache } from './dcache.ts';
import { frameOf, getPage, mfnValid, ownerOf, putPage } from './frames.ts';
import { grantEntries } from './grant-entry.ts';
import { since } from './platform.ts';
import type { Domain, XenState } from './state.ts';
import type { Steps } from './steps.ts';

export type FlushRequest = ReturnType<typeof gnttab_cache_flush.read>;

/** Active entries looked at before the search may be preempted. */
const PASS = GNTTABOP_CONTINUATION_ARG_UNIT;

/** 0 or a negative error; or the reference at which the search has to go on. */
export type FlushOutcome = { readonly rc: number } | { readonly continueAt: number };

/**
 * One element, from the reference `from` on (0 unless it is a continuation): at most one pass of the search.
 * The low 12 bits of dev_bus_addr are ignored; offset and length alone say which bytes of the page.
 */
export function* flushOnce(
  xen: XenState,
  caller: Domain,
  op: FlushRequest,
  from: number,
): Steps<FlushOutcome> {
  const refused = checkArguments(xen, op);
  if (refused !== 0) return { rc: refused };
  if (op.length === 0 || op.op === 0) return { rc: from === 0 ? 0 : -Errno.EILSEQ };
  if (has(op.op, GNTTAB_CACHE.SOURCE_GREF)) return { rc: -Errno.EOPNOTSUPP };
  if (op.dev_bus_addr === undefined) return { rc: -Errno.EINVAL };
  const mfn = mfnOf(machineAddr(op.dev_bus_addr));
  if (!mfnValid(xen.memory, mfn)) return { rc: -Errno.EINVAL };
  const ownerId = ownerOf(xen, mfn);
  const owner = ownerId === undefined ? undefined : xen.domains.get(ownerId);
  if (!owner || frameOf(xen.memory, mfn)?.count === 0) return { rc: -Errno.EPERM };
  if (owner !== caller) {
    const found = search(xen, caller, owner, mfn, from);
    if ('continueAt' in found) return found;
    if (!found.granted) return { rc: -Errno.EINVAL };
    if (xen.platform.quirks.has('grant-lock-dropped-before-flush')) {
      // The page itself stays its owner's meanwhile, for a reference is held; what the owner does with it is another matter.
      getPage(xen, mfn, owner.domid);
      yield { at: 'grant-looked-up' };
      putPage(xen, mfn);
    }
  }
  maintainDcache(xen, operation(op.op), offsetBy(machineAddrOf(mfn), op.offset), op.length);
  return { rc: 0 };
}

/** 4.5 to 4.10 let SOURCE_GREF through to its own error. */
function checkArguments(xen: XenState, { offset, length, op }: FlushRequest): number {
  if (offset >= PAGE_SIZE || length > PAGE_SIZE || offset + length > PAGE_SIZE) return -Errno.EINVAL;
  const bits: number[] = [GNTTAB_CACHE.CLEAN, GNTTAB_CACHE.INVAL];
  if (!since(xen.platform, [4, 11])) bits.push(GNTTAB_CACHE.SOURCE_GREF);
  return only(op, ...bits) ? 0 : -Errno.EINVAL;
}

function operation(op: number) {
  if (!has(op, GNTTAB_CACHE.INVAL)) return 'clean';
  return has(op, GNTTAB_CACHE.CLEAN) ? 'cleanInvalidate' : 'invalidate';
}

/** grant_map_exists(): one pass over the owner's active entries, for one that grants the caller this frame. */
function search(
  xen: XenState,
  caller: Domain,
  owner: Domain,
  mfn: number,
  from: number,
): { readonly granted: boolean } | { readonly continueAt: number } {
  // Whether an entry is pinned at all is one cell, so that a pass does not have to name 4096.
  xen.footprint.touch(`grants:${owner.domid}`, false);
  const entries = grantEntries(xen, owner);
  const to = Math.min(from + PASS, entries);
  for (const [ref, active] of owner.grants.active) {
    if (ref < from || ref >= to || active.domid !== caller.domid || active.mfn !== mfn) continue;
    xen.footprint.touch(`grant:${owner.domid}:${ref}`, false);
    return { granted: true };
  }
  return to < entries ? { continueAt: to } : { granted: false };
}
