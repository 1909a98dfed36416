/** One cache: lines with data, in sets, with a replacement policy. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { Line } from './line.ts';
import type { Chance } from './random.ts';

/** lru: the line that was used longest ago goes; fifo: the oldest; random: any. */
export type Policy = 'lru' | 'fifo' | 'random';

/** Shape of a cache. */
export interface Geometry {
  readonly sets: number;
  readonly ways: number;
  readonly policy: Policy;
}
/** Never full. */
export const UNBOUNDED: Geometry = { sets: 1, ways: Number.POSITIVE_INFINITY, policy: 'lru' };

export class Cache {
  readonly name: string;
  /** Bytes. */
  readonly lineSize: number;
  readonly #geometry: Geometry;
  readonly #lines = new Map<MachineAddr, Line>();
  /** Lines of each set, next victim first. */
  readonly #sets = new Map<number, Set<Line>>();

  constructor(name: string, lineSize: number, geometry: Geometry) {
    this.name = name;
    this.lineSize = lineSize;
    this.#geometry = geometry;
  }

  /** The line that holds a byte. */
  find(at: MachineAddr): Line | undefined {
    return this.#lines.get(floorTo(at, this.lineSize));
  }

  /** Lines that overlap [from, to), ascending. */
  over(from: MachineAddr, to: MachineAddr): Line[] {
    const found: Line[] = [];
    for (let at = floorTo(from, this.lineSize); at < to; at = offsetBy(at, this.lineSize)) {
      const line = this.#lines.get(at);
      if (line) found.push(line);
    }
    return found;
  }

  all(): Line[] {
    return [...this.#lines.values()];
  }

  /** An access to the line. */
  use(line: Line): void {
    if (this.#geometry.policy !== 'lru') return;
    const set = this.#setOf(line.at);
    set.delete(line);
    set.add(line);
  }

  /** The line that has to go before one at this address can come; undefined if there is room. */
  victim(at: MachineAddr, chance: Chance): Line | undefined {
    const set = this.#setOf(at);
    if (set.size < this.#geometry.ways) return undefined;
    const which = this.#geometry.policy === 'random' ? chance.choose(set.size) : 0;
    return [...set][which];
  }

  /** Put a line where there is room. */
  add(line: Line): void {
    this.#lines.set(line.at, line);
    this.#setOf(line.at).add(line);
  }

  remove(line: Line): void {
    this.#lines.delete(line.at);
    this.#setOf(line.at).delete(line);
  }

  #setOf(at: MachineAddr): Set<Line> {
    const index = Math.floor(at / this.lineSize) % this.#geometry.sets;
    let set = this.#sets.get(index);
    if (set === undefined) {
      set = new Set();
      this.#sets.set(index, set);
    }
    return set;
  }
}
