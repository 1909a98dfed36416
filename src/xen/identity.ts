/**
 * Entries at gfn == mfn for mappings of foreign frames, counted by frame: those of the IOMMU, so that a device that was
 * given the machine address reaches the page, and those of the feature grant_map_identity, which no release had.
 */
import type { Gfn, Mfn } from '../address/index.ts';
import { has } from './abi/bits.ts';
import { GNTMAP } from './abi/grant-table.ts';
import { p2mRemove, p2mSet } from './p2m.ts';
import type { Domain, P2mType, XenState } from './state.ts';

type Kind = 'iommu' | 'identity';
const KINDS: readonly Kind[] = ['iommu', 'identity'];
const TYPES: Readonly<Record<Kind, { readonly rw: P2mType; readonly ro: P2mType }>> = {
  iommu: { rw: 'p2m_iommu_map_rw', ro: 'p2m_iommu_map_ro' },
  identity: { rw: 'p2m_grant_map_rw', ro: 'p2m_grant_map_ro' },
};

function wanted(xen: XenState, kind: Kind, user: Domain, granter: Domain, mfn: Mfn): boolean {
  const { quirks } = xen.platform;
  switch (kind) {
    case 'iommu':
      // gnttab_need_iommu_mapping() (xen/arch/arm/include/asm/grant_table.h, 4.20), and ld != rd.
      return (
        user.directMapped && user.iommu && (user !== granter || quirks.has('self-unmap-drops-iommu-entry'))
      );
    case 'identity':
      // Without LPAE the guest cannot form the address of a frame at or above 4 GiB.
      return (
        quirks.has('grant-map-identity') &&
        user.directMapped &&
        user !== granter &&
        mfn < 2 ** (user.addressBits - 12)
      );
  }
}

/** A mapping of the frame begins. @returns false where the entry cannot be made. */
export function addIdentity(xen: XenState, user: Domain, granter: Domain, mfn: Mfn, flags: number): boolean {
  return KINDS.every((kind) => {
    if (!wanted(xen, kind, user, granter, mfn)) return true;
    xen.footprint.touch(`identity:${user.domid}:${mfn}`, true);
    const readonly = has(flags, GNTMAP.readonly);
    const counts = user.grants[kind].get(mfn) ?? { rd: 0, wr: 0 };
    const type =
      !readonly && counts.wr === 0 ? 'rw' : readonly && counts.rd + counts.wr === 0 ? 'ro' : undefined;
    if (type && !p2mSet(xen, user, mfn as number as Gfn, mfn, TYPES[kind][type])) return false;
    counts[readonly ? 'rd' : 'wr'] += 1;
    user.grants[kind].set(mfn, counts);
    return true;
  });
}

/** A mapping of the frame has ended. */
export function dropIdentity(xen: XenState, user: Domain, granter: Domain, mfn: Mfn, flags: number): void {
  for (const kind of KINDS) {
    if (!wanted(xen, kind, user, granter, mfn)) continue;
    xen.footprint.touch(`identity:${user.domid}:${mfn}`, true);
    const which = has(flags, GNTMAP.readonly) ? 'rd' : 'wr';
    const counts = user.grants[kind].get(mfn);
    if (!counts || counts[which] === 0) {
      xen.bugs.push(`unmap: ${kind} entry of frame ${mfn} has no ${which} count`);
      continue;
    }
    counts[which] -= 1;
    if (counts.rd + counts.wr === 0) {
      user.grants[kind].delete(mfn);
      p2mRemove(xen, user, mfn as number as Gfn, mfn);
    } else if (which === 'wr' && counts.wr === 0) {
      p2mSet(xen, user, mfn as number as Gfn, mfn, TYPES[kind].ro);
    }
  }
}
