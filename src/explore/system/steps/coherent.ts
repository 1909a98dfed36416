/** Steps for coherent memory: dma_alloc_coherent() and its reverse. */
import { PAGE_SIZE } from '../../../address/index.ts';
import { allocCoherent, freeCoherent } from '../../../linux/api/index.ts';
import { Direction } from '../../../linux/index.ts';
import { type Place, physAt } from '../places.ts';
import { attributesOf, forget, type Handlers } from './step.ts';

export const COHERENT_STEPS: Handlers<'alloc-coherent' | 'free-coherent'> = {
  'alloc-coherent': (system, actor, { device, size, as }) => {
    const kernel = system.kernel(actor.domain, actor.spec.cpu);
    const buffer = allocCoherent(kernel, system.device(device), size);
    system.scheduler.atomic(`alloc_coherent ${as}`, () => {
      system.named.make('buffer', as);
      system.named.make('mapping', as);
      if (buffer === undefined) {
        system.fail('fault', `dma_alloc_coherent of ${size} bytes failed`);
        return;
      }
      const place: Place = {
        name: as,
        domain: actor.domain,
        offset: 0,
        size,
        pages: system.pagesAt(actor.domain, buffer.phys, Math.ceil(size / PAGE_SIZE)),
        cacheable: buffer.cacheable,
      };
      system.named.places.set(as, place);
      const entries = [{ place, from: 0, to: size, dma: buffer.dma }];
      system.named.mappingMade({
        name: as,
        agent: system.current.agent,
        device: system.device(device),
        direction: Direction.bidirectional,
        entries,
        attributes: attributesOf([]),
      });
    });
  },
  'free-coherent': (system, actor, { buffer }) => {
    const place = system.named.placeFor(buffer);
    const mapping = system.named.mapping(buffer, actor.index);
    const entry = mapping?.entries[0];
    if (!place || !entry) return;
    const size = place.pages.length * PAGE_SIZE;
    freeCoherent(system.kernel(actor.domain, actor.spec.cpu), {
      phys: physAt(place, 0),
      dma: entry.dma,
      size,
      cacheable: place.cacheable,
    });
    forget(system, buffer);
  },
};
