/** Steps about grants: one domain lends its pages, another maps or copies them. */
import { pfn, pfnOf, physAddrOf } from '../../../address/index.ts';
import {
  allocateForeignPages,
  freeForeignPages,
  mapGrants,
  unmapGrants,
} from '../../../linux/simulated/index.ts';
import { judgeGone } from '../hand-over.ts';
import type { System } from '../system.ts';
import { grantCopy } from './grant-copy.ts';
import { type ActionOf, type Actor, failAtomically, forget, type Handlers, notMade } from './step.ts';

export const GRANT_STEPS: Handlers<'grant' | 'end-access' | 'map-grant' | 'unmap-grant' | 'grant-copy'> = {
  grant: (system, actor, { buffer, to, readonly, as }) => {
    const place = system.named.placeFor(buffer);
    const { grantTable, domid } = system.party(actor.domain);
    if (!place || !grantTable) {
      notMade(system, 'grant', as);
      return;
    }
    const target = system.party(to).domid;
    const refs = place.pages.map(({ phys }) => grantTable.grant(target, pfnOf(phys), readonly));
    system.scheduler.atomic(`grant ${as}`, () => {
      system.named.make('grant', as);
      const granted = refs.filter((ref) => ref !== undefined);
      if (granted.length < refs.length) system.fail('fault', 'the grant table is full');
      else {
        system.footprint.touch('grants', true);
        system.named.grants.set(as, { name: as, place, from: domid, to: target, refs: granted });
      }
    });
  },
  'end-access': (system, actor, { grant }) => {
    const granted = system.named.grantFor(grant);
    const { grantTable } = system.party(actor.domain);
    if (!granted || !grantTable) return;
    for (const ref of granted.refs) grantTable.endAccess(ref);
  },
  'map-grant': mapGrant,
  'unmap-grant': (system, actor, { buffer }) => {
    const mapped = system.scheduler.atomic(`look up ${buffer}`, () => {
      system.named.touch(buffer, false);
      return system.named.foreign.get(buffer);
    });
    if (mapped === undefined) return;
    const kernel = system.kernel(actor.domain, actor.spec.cpu);
    unmapGrants(kernel, system.design, mapped.pages);
    freeForeignPages(kernel, pfn(Math.min(...mapped.pages.map(({ at }) => at))), mapped.pages.length);
    forget(system, buffer, () =>
      judgeGone(
        system,
        mapped.pages.map(({ frame }) => frame),
      ),
    );
  },
  'grant-copy': (system, actor, action) => {
    const from = system.named.placeFor(action.from);
    const to = system.named.placeFor(action.to);
    if (!from || !to) return;
    grantCopy(system, actor.domain, from, to, action);
  },
};

function mapGrant(system: System, actor: Actor, action: ActionOf<'map-grant'>): void {
  const grant = system.named.grantFor(action.grant);
  if (!grant) {
    notMade(system, 'buffer', action.as);
    return;
  }
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const first = allocateForeignPages(kernel, grant.refs.length);
  if (first === undefined) {
    if (!action.mayFail) failAtomically(system, 'no place for foreign pages');
    notMade(system, 'buffer', action.as);
    return;
  }
  const wanted = grant.refs.map((ref, i) => ({
    at: pfn(first + i),
    domain: grant.from,
    ref,
    readonly: action.readonly,
  }));
  const mapped = mapGrants(kernel, system.design, wanted);
  system.scheduler.atomic(`map grant ${action.as}`, () => {
    system.named.make('buffer', action.as);
    const pages = mapped.map(({ status, handle, frame }, i) => ({
      status,
      at: pfn(first + i),
      frame,
      handle,
    }));
    if (pages.some(({ status }) => status !== 0)) {
      if (action.mayFail) return;
      system.fail(
        'fault',
        `GNTTABOP_map_grant_ref of ${grant.name} failed (${pages.map(({ status }) => status).join(', ')})`,
      );
      return;
    }
    system.named.foreign.set(action.as, { pages });
    system.named.places.set(action.as, {
      ...grant.place,
      name: action.as,
      domain: actor.domain,
      pages: grant.place.pages.map(({ machine }, i) => ({ phys: physAddrOf(pfn(first + i)), machine })),
    });
  });
}
