/** Stage 2 tables: what each domain's frame numbers mean, and what a TLB may still believe. */
import type { Gfn, Mfn } from '../address/index.ts';
import { mfnValid } from './frames.ts';
import { p2mFrames, since } from './platform.ts';
import type { Domain, P2mEntry, P2mType, XenState } from './state.ts';

/** The entry of a domain's frame; undefined: not mapped. */
export function p2mLookup(xen: XenState, domain: Domain, gfn: Gfn): P2mEntry | undefined {
  xen.footprint.touch(`p2m:${domain.domid}:${gfn}`, false);
  return entryOf(domain, gfn);
}

function entryOf(domain: Domain, gfn: Gfn): P2mEntry | undefined {
  const entry = domain.p2m.entries.get(gfn);
  if (entry !== undefined) return entry ?? undefined;
  for (const ram of domain.p2m.ram)
    if (ram.gfn <= gfn && gfn < ram.gfn + ram.frames)
      return { mfn: (ram.mfn + (gfn - ram.gfn)) as Mfn, type: 'p2m_ram_rw' };
  return undefined;
}

/** What the domain itself (or its device behind the IOMMU) reaches: the look-up, noting that it was used. */
export function p2mAccess(xen: XenState, domain: Domain, gfn: Gfn): P2mEntry | undefined {
  const entry = p2mLookup(xen, domain, gfn);
  if (entry) domain.p2m.accessed.add(gfn);
  return entry;
}

/** Entries of the frame that are gone and that a TLB may still hold; the last one removed comes last. */
export function staleEntries(xen: XenState, domain: Domain, gfn: Gfn): readonly P2mEntry[] {
  xen.footprint.touch(`p2m:${domain.domid}:${gfn}`, false);
  return domain.p2m.stale.get(gfn) ?? [];
}

/** May the domain write through an entry of this type. */
export function writable(type: P2mType): boolean {
  return type !== 'p2m_grant_map_ro' && type !== 'p2m_iommu_map_ro';
}

/**
 * guest_physmap_add_entry(): map the frame, replacing what was there (break before make: its translation is gone when
 * this returns).
 * @returns false where the guest frame is beyond what a p2m can hold.
 */
export function p2mSet(xen: XenState, domain: Domain, gfn: Gfn, mfn: Mfn, type: P2mType): boolean {
  if (gfn >= p2mFrames(xen.platform)) return false;
  xen.footprint.touch(`p2m:${domain.domid}:${gfn}`, true);
  const old = entryOf(domain, gfn);
  domain.p2m.entries.set(gfn, { mfn, type });
  if (old) flushEntry(xen, domain, gfn);
  return true;
}

/**
 * guest_physmap_remove_page(): since 4.17 refused (false) where the frame is mapped to something else than the caller
 * thinks (p2m_remove_mapping(), xen/arch/arm/p2m.c). Removing what is not mapped succeeds.
 * @param flush 'now', or 'later': translations stay in TLBs until flushTlb().
 */
export function p2mRemove(
  xen: XenState,
  domain: Domain,
  gfn: Gfn,
  mfn: Mfn,
  flush: 'now' | 'later' = 'now',
): boolean {
  if (gfn >= p2mFrames(xen.platform)) return false;
  xen.footprint.touch(`p2m:${domain.domid}:${gfn}`, true);
  const old = entryOf(domain, gfn);
  if (!old) return true;
  const mismatch = old.mfn !== mfn || !mfnValid(xen.memory, mfn);
  if (mismatch && !old.type.startsWith('p2m_iommu') && since(xen.platform, [4, 17])) return false;
  if (survives(xen, domain, gfn)) return true;
  // Removals commute with each other, not with the flush of them all.
  xen.footprint.touch(`tlb:${domain.domid}`, false);
  domain.p2m.entries.set(gfn, null);
  domain.p2m.stale.set(gfn, [...(domain.p2m.stale.get(gfn) ?? []), old]);
  if (flush === 'now') flushEntry(xen, domain, gfn);
  return true;
}

/**
 * XSA-393: only entries with their valid bit set are cleared. Xen clears the bit of all entries when a domain without an
 * IOMMU has been built (to see what it touches), and an access sets it.
 */
function survives(xen: XenState, domain: Domain, gfn: Gfn): boolean {
  const { entries, accessed } = domain.p2m;
  return (
    xen.platform.quirks.has('p2m-entry-survives-removal') &&
    !domain.iommu &&
    !entries.has(gfn) &&
    !accessed.has(gfn)
  );
}

function flushEntry(xen: XenState, domain: Domain, gfn: Gfn): void {
  domain.p2m.stale.delete(gfn);
  xen.hardware.tlbFlush(domain.domid);
}

/** p2m_tlb_flush_sync(): what was removed 'later' is gone from every TLB. */
export function flushTlb(xen: XenState, domain: Domain): void {
  xen.footprint.touch(`tlb:${domain.domid}`, true);
  for (const gfn of domain.p2m.stale.keys()) xen.footprint.touch(`p2m:${domain.domid}:${gfn}`, true);
  domain.p2m.stale.clear();
  xen.hardware.tlbFlush(domain.domid);
}
