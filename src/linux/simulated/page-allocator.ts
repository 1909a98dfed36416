/** Free pages of the kernel's own RAM, or of an extended region. Lowest first, naturally aligned, as __get_free_pages() gives them. */
import {
  type ByteRange,
  ceilTo,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pfnOf,
} from '../../address/index.ts';
import type { World } from './world.ts';

export class PageAllocator {
  readonly #world: World;
  readonly #cell: string;
  readonly #ranges: readonly ByteRange<PhysAddr>[];
  readonly #taken = new Set<Pfn>();

  /** @param name of the cell that allocations touch. */
  constructor(world: World, name: string, ranges: readonly ByteRange<PhysAddr>[]) {
    this.#world = world;
    this.#cell = `${name}:${world.platform.name}`;
    this.#ranges = ranges;
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
      for (const [from, to] of this.#ranges)
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
    this.#world.footprint.touch(this.#cell, true);
  }
}

function framesAt(at: PhysAddr, count: number): Pfn[] {
  return Array.from({ length: count }, (_, i) => pfnOf(offsetBy(at, i * PAGE_SIZE)));
}
