/** Grant entries: the shared ones in guest memory and the active ones that Xen goes by while they are pinned. */
import { type Gfn, type Mfn, PAGE_SIZE } from '../address/index.ts';
import { has, withBit, withoutBit } from './abi/bits.ts';
import type { DomId } from './abi/domid.ts';
import { GNTST, GTF, grant_entry_v1 } from './abi/grant-table.ts';
import { getPage } from './frames.ts';
import { p2mLookup } from './p2m.ts';
import { noPins, pinned, pinnedForWriting } from './pins.ts';
import type { ActiveEntry, Domain, GrantTable, XenState } from './state.ts';

const ENTRIES_PER_FRAME = PAGE_SIZE / grant_entry_v1.size;
const STATUS_FLAGS = [GTF.reading, GTF.writing] as const;
type StatusFlag = (typeof STATUS_FLAGS)[number];

/** nr_grant_entries(): references from 0 up to (not including) this one exist. */
export function grantEntries(xen: XenState, { domid, grants }: Domain): number {
  xen.footprint.touch(`grant-frames:${domid}`, false);
  return grants.frames.length * ENTRIES_PER_FRAME;
}

/** Where the shared entry is. The reference is in range. */
function place(domain: Domain, ref: number): { readonly mfn: Mfn; readonly offset: number } {
  const frame = domain.grants.frames[Math.floor(ref / ENTRIES_PER_FRAME)] as GrantTable['frames'][number];
  return { mfn: frame.mfn, offset: (ref % ENTRIES_PER_FRAME) * grant_entry_v1.size };
}

/** Bytes of the shared entry. */
export function sharedBytes(xen: XenState, domain: Domain, ref: number): Uint8Array {
  xen.footprint.touch(`grant:${domain.domid}:${ref}`, false);
  const { mfn, offset } = place(domain, ref);
  return xen.hardware.readBytes(mfn, offset, grant_entry_v1.size);
}

export function writeSharedBytes(xen: XenState, domain: Domain, ref: number, bytes: Uint8Array): void {
  xen.footprint.touch(`grant:${domain.domid}:${ref}`, true);
  const { mfn, offset } = place(domain, ref);
  xen.hardware.writeBytes(mfn, offset, bytes);
}

function writeFlags(xen: XenState, domain: Domain, ref: number, flags: number): void {
  writeSharedBytes(xen, domain, ref, grant_entry_v1.field('flags', flags).bytes);
}

/** gnttab_clear_flags(). */
function clearFlags(xen: XenState, domain: Domain, ref: number, flags: readonly StatusFlag[]): void {
  if (flags.length === 0) return;
  const { flags: before } = grant_entry_v1.read(sharedBytes(xen, domain, ref));
  writeFlags(xen, domain, ref, flags.reduce<number>(withoutBit, before));
}

/**
 * _set_status_v1(): check the shared entry (its type and domain only while it is not pinned) and mark it used.
 * @param mapping true: a sub-page grant is refused.
 */
function setStatus(
  xen: XenState,
  granter: Domain,
  ref: number,
  user: DomId,
  readonly: boolean,
  mapping: boolean,
): boolean {
  const entry = grant_entry_v1.read(sharedBytes(xen, granter, ref));
  if (!isPinned(granter, ref)) {
    const permits = entry.flags % (GTF.type_mask + 1) === GTF.permit_access;
    if (!permits || (mapping && has(entry.flags, GTF.sub_page)) || entry.domid !== user) return false;
  }
  if (!readonly && has(entry.flags, GTF.readonly)) return false;
  const reading = withBit(entry.flags, GTF.reading);
  writeFlags(xen, granter, ref, readonly ? reading : withBit(reading, GTF.writing));
  return true;
}

function isPinned(granter: Domain, ref: number): boolean {
  return granter.grants.active.has(ref);
}

/** The active entry, if it is pinned. */
export function activeEntry(xen: XenState, granter: Domain, ref: number): ActiveEntry | undefined {
  xen.footprint.touch(`grant:${granter.domid}:${ref}`, false);
  return granter.grants.active.get(ref);
}

/** Outcome of taking hold of a grant. `held`: a reference on the frame was taken on the way (first use). */
export type Acquired =
  | { readonly status: typeof GNTST.okay; readonly active: ActiveEntry; readonly held: boolean }
  | { readonly status: number };

/**
 * The part that mapping and copying have in common: check the entry where it has to be checked, look the frame up on
 * first use, and give the active entry to be pinned. From then on the shared entry is not asked again.
 */
export function acquire(
  xen: XenState,
  granter: Domain,
  ref: number,
  user: DomId,
  readonly: boolean,
  mapping: boolean,
): Acquired {
  const old = activeEntry(xen, granter, ref);
  if (old && !readonly && pinnedForWriting(old.pins)) return { status: GNTST.okay, active: old, held: false };
  if (old && readonly) return { status: GNTST.okay, active: old, held: false };
  if (!setStatus(xen, granter, ref, user, readonly, mapping)) return { status: GNTST.general_error };
  if (old) return { status: GNTST.okay, active: old, held: false };
  const { frame } = grant_entry_v1.read(sharedBytes(xen, granter, ref));
  const mfn = getPagedFrame(xen, granter, frame);
  if (mfn === undefined) {
    clearFlags(xen, granter, ref, readonly ? [GTF.reading] : STATUS_FLAGS);
    return { status: GNTST.bad_page };
  }
  const active: ActiveEntry = { pins: noPins(), domid: user, mfn };
  xen.footprint.touch(`grants:${granter.domid}`, true);
  granter.grants.active.set(ref, active);
  return { status: GNTST.okay, active, held: true };
}

/** get_paged_frame(): the machine frame of the domain's own RAM, with a reference taken; undefined otherwise. */
export function getPagedFrame(xen: XenState, domain: Domain, gfn: number): Mfn | undefined {
  const entry = p2mLookup(xen, domain, gfn as Gfn);
  return entry && getPage(xen, entry.mfn, domain.domid) ? entry.mfn : undefined;
}

/**
 * After a pin was dropped: tell the granter in the shared entry what has ended, and forget an entry without pins.
 * @param readonly what ended could not write.
 */
export function reportUnpinned(xen: XenState, granter: Domain, ref: number, readonly: boolean): void {
  const active = granter.grants.active.get(ref);
  if (active) xen.footprint.touch(`grant:${granter.domid}:${ref}`, true);
  const used = active !== undefined && pinned(active.pins);
  const written = active !== undefined && pinnedForWriting(active.pins);
  const ended: StatusFlag[] = [];
  if (!readonly && !written) ended.push(GTF.writing);
  if (!used) ended.push(GTF.reading);
  clearFlags(xen, granter, ref, ended);
  if (active && !used) {
    xen.footprint.touch(`grants:${granter.domid}`, true);
    granter.grants.active.delete(ref);
  }
}
