/** Steps by which pages come and go: balloons, the page allocator. */
import { mfnOf, PAGE_SIZE, type Pfn, type PhysAddr, pfn, pfnOf, physAddr } from '../../../address/index.ts';
import { balloonIn, balloonOut, type SimulatedKernel } from '../../../linux/simulated/index.ts';
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
    if (system.xen) giveBack(system, actor, place, frames);
    if (keepsItsPages(system, actor))
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

/** Without a hypervisor, or 1:1 with the machine: the domain can have pages at no other addresses than those of its RAM. */
function keepsItsPages(system: System, { domain }: Actor): boolean {
  return system.xen === undefined || system.party(domain).spec.directMapped;
}

/** Where pages that a domain asks for later appear: above all RAM, if it can address that. */
const ALLOCATED = physAddr(2 ** 37);

function allocate(system: System, actor: Actor, { as, size, offset }: ActionOf<'allocate'>): void {
  const count = Math.ceil((offset + size) / PAGE_SIZE);
  const at = keepsItsPages(system, actor) ? ownPages(system, actor, count) : newPages(system, actor, count);
  system.scheduler.atomic(`allocate ${as}`, () => {
    system.named.make('buffer', as);
    if (at === undefined) {
      system.fail('fault', `no memory for ${as}`);
      return;
    }
    const pages = system.pagesAt(actor.domain, at, count);
    system.named.places.set(as, { name: as, domain: actor.domain, offset, size, pages, cacheable: true });
  });
}

/** Those that were given back last, else free ones of the kernel's. */
function ownPages(system: System, actor: Actor, count: number): PhysAddr | undefined {
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const again = system.freePages.allocate(actor.domain, count);
  if (again === undefined) return kernel.allocatePages(count * PAGE_SIZE);
  return system.xen === undefined || populated(kernel, again, count) ? again : undefined;
}

/** Pages of the hypervisor's. */
function newPages(system: System, actor: Actor, count: number): PhysAddr | undefined {
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const { ram } = system.party(actor.domain).layout;
  const endOfRam = physAddr(Math.max(...ram.map(({ phys, size }) => phys + size)));
  const at = system.freePages.takeAddress(system.case.platform.lpae ? ALLOCATED : endOfRam, count);
  return populated(kernel, at, count) ? at : undefined;
}

function populated(kernel: SimulatedKernel, at: PhysAddr, count: number): boolean {
  const frames = Array.from({ length: count }, (_, i) => pfn(pfnOf(at) + i));
  return balloonIn(kernel, frames) === count;
}
