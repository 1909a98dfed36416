/**
 * Places in dom0 for foreign pages, used again in the reverse order of their coming back (struct gnttab_page_cache of
 * drivers/xen/grant-table.c, Linux 6.12): it decides which pages of a request follow each other. In which order a kernel that has
 * been up for a while finds new ones is chance; here it is ascending, which is what lets pages join.
 */
import type { Pfn } from '../../address/index.ts';
import { allocateForeignPages } from '../../linux/simulated/index.ts';
import type { Party } from '../host/party.ts';

/** Places that are asked for at once. */
const BATCH = 64;

export class ForeignPool {
  readonly #dom0: Party;
  readonly #free: Pfn[] = [];

  /** @param first places that are there from the beginning, the first one to be taken first. */
  constructor(dom0: Party, first: readonly Pfn[] = []) {
    this.#dom0 = dom0;
    this.#free.push(...first.toReversed());
  }

  /** @throws RangeError if dom0 has no room. */
  take(): Pfn {
    if (this.#free.length === 0) this.#refill();
    const page = this.#free.pop();
    if (page === undefined) throw new RangeError('dom0 has no room for foreign pages');
    return page;
  }

  #refill(): void {
    const fresh: Pfn[] = [];
    for (let i = 0; i < BATCH; i++) {
      const page = allocateForeignPages(this.#dom0.kernel, 1);
      if (page === undefined) break;
      fresh.push(page);
    }
    this.#free.push(...fresh.sort((a, b) => b - a));
  }

  /** Each is taken before those that came back before it. */
  put(pages: readonly Pfn[]): void {
    this.#free.push(...pages);
  }
}
