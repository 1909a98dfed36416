/**
 * Free pages of the kernel's own RAM: lowest first, naturally aligned, as __get_free_pages() gives them. Or of an extended region: there
 * the last one first (fill_list() and xen_alloc_unpopulated_pages(), drivers/xen/unpopulated-alloc.c, Linux 6.12).
 */
import {
  type ByteRange,
  ceilTo,
  floorTo,
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
  readonly #order: 'lowest' | 'highest';

  /** @param name of the cell that allocations touch. */
  constructor(
    world: World,
    name: string,
    ranges: readonly ByteRange<PhysAddr>[],
    order: 'lowest' | 'highest' = 'lowest',
  ) {
    this.#order = order;
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
      for (const range of this.#ranges)
        for (const at of this.#candidates(range, pages * PAGE_SIZE, alignment)) {
          const frames = framesAt(at, pages);
          if (frames.some((frame) => this.#taken.has(frame)) || !suits(at)) continue;
          for (const frame of frames) this.#taken.add(frame);
          return at;
        }
      return undefined;
    });
  }

  /** Where `size` bytes may begin in the range, in the order in which they are tried. */
  *#candidates([from, to]: ByteRange<PhysAddr>, size: number, alignment: number): Generator<PhysAddr> {
    const first = ceilTo(from, alignment);
    const last = floorTo(offsetBy(to, -size), alignment);
    if (this.#order === 'lowest') for (let at = first; at <= last; at = offsetBy(at, alignment)) yield at;
    else for (let at = last; at >= first; at = offsetBy(at, -alignment)) yield at;
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
