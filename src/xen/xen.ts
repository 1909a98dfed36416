/** The hypervisor on Arm as far as DMA coherence needs it: a synchronous state machine over a narrow port to hardware. */
import { mfn as asMfn, type Gfn, type Mfn, type PhysAddr } from '../address/index.ts';
import { type Footprint, NO_FOOTPRINT } from '../machine/index.ts';
import { DOMID_XEN, type DomId } from './abi/domid.ts';
import { createDomain, type DomainSpec, destroyDomain } from './domain-life.ts';
import { extendedRegions, type GfnRange } from './extended-regions.ts';
import { featuresOf, type XenFeature, xenVersion } from './features.ts';
import { discardBootModules, frameOf } from './frames.ts';
import { grantTableOp } from './grant-table-op.ts';
import type { XenHardware } from './hardware.ts';
import { memoryOp } from './memory-op.ts';
import { p2mAccess, staleEntries, writable } from './p2m.ts';
import type { XenPlatform } from './platform.ts';
import type { ActiveEntry, Domain, Frame, FrameRange, P2mEntry, P2mType, XenState } from './state.ts';
import { atomic, finish, type Steps } from './steps.ts';

/** The host that Xen runs on. */
export interface XenSpec {
  readonly platform: XenPlatform;
  readonly hardware: XenHardware;
  /** The host's RAM. */
  readonly ram: readonly FrameRange[];
  /** Frames of devices: not RAM, and no holes for extended regions. */
  readonly mmio?: readonly FrameRange[];
  /** RAM that boot modules (kernel, ramdisk) occupy until discardBootModules(). */
  readonly bootModules?: readonly FrameRange[];
  /**
   * Told of every shared cell: `p2m:DOM:GFN`, `tlb:DOM`, `grant:DOM:REF` (shared and active entry), `grants:DOM` (which
   * are pinned), `grant-frames:DOM`, `maptrack:DOM`, `identity:DOM:MFN`, `frame:MFN`, `heap`, `domains`. What the
   * hardware is told to do is the hardware's to name; a guest that writes a grant entry names `grant:DOM:REF`.
   */
  readonly footprint?: Footprint;
  /** hypercall_preempt_check(): asked wherever Xen asks whether it should give way. Default: never. */
  readonly preempt?: () => boolean;
}

/** A stage 2 translation. */
export interface Translation {
  readonly mfn: Mfn;
  readonly writable: boolean;
  readonly type: P2mType;
}

export type HypercallName = 'grant_table_op' | 'memory_op' | 'xen_version';

export class Xen {
  readonly #state: XenState;
  readonly #spec: XenSpec;

