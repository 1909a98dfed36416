/** Whose memory a frame is now: a domain may use its own, and what a grant that is pinned lends to it. Within atomic actions. */
import { type MachineAddr, type Mfn, mfnOf } from '../../address/index.ts';
import type { DomId, Xen } from '../../xen/index.ts';
import type { System } from './system.ts';

/** May the domain's CPU use this frame. Without a hypervisor there is nobody else. */
export function mayUse(system: System, domid: DomId, frame: Mfn): boolean {
  const { xen, footprint } = system;
  if (xen === undefined) return true;
  footprint.touch(`frame:${frame}`, false);
  const found = xen.frame(frame);
  if (found === undefined || (found.owner === domid && found.count > 0)) return found !== undefined;
  return isLent(system, xen, domid, frame);
}

/** The same of a device, on behalf of the domain that drives it. */
export function deviceMayUse(system: System, at: MachineAddr): boolean {
  for (const { spec, domid } of system.parties.values())
    if (spec.hardware) return mayUse(system, domid, mfnOf(at));
  return true;
}

function isLent({ footprint, named }: System, xen: Xen, domid: DomId, frame: Mfn): boolean {
  footprint.touch('grants', false);
  for (const { from, to, refs } of named.grants.values()) {
    if (to !== domid) continue;
    for (const ref of refs) {
      footprint.touch(`grant:${from}:${ref}`, false);
      const active = xen.activeGrant(from, ref);
      if (active?.mfn === frame && active.domid === domid) return true;
    }
  }
  return false;
}
