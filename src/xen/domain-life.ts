/** Building a domain and taking it down. */
import { mfn as asMfn, type Mfn } from '../address/index.ts';
import { has } from './abi/bits.ts';
import { DOMID_FIRST_RESERVED, type DomId } from './abi/domid.ts';
import { GNTMAP } from './abi/grant-table.ts';
import { domainById } from './domains.ts';
import { frameOf, mfnValid, putAllocRef, putPage } from './frames.ts';
import { activeEntry, reportUnpinned } from './grant-entry.ts';
import { growTable } from './grant-tables.ts';
import { count } from './pins.ts';
import { p2mFrames } from './platform.ts';
import type { Domain, RamRange, XenState } from './state.ts';

export interface DomainSpec {
  /** 0 to 0x7fef. */
  readonly domid: DomId;
  /** gfn == mfn for all its RAM, as for dom0 on Arm. Default: false. */
  readonly directMapped?: boolean;
  /** Hardware and control domain (dom0). Default: false. */
  readonly hardware?: boolean;
  /** Its devices are behind an IOMMU, which uses its p2m. Default: false. */
  readonly iommu?: boolean;
  /** Bits of an address that its own page tables can hold: 32 for 32-bit Arm without LPAE. Default: 48. */
  readonly addressBits?: 32 | 40 | 48;
  readonly ram: readonly RamRange[];
  /** gnttab_max_frames and gnttab_max_maptrack_frames. Defaults: 64 and 1024. */
  readonly maxGrantFrames?: number;
  readonly maxMaptrackFrames?: number;
}

/** @throws RangeError where no such domain can be built: what is asked for contradicts itself or the host's memory. */
export function createDomain(xen: XenState, spec: DomainSpec): Domain {
  const { domid, directMapped = false, ram } = spec;
  if (!Number.isInteger(domid) || domid < 0 || domid >= DOMID_FIRST_RESERVED)
    throw new RangeError(`domain ${domid}: not a number from 0 to 0x7fef`);
  if (xen.domains.has(domid)) throw new RangeError(`domain ${domid} exists`);
  for (const range of ram) checkRam(xen, domid, directMapped, range);
  const domain: Domain = {
    domid,
    directMapped,
    hardware: spec.hardware ?? false,
    iommu: spec.iommu ?? false,
    addressBits: spec.addressBits ?? 48,
    dying: false,
    p2m: { ram: [...ram], entries: new Map(), stale: new Map(), accessed: new Set() },
    grants: {
      maxFrames: spec.maxGrantFrames ?? 64,
      maxMaptrackFrames: spec.maxMaptrackFrames ?? 1024,
      frames: [],
      active: new Map(),
      mappings: new Map(),
      freeHandles: [],
      handles: 0,
      iommu: new Map(),
      identity: new Map(),
    },
  };
  for (const { mfn, frames } of ram)
    xen.memory.given.push({ range: { from: mfn, to: asMfn(mfn + frames) }, owner: domid });
  xen.domains.set(domid, domain);
  if (!growTable(xen, domain, 1)) throw new RangeError(`domain ${domid}: no memory for its grant table`);
  return domain;
}

function checkRam(xen: XenState, domid: DomId, directMapped: boolean, { gfn, mfn, frames }: RamRange): void {
  const to = mfn + frames;
  if (directMapped && (gfn as number) !== (mfn as number))
    throw new RangeError(`domain ${domid} is direct mapped, but gfn ${gfn} is mfn ${mfn}`);
  if (gfn + frames > p2mFrames(xen.platform))
    throw new RangeError(`domain ${domid}: gfn ${gfn} is beyond its p2m`);
  if (!xen.memory.ram.some((host) => host.from <= mfn && to <= host.to))
    throw new RangeError(`domain ${domid}: frames ${mfn} to ${to} are not in one range of the host's RAM`);
  const taken = xen.memory.given.find(({ range }) => range.from < to && mfn < range.to);
  if (taken)
    throw new RangeError(`domain ${domid}: frames ${mfn} to ${to} overlap those of domain ${taken.owner}`);
  for (const [frame, { count }] of xen.memory.frames)
    if (mfn <= frame && frame < to && count > 0)
      throw new RangeError(`domain ${domid}: frame ${frame} is in use`);
}

/**
 * domain_kill(): its mappings of others' grants end, and its memory is freed, to be erased before anybody else gets it.
 * Frames that others still map stay until they are unmapped; so long the domain exists, dying.
 */
export function destroyDomain(xen: XenState, domain: Domain): void {
  xen.footprint.touch('domains', true);
  xen.footprint.touch(`maptrack:${domain.domid}`, true);
  xen.footprint.touch(`tlb:${domain.domid}`, true);
  domain.dying = true;
  for (const mapping of [...domain.grants.mappings.values()]) {
    const granter = domainById(xen, mapping.domid);
    const active = granter && activeEntry(xen, granter, mapping.ref);
    if (!granter || !active) continue;
    if (!count(active.pins, mapping.flags, -1)) xen.bugs.push(`release of d${domain.domid}'s mapping: pin`);
    reportUnpinned(xen, granter, mapping.ref, has(mapping.flags, GNTMAP.readonly));
    putPage(xen, active.mfn);
  }
  const { p2m, grants } = domain;
  grants.mappings.clear();
  grants.iommu.clear();
  grants.identity.clear();
  const given = xen.memory.given.filter(({ owner }) => owner === domain.domid);
  for (const { range } of given)
    for (let at = range.from; at < range.to; at = asMfn(at + 1)) release(xen, domain, at);
  for (const mfn of [...xen.memory.frames.keys()]) release(xen, domain, mfn);
  p2m.ram.length = 0;
  p2m.entries.clear();
  p2m.stale.clear();
  p2m.accessed.clear();
  xen.hardware.tlbFlush(domain.domid);
  const remains = [...xen.memory.frames.values()].some(({ owner }) => owner === domain.domid);
  if (!remains) xen.domains.delete(domain.domid);
}

function release(xen: XenState, domain: Domain, mfn: Mfn): void {
  if (mfnValid(xen.memory, mfn) && frameOf(xen.memory, mfn)?.owner === domain.domid) putAllocRef(xen, mfn);
}