  constructor(spec: XenSpec) {
    this.#spec = spec;
    this.#state = {
      platform: spec.platform,
      hardware: spec.hardware,
      footprint: spec.footprint ?? NO_FOOTPRINT,
      preempt: spec.preempt ?? (() => false),
      memory: {
        ram: spec.ram,
        given: (spec.bootModules ?? []).map((range) => ({ range, owner: DOMID_XEN })),
        frames: new Map(),
        free: [],
        heapTop: asMfn(Math.max(0, ...spec.ram.map(({ to }) => to))),
      },
      domains: new Map(),
      bugs: [],
    };
  }

  /** BUG()s and failed ASSERT()s that were reached: the host would be down. Empty without quirks. */
  get bugs(): readonly string[] {
    return this.#state.bugs;
  }

  /** @throws RangeError where the domain's memory is not there, taken, or not 1:1 although direct mapped. */
  createDomain(spec: DomainSpec): void {
    createDomain(this.#state, spec);
  }

  /** The domain dies: its mappings end, its memory is freed and scrubbed before it is given out again. */
  destroyDomain(domid: DomId): void {
    destroyDomain(this.#state, this.#domain(domid));
  }

  /** The memory of boot modules goes to the heap, as once dom0 is built. */
  discardBootModules(): void {
    for (const range of this.#spec.bootModules ?? []) discardBootModules(this.#state, range);
  }

  /**
   * A hypercall of that domain, run to its end, continuations included.
   * @param cmd the command register, 32 bits.
   * @param arg guest physical address of the argument, in the domain's own RAM.
   * @param count elements (grant_table_op), 32 bits; negative as an int is refused.
   * @returns 0, a count of extents (memory_op), or a negated Errno.
   */
  hypercall(domid: DomId, name: HypercallName, cmd: number, arg: PhysAddr, count = 1): number {
    return finish(this.hypercallSteps(domid, name, cmd, arg, count));
  }

  /** The same in pieces: stops wherever others can run in between. What lies between two stops is atomic. */
  hypercallSteps(domid: DomId, name: HypercallName, cmd: number, arg: PhysAddr, count = 1): Steps<number> {
    const domain = this.#domain(domid);
    switch (name) {
      case 'grant_table_op':
        return grantTableOp(this.#state, domain, u32(cmd), arg, u32(count));
      case 'memory_op':
        return memoryOp(this.#state, domain, u32(cmd), arg);
      case 'xen_version':
        return atomic(() => xenVersion(this.#state, domain, u32(cmd), arg));
    }
  }

  /** Stage 2 for an access by the domain's CPU, or by its device behind an IOMMU. undefined: a fault. */
  translate(domid: DomId, gfn: Gfn): Translation | undefined {
    const entry = p2mAccess(this.#state, this.#domain(domid), gfn);
    return entry && translation(entry);
  }

  /** Translations of the frame that were removed and that a TLB may still use: at any access it may or may not. */
  staleTranslations(domid: DomId, gfn: Gfn): readonly Translation[] {
    return staleEntries(this.#state, this.#domain(domid), gfn).map(translation);
  }

  /** What XENVER_get_features tells the domain. */
  features(domid: DomId): ReadonlySet<XenFeature> {
    return featuresOf(this.#state, this.#domain(domid));
  }

  /** Regions offered to dom0 for foreign mappings, [from, to) each (4.16 and later). */
  extendedRegions(domid: DomId): readonly GfnRange[] {
    return extendedRegions(this.#state, this.#domain(domid), this.#spec.mmio ?? []);
  }

  /** A guest executes DC ISW: harmless since HCR_EL2.SWIO is set (it cleans as well), and trapped since 4.12. */
  guestSetWayInvalidate(): void {
    if (this.#state.platform.quirks.has('set-way-invalidate-discards'))
      this.#state.hardware.invalidateSetWay();
  }

  /** Owner, references of a frame; undefined: not RAM. Looking is no access. */
  frame(mfn: Mfn): Readonly<Frame> | undefined {
    return frameOf(this.#state.memory, mfn);
  }

  /** The active entry of a grant while it is pinned. Looking is no access. */
  activeGrant(domid: DomId, ref: number): Readonly<ActiveEntry> | undefined {
    return this.#domain(domid).grants.active.get(ref);
  }

  /** Machine frames of the domain's grant table, in order; it maps them by XENMEM_add_to_physmap. */
  grantFrames(domid: DomId): readonly Mfn[] {
    return this.#domain(domid).grants.frames.map(({ mfn }) => mfn);
  }

  hasDomain(domid: DomId): boolean {
    return this.#state.domains.has(domid);
  }

  #domain(domid: DomId): Domain {
    this.#state.footprint.touch('domains', false);
    const domain = this.#state.domains.get(domid);
    if (!domain) throw new RangeError(`there is no domain ${domid}`);
    return domain;
  }
}

function translation(entry: P2mEntry): Translation {
  return { mfn: entry.mfn, type: entry.type, writable: writable(entry.type) };
}

/** The low 32 bits, as a register passes them. */
function u32(value: number): number {
  return value - Math.floor(value / 2 ** 32) * 2 ** 32;
}
