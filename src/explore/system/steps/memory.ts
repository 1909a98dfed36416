/** Steps by which pages come and go: balloons, the page allocator. */
import { mfnOf, PAGE_SIZE, type Pfn, pfn, pfnOf, physAddr } from '../../../address/index.ts';
import { balloonIn, balloonOut } from '../../../linux/index.ts';
import { judgeGone } from '../hand-over.ts';
import type { Place } from '../places.ts';
import type { System } from '../system.ts';
import { type ActionOf, type Actor, failAtomically, type Handlers } from './step.ts';

export const MEMORY_STEPS: Handlers<'balloon-out' | 'balloon-in' | 'free' | 'allocate'> = {
  'balloon-out': (system, actor, { buffer }) => {
    const place = system.named.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    giveBack(system, actor, place, frames);
  },
  'balloon-in': (system, actor, { buffer }) => {
    const place = system.named.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    const come = balloonIn(system.kernel(actor.domain, actor.spec.cpu), frames);
    if (come < frames.length) failAtomically(system, 'XENMEM_populate_physmap failed');
    else
      system.scheduler.atomic(`${buffer} is back`, () => {
        system.named.make('buffer', buffer);
        system.named.places.set(buffer, { ...place, pages: pagesNow(system, actor.domain, place) });
      });
  },
  free: (system, actor, { buffer }) => {
    const place = system.named.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    if (system.xen) {
      giveBack(system, actor, place, frames);
    } else
      system.freePages.free(
        actor.domain,
        place.pages.map(({ phys }) => phys),
      );
  },
  allocate,
};

/** XENMEM_decrease_reservation; the device may not have finished with the pages. */
function giveBack(system: System, actor: Actor, place: Place, frames: readonly Pfn[]): void {
  const gone = balloonOut(system.kernel(actor.domain, actor.spec.cpu), frames);
  system.scheduler.atomic(`${place.name} is given back`, () => {
    if (gone < frames.length) system.fail('fault', 'XENMEM_decrease_reservation failed');
    judgeGone(
      system,
      place.pages.map(({ machine }) => mfnOf(machine)),
    );
  });
}

function pagesNow(system: System, domain: string, place: Place): Place['pages'] {
  return place.pages.flatMap(({ phys }) => system.pagesAt(domain, phys, 1));
}

/** Where pages that a domain asks for later appear: above all RAM. */
const ALLOCATED = physAddr(2 ** 37);

function allocate(system: System, actor: Actor, { as, size, offset }: ActionOf<'allocate'>): void {
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const count = Math.ceil((offset + size) / PAGE_SIZE);
  let first = system.xen
    ? system.freePages.takeAddress(ALLOCATED, count)
    : (system.freePages.allocate(actor.domain, count) ?? kernel.allocatePages(count * PAGE_SIZE));
  if (first !== undefined && system.xen) {
    const frames = Array.from({ length: count }, (_, i) => pfn(pfnOf(first as typeof ALLOCATED) + i));
    if (balloonIn(kernel, frames) < count) first = undefined;
  }
  const at = first;
  system.scheduler.atomic(`allocate ${as}`, () => {
    system.named.make('buffer', as);
    if (at === undefined) {
      system.fail('fault', `no memory for ${as}`);
      return;
    }
    const pages = system.pagesAt(actor.domain, at, count);
    system.named.places.set(as, {
      name: as,
      domain: actor.domain,
      offset,
      size,
      pages,
      cacheable: true,
    });
  });
}
