/** GNTTABOP_copy: the hypervisor copies between a domain's own page and one that is granted to it. */
import { type PhysAddr, pageOffset, pfnOf } from '../../../address/index.ts';
import type { CopyEnd } from '../../../linux/simulated/index.ts';
import { type Place, pagePieces } from '../places.ts';
import type { System } from '../system.ts';

/** Bytes, and where in each buffer. */
interface Extent {
  readonly size: number | undefined;
  readonly fromOffset: number;
  readonly toOffset: number;
}

/** @param domain whose kernel makes the hypercalls, one a page. */
export function grantCopy(system: System, domain: string, from: Place, to: Place, extent: Extent): void {
  const { hypervisor } = system.party(domain).kernel.world;
  if (hypervisor === undefined) return;
  const size = extent.size ?? Math.min(from.size - extent.fromOffset, to.size - extent.toOffset);
  for (let done = 0; done < size; ) {
    const [source] = pagePieces(from, extent.fromOffset + done, extent.fromOffset + size);
    const [target] = pagePieces(to, extent.toOffset + done, extent.toOffset + size);
    if (!source || !target) return;
    const length = Math.min(source.size, target.size);
    const ends = {
      source: endOf(system, domain, from, source.phys),
      target: endOf(system, domain, to, target.phys),
    };
    const { source: one, target: other } = ends;
    const statuses =
      one && other ? hypervisor.copyGrants([{ source: one, target: other, length }]) : [NOT_GRANTED];
    if (statuses[0] !== 0)
      system.scheduler.atomic('GNTTABOP_copy failed', () =>
        system.fail('fault', `GNTTABOP_copy failed (${statuses[0]})`),
      );
    done += length;
  }
}

/** GNTST_bad_gntref. */
const NOT_GRANTED = -3;

/** One end of the copy: a page of the caller's own, or a grant to it; undefined where it has no such grant. */
function endOf(system: System, domain: string, place: Place, phys: PhysAddr): CopyEnd | undefined {
  const offset = pageOffset(phys);
  if (place.domain === domain) return { page: pfnOf(phys), offset };
  const grant = system.named.grantOf(place.name, system.party(domain).domid);
  const ref = grant?.refs[place.pages.findIndex((each) => pfnOf(each.phys) === pfnOf(phys))];
  return grant && ref !== undefined ? { domain: grant.from, ref, offset } : undefined;
}
