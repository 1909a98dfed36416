/**
 * GNTTABOP_copy (xen/common/grant_table.c, 4.20): a memcpy() by the hypervisor through its cacheable mappings. Frames
 * that the next element names again stay claimed, so that a grant is checked once.
 */
import { type Mfn, machineAddrOf, offsetBy, PAGE_SIZE } from '../address/index.ts';
import { has } from './abi/bits.ts';
import { DOMID_SELF } from './abi/domid.ts';
import { GNTCOPY, GNTMAP, GNTST, gnttab_copy } from './abi/grant-table.ts';
import type { Wide } from './abi/layout.ts';
import { type Batch, type BatchOutcome, eachElement } from './batch.ts';
import { domainByAnyId, mayShare } from './domains.ts';
import { getPage, putPage } from './frames.ts';
import { acquire, activeEntry, getPagedFrame, grantEntries, reportUnpinned } from './grant-entry.ts';
import { count, nearOverflow } from './pins.ts';
import type { Domain, XenState } from './state.ts';
import { atomic, type Steps } from './steps.ts';

/** One end of a copy as the guest gives it. */
interface End {
  readonly domid: number;
  readonly gref: boolean;
  /** Grant reference or guest frame. */
  readonly what: Wide;
  readonly offset: number;
  readonly readonly: boolean;
}

/** A claimed end: the frame is held and, by a grant, pinned. */
interface Claim {
  readonly end: End;
  readonly domain: Domain;
  readonly mfn: Mfn;
}

interface Claims {
  source: Claim | undefined;
  dest: Claim | undefined;
}

export function* copyGrants(xen: XenState, batch: Batch): Steps<BatchOutcome> {
  const claims: Claims = { source: undefined, dest: undefined };
  const outcome = yield* eachElement(xen, batch, gnttab_copy, (bytes) =>
    atomic(() => {
      const status = copyOne(xen, batch.caller, gnttab_copy.read(bytes), claims);
      if (status !== GNTST.okay) releaseBoth(xen, claims);
      return gnttab_copy.field('status', status);
    }),
  );
  releaseBoth(xen, claims);
  return outcome;
}

function copyOne(
  xen: XenState,
  caller: Domain,
  op: ReturnType<typeof gnttab_copy.read>,
  claims: Claims,
): number {
  const ends = endsOf(op);
  const domains = { source: claims.source?.domain, dest: claims.dest?.domain };
  const same = ends.source.domid === claims.source?.end.domid && ends.dest.domid === claims.dest?.end.domid;
  if (!same) {
    releaseBoth(xen, claims);
    for (const side of ['source', 'dest'] as const) {
      // Only the caller's own memory may be named by frame.
      if (ends[side].domid !== DOMID_SELF && !ends[side].gref) return GNTST.permission_denied;
      domains[side] = domainByAnyId(xen, caller, ends[side].domid);
      if (!domains[side]) return GNTST.bad_domain;
    }
  }
  const { source, dest } = domains;
  if (!source || !dest) return GNTST.bad_domain;
  if (!mayShare(xen, source, dest)) return GNTST.permission_denied;
  for (const [side, domain] of [['source', source] as const, ['dest', dest] as const]) {
    const old = claims[side];
    if (old && old.end.gref === ends[side].gref && old.end.what === ends[side].what) continue;
    if (old) release(xen, old);
    claims[side] = undefined;
    const claimed = claim(xen, caller, domain, ends[side]);
    if (typeof claimed === 'number') return claimed;
    claims[side] = claimed;
  }
  if (!claims.source || !claims.dest) return GNTST.general_error;
  if (ends.source.offset + op.len > PAGE_SIZE || ends.dest.offset + op.len > PAGE_SIZE)
    return GNTST.bad_copy_arg;
  if (op.len > 0)
    xen.hardware.copy(
      offsetBy(machineAddrOf(claims.source.mfn), ends.source.offset),
      offsetBy(machineAddrOf(claims.dest.mfn), ends.dest.offset),
      op.len,
    );
  return GNTST.okay;
}

function endsOf(op: ReturnType<typeof gnttab_copy.read>): { readonly source: End; readonly dest: End } {
  const bySourceRef = has(op.flags, GNTCOPY.source_gref);
  const byDestRef = has(op.flags, GNTCOPY.dest_gref);
  return {
    source: {
      domid: op['source.domid'],
      gref: bySourceRef,
      what: bySourceRef ? op['source.u.ref'] : op['source.u.gmfn'],
      offset: op['source.offset'],
      readonly: true,
    },
    dest: {
      domid: op['dest.domid'],
      gref: byDestRef,
      what: byDestRef ? op['dest.u.ref'] : op['dest.u.gmfn'],
      offset: op['dest.offset'],
      readonly: false,
    },
  };
}

/** gnttab_copy_claim_buf(): hold the frame; a status where that fails. */
function claim(xen: XenState, caller: Domain, domain: Domain, end: End): Claim | number {
  if (end.what === undefined) return GNTST.bad_page;
  if (!end.gref) {
    const mfn = getPagedFrame(xen, domain, end.what);
    return mfn === undefined ? GNTST.bad_page : { end, domain, mfn };
  }
  const ref = end.what;
  if (ref >= grantEntries(xen, domain)) return GNTST.bad_gntref;
  const old = activeEntry(xen, domain, ref);
  if (old && (old.domid !== caller.domid || nearOverflow(old.pins))) return GNTST.general_error;
  const acquired = acquire(xen, domain, ref, caller.domid, end.readonly, false);
  if (!('active' in acquired)) return acquired.status;
  const { mfn, pins } = acquired.active;
  if (!acquired.held && !getPage(xen, mfn, domain.domid)) {
    reportUnpinned(xen, domain, ref, end.readonly);
    return GNTST.bad_domain;
  }
  xen.footprint.touch(`grant:${domain.domid}:${ref}`, true);
  count(pins, pinFlags(end), 1);
  return { end, domain, mfn };
}

/** A copy pins as a mapping by the host does. */
function pinFlags(end: End): number {
  return end.readonly ? GNTMAP.host_map + GNTMAP.readonly : GNTMAP.host_map;
}

function release(xen: XenState, { end, domain, mfn }: Claim): void {
  if (end.gref && end.what !== undefined) {
    const active = activeEntry(xen, domain, end.what);
    if (active && !count(active.pins, pinFlags(end), -1))
      xen.bugs.push(`copy: pin of d${domain.domid} ref ${end.what}`);
    reportUnpinned(xen, domain, end.what, end.readonly);
  }
  putPage(xen, mfn);
}

function releaseBoth(xen: XenState, claims: Claims): void {
  if (claims.source) release(xen, claims.source);
  if (claims.dest) release(xen, claims.dest);
  claims.source = undefined;
  claims.dest = undefined;
}
