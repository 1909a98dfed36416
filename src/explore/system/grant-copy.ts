/** GNTTABOP_copy: the hypervisor copies between a domain's own page and one that is granted to it. */
import { gfn, mfnOf, offsetBy, PAGE_SIZE, pageOffset, pfnOf } from '../../address/index.ts';
import { DOMID_SELF, GNTCOPY, GNTTABOP, gnttab_copy } from '../../xen/index.ts';
import { type Place, pagePieces } from './places.ts';
import type { Actor } from './steps.ts';
import type { Grant, System } from './system.ts';

/** Bytes, and where in each buffer. */
interface Extent {
  readonly size: number | undefined;
  readonly fromOffset: number;
  readonly toOffset: number;
}

export function grantCopy(system: System, actor: Actor, from: Place, to: Place, extent: Extent): void {
  const { xen } = system;
  if (xen === undefined) return;
  const size = extent.size ?? Math.min(from.size - extent.fromOffset, to.size - extent.toOffset);
  for (let done = 0; done < size; ) {
    const [source] = pagePieces(from, extent.fromOffset + done, extent.fromOffset + size);
    const [target] = pagePieces(to, extent.toOffset + done, extent.toOffset + size);
    if (!source || !target) return;
    const length = Math.min(source.size, target.size);
    const fromEnd = end(system, actor, from, source.phys);
    const toEnd = end(system, actor, to, target.phys);
    system.scheduler.atomic(`GNTTABOP_copy ${from.name} to ${to.name}`, () => {
      const { domid, layout } = system.party(actor.domain);
      const bytes = gnttab_copy.write({
        [fromEnd.granted ? 'source.u.ref' : 'source.u.gmfn']: fromEnd.address,
        'source.domid': fromEnd.domid,
        'source.offset': fromEnd.offset,
        [toEnd.granted ? 'dest.u.ref' : 'dest.u.gmfn']: toEnd.address,
        'dest.domid': toEnd.domid,
        'dest.offset': toEnd.offset,
        len: length,
        flags: (fromEnd.granted ? GNTCOPY.source_gref : 0) + (toEnd.granted ? GNTCOPY.dest_gref : 0),
        status: 1,
      });
      const at = offsetBy(layout.control[0], actor.spec.cpu * PAGE_SIZE);
      const frame =
        xen.translate(domid, gfn(pfnOf(at)))?.mfn ?? mfnOf(layout.ram[0]?.machine ?? (0 as never));
      system.hardware.writeBytes(frame, pageOffset(at), bytes);
      xen.hypercall(domid, 'grant_table_op', GNTTABOP.copy, at);
      const { status } = gnttab_copy.read(system.hardware.readBytes(frame, pageOffset(at), gnttab_copy.size));
      if (status !== 0) system.fail('fault', `GNTTABOP_copy failed (${status})`);
    });
    done += length;
  }
}

/** One end of the copy: a page of the caller's own, or a grant to it. */
function end(system: System, actor: Actor, place: Place, phys: Place['pages'][number]['phys']) {
  const offset = pageOffset(phys);
  if (place.domain === actor.domain)
    return { granted: false, address: pfnOf(phys) as number, domid: DOMID_SELF, offset };
  const grant = grantOf(system, actor, place);
  const page = place.pages.findIndex((each) => pfnOf(each.phys) === pfnOf(phys));
  return { granted: true, address: grant?.refs[page] ?? 0, domid: grant?.from ?? DOMID_SELF, offset };
}

function grantOf(system: System, actor: Actor, place: Place): Grant | undefined {
  const { domid } = system.party(actor.domain);
  return [...system.grants.values()].find((grant) => grant.place.name === place.name && grant.to === domid);
}
