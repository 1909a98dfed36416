/** Free pages of the kernel's own RAM. Lowest first, naturally aligned, as __get_free_pages() gives them. */
import { ceilTo, offsetBy, PAGE_SIZE, type Pfn, type PhysAddr, pfnOf } from '../../address/index.ts';
import type { World } from './world.ts';

export class PageAllocator {
  readonly #world: World;
  readonly #taken = new Set<Pfn>();

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Take contiguous pages for `size` bytes.
   * @param suits whether a run that begins there will do; asked inside the atomic action.
   * @returns their first byte; undefined where there are none.
   */
  allocate(size: number, suits: (at: PhysAddr) => boolean): PhysAddr | undefined {
    const pages = Math.ceil(size / PAGE_SIZE);
    const alignment = 2 ** Math.ceil(Math.log2(pages)) * PAGE_SIZE;
    return this.#world.scheduler.atomic(`allocate ${pages} pages`, () => {
      this.#touch();
      for (const [from, to] of this.#world.platform.heap ?? [])
        for (let at = ceilTo(from, alignment); at + pages * PAGE_SIZE <= to; at = offsetBy(at, alignment)) {
          const frames = framesAt(at, pages);
          if (frames.some((frame) => this.#taken.has(frame)) || !suits(at)) continue;
          for (const frame of frames) this.#taken.add(frame);
          return at;
        }
      return undefined;
    });
  }

  /** Give back what was allocated. */
  free(at: PhysAddr, size: number): void {
    const frames = framesAt(at, Math.ceil(size / PAGE_SIZE));
    this.#world.scheduler.atomic(`free ${frames.length} pages`, () => {
      this.#touch();
      for (const frame of frames) this.#taken.delete(frame);
    });
  }

  #touch(): void {
    this.#world.footprint.touch(`heap:${this.#world.platform.name}`, true);
  }
}

function framesAt(at: PhysAddr, count: number): Pfn[] {
  return Array.from({ length: count }, (_, i) => pfnOf(offsetBy(at, i * PAGE_SIZE)));
}
