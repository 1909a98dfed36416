/** How granules begin: what was said of their bytes, and a way for caches and memory to be so. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { LineSizes } from '../lines.ts';
import type { Initial } from '../machine.ts';
import type { Board } from './board.ts';
import type { Cache } from './cache.ts';
import type { Contents, Value } from './contents.ts';
import { Line } from './line.ts';

export class Outset {
  readonly #sizes: LineSizes;
  readonly #said = new Map<MachineAddr, Initial[]>();

  constructor(sizes: LineSizes) {
    this.#sizes = sizes;
  }

  /** Something is said of [from, to). */
  say(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    for (let at = from; at < to; at = offsetBy(at, 1)) {
      const granule = floorTo(at, this.#sizes.big);
      const said = this.#saidOf(granule);
      said[at - granule] = initial;
      this.#said.set(granule, said);
    }
  }

  isSaid(granule: MachineAddr): boolean {
    return this.#said.has(granule);
  }

  /** Granules of which something was said. */
  granules(): MachineAddr[] {
    return [...this.#said.keys()];
  }

  /** Bytes that are another owner's. */
  disown(granule: MachineAddr, contents: Contents): void {
    this.#saidOf(granule).forEach((initial, i) => {
      if (initial === 'anothers') contents.disown(offsetBy(granule, i));
    });
  }

  /** Write values to memory: old ones where the current one is in the cache. Answers what the cache has. */
  fill(granule: MachineAddr, contents: Contents): Value[] {
    const cached: Value[] = [];
    this.#saidOf(granule).forEach((initial, i) => {
      const at = offsetBy(granule, i);
      const inMemory = contents.fresh();
      const current = initial === 'clean' ? inMemory : contents.fresh();
      contents.write(at, Uint32Array.of(inMemory));
      const nobodys = initial === 'anything' || initial === 'anothers';
      contents.store(at, current, { nobodys, tainted: false });
      cached.push(current);
    });
    return cached;
  }

  /**
   * Put dirty lines where there have to be some; chance decides between the ways there are.
   * @param board what they are put into.
   * @param anyWay all ways that a byte of the granule can begin with, not just the usual ones: some of the lines may have been
   *   written back, if the byte is not in them.
   */
  place(
    granule: MachineAddr,
    cached: readonly Value[],
    { hierarchy, contents, chance }: Pick<Board, 'hierarchy' | 'contents' | 'chance'>,
    anyWay: boolean,
  ): void {
    const { small, big } = this.#sizes;
    const said = this.#saidOf(granule);
    const starts = Array.from({ length: big / small }, (_, i) => i * small);
    const isDirty = starts.map((part) =>
      said.slice(part, part + small).some((initial) => initial !== 'clean'),
    );
    if (anyWay)
      starts.forEach((part, i) => {
        if (!isDirty[i] || chance.choose(2) === 0) return;
        isDirty[i] = false;
        contents.write(offsetBy(granule, part), Uint32Array.from(cached.slice(part, part + small)));
      });
    if (!isDirty.includes(true)) return;
    if (small !== big && chance.choose(2) === 1) {
      const [, bigLines] = hierarchy.inner as readonly [Cache, Cache];
      hierarchy.place(bigLines, new Line(granule, Uint32Array.from(cached), isDirty));
      return;
    }
    const cache = hierarchy.inner[small === big ? chance.choose(hierarchy.inner.length) : 0] as Cache;
    starts.forEach((part, i) => {
      const at = offsetBy(granule, part);
      if (isDirty[i])
        hierarchy.place(cache, new Line(at, Uint32Array.from(cached.slice(part, part + small)), [true]));
    });
    if (hierarchy.outer && (anyWay || !said.includes('clean')) && chance.choose(2) === 1) {
      const older = Uint32Array.from(cached, () => contents.fresh());
      hierarchy.place(hierarchy.outer, new Line(granule, older, [true]));
    }
  }

  #saidOf(granule: MachineAddr): Initial[] {
    return this.#said.get(granule) ?? new Array<Initial>(this.#sizes.big).fill('written');
  }
}
