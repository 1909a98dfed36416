/** How granules begin: what was said of their bytes, and a way for caches and memory to be so. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { LineSizes } from '../lines.ts';
import type { Initial } from '../machine.ts';
import type { Cache } from './cache.ts';
import type { Contents, Value } from './contents.ts';
import type { Hierarchy } from './hierarchy.ts';
import type { Chance } from './random.ts';

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
   * @param orNone lines that others share with bytes that begin clean may be so too, as if they had been written back.
   */
  place(
    granule: MachineAddr,
    cached: readonly Value[],
    hierarchy: Hierarchy,
    contents: Contents,
    chance: Chance,
    orNone: boolean,
  ): void {
    const { small, big } = this.#sizes;
    const said = this.#saidOf(granule);
    const parts: number[] = [];
    for (let part = 0; part < big; part += small)
      if (said.slice(part, part + small).some((initial) => initial !== 'clean')) parts.push(part);
    const dirty = (cache: Cache, part: number) => {
      const data = Uint32Array.from(cached.slice(part, part + cache.lineSize));
      hierarchy.place(cache, { at: offsetBy(granule, part), data, dirty: true });
    };
    const writtenBack = (part: number) =>
      contents.write(offsetBy(granule, part), Uint32Array.from(cached.slice(part, part + small)));
    const [first, second] = hierarchy.inner as readonly [Cache, Cache];
    if (small === big) {
      if (parts.length === 0) return;
      if (orNone && said.includes('clean') && chance.choose(2) === 1) {
        writtenBack(0);
        return;
      }
      dirty(hierarchy.inner[chance.choose(hierarchy.inner.length)] as Cache, 0);
      if (hierarchy.outer && !said.includes('clean') && chance.choose(2) === 1) {
        const data = Uint32Array.from(cached, () => contents.fresh());
        hierarchy.place(hierarchy.outer, { at: granule, data, dirty: true });
      }
      return;
    }
    // Each in a line of its own; together in a big one; or one of them, the other having been written back; or none.
    const ways = parts.length === 0 ? 1 : parts.length === 1 ? 2 : 4;
    const way = chance.choose(orNone && said.includes('clean') ? 5 : ways);
    if (way === 1) dirty(second, 0);
    else
      parts.forEach((part, i) => {
        if (way === 0 || way - 2 === i) dirty(first, part);
        else writtenBack(part);
      });
  }

  #saidOf(granule: MachineAddr): Initial[] {
    return this.#said.get(granule) ?? new Array<Initial>(this.#sizes.big).fill('written');
  }
}
