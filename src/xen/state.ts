/** Everything that a running Xen remembers. Functions of this room take it as their first argument. */
import type { Gfn, Mfn } from '../address/index.ts';
import type { Footprint } from '../machine/index.ts';
import type { DomId } from './abi/domid.ts';
import type { XenHardware } from './hardware.ts';
import type { XenPlatform } from './platform.ts';

/** Frames [from, to). */
export interface FrameRange {
  readonly from: Mfn;
  readonly to: Mfn;
}

/** Frames of a domain's RAM: gfn + i is mfn + i for i in [0, frames). */
export interface RamRange {
  readonly gfn: Gfn;
  readonly mfn: Mfn;
  readonly frames: number;
}

/** struct page_info, as far as ownership goes. */
export interface Frame {
  /** The domain whose page it is; DOMID_XEN; undefined: nobody's, it is in the heap. */
  owner: DomId | undefined;
  /** PGC_allocated: the owner holds a reference until it frees the page. */
  allocated: boolean;
  /** References, that of `allocated` among them. At 0 the frame goes to the heap. */
  count: number;
  /** Free, and what it holds has to be scrubbed before the next owner gets it (PGC_need_scrub). */
  needScrub: boolean;
  /** Whose content it holds while it is free; undefined: nobody's. */
  lastOwner: DomId | undefined;
}

/** Machine memory. Frames that nobody has touched yet are described by the ranges alone. */
export interface Memory {
  /** RAM that Xen knows: mfn_valid(). */
  readonly ram: readonly FrameRange[];
  /** RAM given to domains (or kept by Xen) when they were created. */
  readonly given: { readonly range: FrameRange; readonly owner: DomId }[];
  /** Frames whose state may differ from what the ranges say. */
  readonly frames: Map<Mfn, Frame>;
  /** Freed frames, the last one freed is the next one given out: what a careless user of a freed page is most hurt by. */
  readonly free: Mfn[];
  /** Frames below this one were never given out by the heap; it descends. */
  heapTop: Mfn;
}

/** p2m_type_t, those of them that occur here. */
export type P2mType =
  | 'p2m_ram_rw'
  | 'p2m_grant_map_rw'
  | 'p2m_grant_map_ro'
  | 'p2m_iommu_map_rw'
  | 'p2m_iommu_map_ro';

/** Stage 2 entry. */
export interface P2mEntry {
  readonly mfn: Mfn;
  readonly type: P2mType;
}

/** A domain's stage 2 table; its IOMMU context uses the same one. */
export interface P2m {
  /** RAM from creation; `entries` overrides it. */
  readonly ram: RamRange[];
  /** null: removed. */
  readonly entries: Map<Gfn, P2mEntry | null>;
  /** Entries that are gone and that a TLB may still hold. */
  readonly stale: Map<Gfn, P2mEntry[]>;
  /** Entries of `ram` that the domain has used, which sets their valid bit (quirk p2m-entry-survives-removal). */
  readonly accessed: Set<Gfn>;
}

/** The four 8-bit counters of an active entry: mappings by host and by device, for writing and read-only. */
export interface Pins {
  hstw: number;
  hstr: number;
  devw: number;
  devr: number;
}

/** struct active_grant_entry: what holds while the grant is pinned, whatever the guest writes to the shared entry. */
export interface ActiveEntry {
  readonly pins: Pins;
  /** Domain being granted access. */
  readonly domid: DomId;
  readonly mfn: Mfn;
}

/** struct grant_mapping: one mapping of another domain's grant. `flags` 0: unused. */
export interface Mapping {
  readonly domid: DomId;
  readonly ref: number;
  /** GNTMAP bits. */
  flags: number;
}

/** A domain's grant table and its mappings of others' grants. */
export interface GrantTable {
  readonly maxFrames: number;
  readonly maxMaptrackFrames: number;
  /** The shared frames, in order, and where the domain has mapped each. */
  readonly frames: { readonly mfn: Mfn; gfn: Gfn | undefined }[];
  /** Pinned entries only, by reference. */
  readonly active: Map<number, ActiveEntry>;
  readonly mappings: Map<number, Mapping>;
  /** Handles in the order in which they are given out, and how many there are altogether. */
  freeHandles: number[];
  handles: number;
  /** Mappings of foreign frames that hold an entry in the IOMMU, by frame. */
  readonly iommu: Map<Mfn, { rd: number; wr: number }>;
  /** The same for grant_map_identity. */
  readonly identity: Map<Mfn, { rd: number; wr: number }>;
}

export interface Domain {
  readonly domid: DomId;
  readonly directMapped: boolean;
  /** Hardware and control domain: dom0. */
  readonly hardware: boolean;
  readonly iommu: boolean;
  /** Bits of an address that the guest's own page tables can hold: 32 for 32-bit Arm without LPAE. */
  readonly addressBits: number;
  dying: boolean;
  readonly p2m: P2m;
  readonly grants: GrantTable;
}

export interface XenState {
  readonly platform: XenPlatform;
  readonly hardware: XenHardware;
  readonly footprint: Footprint;
  /** hypercall_preempt_check(): asked where Xen asks it. */
  readonly preempt: () => boolean;
  readonly memory: Memory;
  readonly domains: Map<DomId, Domain>;
  /** BUG() and failed ASSERT()s that were reached: with any of them the host would be down. */
  readonly bugs: string[];
}
