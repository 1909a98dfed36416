/** Stage 2 of a kernel: none on bare metal, a domain's p2m under Xen. */
import {
  type ByteRange,
  gfn,
  type Mfn,
  mfn,
  type Pfn,
  type PhysAddr,
  pfn,
  physAddrOf,
  RangeSet,
} from '../../address/index.ts';
import type { DomId, RamRange, Xen } from '../../xen/index.ts';
import type { Stage2, Translation } from './world.ts';

/** Bare metal: RAM is where it is. */
export function bareMetal(ram: readonly ByteRange<PhysAddr>[]): Stage2 {
  const ranges = new RangeSet(ram);
  const identity = (frame: Pfn): Translation | undefined =>
    ranges.has(physAddrOf(frame)) ? { frame: mfn(frame), writable: true } : undefined;
  return { translate: identity, pfnOf: (frame) => (identity(pfn(frame)) ? pfn(frame) : undefined) };
}

/**
 * A domain of Xen. A translation that is removed already and may still be in a TLB is used, for that is worse than a fault.
 * @param ram its RAM as it was built, where it has a machine-to-physical table of it (x86 PV).
 */
export function xenStage2(xen: Xen, domid: DomId, ram: readonly RamRange[] = []): Stage2 {
  const translate = (frame: Pfn): Translation | undefined => {
    const found = xen.translate(domid, gfn(frame)) ?? xen.staleTranslations(domid, gfn(frame)).at(-1);
    return found && { frame: found.mfn, writable: found.writable };
  };
  return {
    translate,
    pfnOf(frame: Mfn) {
      const range = ram.find(({ mfn: first, frames }) => frame >= first && frame < first + frames);
      if (range === undefined) return undefined;
      const at = pfn(range.gfn + (frame - range.mfn));
      return translate(at)?.frame === frame ? at : undefined;
    },
  };
}
