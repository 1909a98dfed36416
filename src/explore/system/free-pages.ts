/** Pages that steps give back and ask for: those that a kernel gets again, and addresses for what a hypervisor is to put there. */
import { offsetBy, PAGE_SIZE, type PhysAddr } from '../../address/index.ts';
import type { Footprint, Scheduler } from '../../machine/index.ts';

export class FreePages {
  readonly #footprint: Footprint;
  readonly #scheduler: Scheduler;
  /** By domain. */
  readonly #freed = new Map<string, (readonly PhysAddr[])[]>();
  #taken = 0;

  constructor(footprint: Footprint, scheduler: Scheduler) {
    this.#footprint = footprint;
    this.#scheduler = scheduler;
  }

  /** Pages go back to a kernel, which gives those out first that came last. */
  free(domain: string, pages: readonly PhysAddr[]): void {
    this.#scheduler.atomic(`free ${pages.length} pages`, () => {
      this.#footprint.touch(`freed:${domain}`, true);
      this.#freedOf(domain).push(pages);
    });
  }

  /** The first of `count` pages that follow each other among what was given back last; undefined where that has not so many. */
  allocate(domain: string, count: number): PhysAddr | undefined {
    return this.#scheduler.atomic(`allocate ${count} freed pages`, () => {
      this.#footprint.touch(`freed:${domain}`, true);
      const freed = this.#freedOf(domain);
      const pages = freed.at(-1) ?? [];
      const first = pages[0];
      const follow = pages.slice(0, count).every((page, i) => page - i * PAGE_SIZE === first);
      if (first === undefined || pages.length < count || !follow) return undefined;
      freed.pop();
      if (pages.length > count) freed.push(pages.slice(count));
      return first;
    });
  }

  /** Addresses for pages that are asked for later: `count` pages from `base` on, each given once. */
  takeAddress(base: PhysAddr, count: number): PhysAddr {
    return this.#scheduler.atomic('take an address', () => {
      this.#footprint.touch('addresses', true);
      const at = offsetBy(base, this.#taken * PAGE_SIZE);
      this.#taken += count;
      return at;
    });
  }

  #freedOf(domain: string): (readonly PhysAddr[])[] {
    const freed = this.#freed.get(domain) ?? [];
    this.#freed.set(domain, freed);
    return freed;
  }
}
