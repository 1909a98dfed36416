/**
 * The caches over memory: inner ones that are coherent with each other, perhaps of two line sizes, and perhaps an outer
 * one by physical address. Written from the architecture, not from the move tables of the coherence room.
 *
 * Where hardware may do one thing or another, chance decides.
 */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { LineSizes } from '../lines.ts';
import type { Cache } from './cache.ts';
import type { Contents, Value } from './contents.ts';
import { Line } from './line.ts';
import type { Chance } from './random.ts';

export type MaintenanceKind = 'clean' | 'invalidate' | 'cleanInvalidate';

export class Hierarchy {
  readonly inner: readonly Cache[];
  /** Same line size as the inner caches. */
  readonly outer: Cache | undefined;
  readonly #sizes: LineSizes;
  readonly #memory: Contents;
  readonly #chance: Chance;
  readonly #moved: (at: MachineAddr) => void;

  /** @param moved told of every line that an access of another line or by another core made go or be written back. */
  constructor(
    inner: readonly Cache[],
    outer: Cache | undefined,
    sizes: LineSizes,
    memory: Contents,
    chance: Chance,
    moved: (at: MachineAddr) => void,
  ) {
    this.inner = inner;
    this.outer = outer;
    this.#sizes = sizes;
    this.#memory = memory;
    this.#chance = chance;
    this.#moved = moved;
  }

  // What CPUs do.

  /** The line of a byte, in this cache: for a load, or by speculation. */
  fetch(cache: Cache, at: MachineAddr): Line {
    const line = cache.find(at) ?? this.#bring(cache, floorTo(at, cache.lineSize));
    cache.use(line);
    return line;
  }

  /** Store values to bytes of one line. */
  store(cache: Cache, at: MachineAddr, values: readonly Value[]): void {
    const line = this.fetch(cache, at);
    for (const peer of this.inner)
      for (const other of peer === cache ? [] : peer.over(line.at, line.end)) {
        if (other.dirty) {
          line.takeModified(other);
          this.#saveRest(other, line);
        }
        peer.remove(other);
      }
    line.store(at, values);
  }

  /** Maintenance by VA: in each of these caches, of the line that holds the byte. */
  maintain(kind: MaintenanceKind, caches: readonly Cache[], at: MachineAddr): void {
    for (const cache of caches) {
      const line = cache.find(at);
      if (line === undefined) continue;
      if (kind === 'clean') {
        this.writeBack(line);
        if (this.#either()) cache.remove(line);
      } else if (kind === 'cleanInvalidate') this.evict(cache, line);
      else {
        if (line.dirty && this.#either()) this.writeBack(line);
        cache.remove(line);
      }
    }
  }

  // What devices do that snoop; those that do not go to memory.

  snoopRead(at: MachineAddr): Value {
    const copies = this.inner.flatMap((cache) => cache.find(at) ?? []);
    const dirty = copies.find((line) => line.dirty);
    if (dirty) return dirty.valueAt(at);
    const from = this.#chance.choose(copies.length + (copies.length === 0 || this.inner.length > 1 ? 1 : 0));
    const line = copies[from] ?? this.outer?.find(at);
    return line ? line.valueAt(at) : this.#memory.at(at);
  }

  /** Bytes of one line. */
  snoopWrite(at: MachineAddr, values: readonly Value[]): void {
    for (const cache of this.inner)
      for (const line of cache.over(at, offsetBy(at, values.length))) this.evict(cache, line);
    const line = this.outer?.find(at) ?? (this.outer && this.#either() ? this.#bringOuter(at) : undefined);
    if (line === undefined) this.#memory.write(at, Uint32Array.from(values));
    else line.store(at, values);
  }

  // What hardware does by itself, and parts of it.

  /** Dirty data goes down; the line stays, clean. */
  writeBack(line: Line): void {
    if (line.dirty) this.#writeBelow(line.at, line.data);
    line.clean();
  }

  evict(cache: Cache, line: Line): void {
    this.writeBack(line);
    cache.remove(line);
  }

  fetchOuter(at: MachineAddr): void {
    if (this.outer && this.outer.find(at) === undefined) this.#bringOuter(at);
  }
  writeBackOuter(line: Line): void {
    if (line.dirty) this.#memory.write(line.at, line.data);
    line.clean();
  }
  evictOuter(line: Line): void {
    this.writeBackOuter(line);
    this.outer?.remove(line);
  }

  /** Operations of the outer cache; an invalidate drops dirty data. */
  maintainOuter(kind: MaintenanceKind, at: MachineAddr): void {
    const line = this.outer?.find(at);
    if (line === undefined) return;
    if (kind !== 'invalidate') this.writeBackOuter(line);
    if (kind !== 'clean' || this.#either()) this.outer?.remove(line);
  }

  /** Put a line into a cache, out of nothing: how things began. */
  place(cache: Cache, line: Line): void {
    const victim = cache.victim(line.at, this.#chance);
    if (victim) {
      this.#moved(victim.at);
      if (cache === this.outer) this.evictOuter(victim);
      else this.evict(cache, victim);
    }
    cache.add(line);
  }

  /** Does any copy of the byte, cached or not, hold this value. */
  holds(at: MachineAddr, wanted: (value: Value) => boolean): boolean {
    const caches = this.outer ? [...this.inner, this.outer] : this.inner;
    return (
      wanted(this.#memory.at(at)) ||
      caches.some((cache) => {
        const line = cache.find(at);
        return line !== undefined && wanted(line.valueAt(at));
      })
    );
  }

  /** Remember everything about [from, to), whole lines of every size; the answer puts it back. */
  snapshot(from: MachineAddr, to: MachineAddr): () => void {
    const memory = this.#memory.read(from, to - from);
    const caches = this.outer ? [...this.inner, this.outer] : this.inner;
    const saved = caches.map((cache) => cache.over(from, to).map((line) => line.copy()));
    return () => {
      this.#memory.write(from, memory);
      caches.forEach((cache, i) => {
        for (const line of cache.over(from, to)) cache.remove(line);
        for (const line of saved[i] ?? []) cache.add(line.copy());
      });
    };
  }

  #either(): boolean {
    return this.#chance.choose(2) === 1;
  }

  /** Load a line that the cache does not have: from other caches, else from below. */
  #bring(cache: Cache, at: MachineAddr): Line {
    const end = offsetBy(at, cache.lineSize);
    const taken: Line[] = [];
    const passed: Line[] = [];
    const left: { readonly peer: Cache; readonly line: Line }[] = [];
    for (const peer of this.inner)
      for (const line of peer === cache ? [] : peer.over(at, end)) {
        if (!line.dirty) {
          if (this.#either()) left.push({ peer, line });
          else taken.push(line);
          if (this.#either()) this.#leave(peer, line);
          continue;
        }
        taken.push(line);
        // It stays dirty beside the new copy, or is written back, or passes on what is modified.
        const how = this.#chance.choose(3);
        if (how === 0) continue;
        if (how === 1) {
          this.#moved(line.at);
          this.writeBack(line);
        } else passed.push(line);
        if (this.#either()) this.#leave(peer, line);
      }
    for (const line of passed) this.#saveRest(line, { at, end });
    const fresh = new Line(at, this.#readBelow(at, cache.lineSize), this.#allClean(cache));
    for (const line of taken) fresh.takeData(line);
    for (const line of passed) {
      fresh.takeModified(line);
      line.clean();
    }
    // Beside a dirty line there is no clean one with other data.
    if (fresh.dirty) for (const { peer, line } of left) peer.remove(line);
    this.place(cache, fresh);
    return fresh;
  }

  /** A line leaves a cache because another core wants it. */
  #leave(cache: Cache, line: Line): void {
    this.#moved(line.at);
    cache.remove(line);
  }

  /** What a dirty line holds outside another goes down, modified or not. */
  #saveRest(line: Line, wanted: { readonly at: MachineAddr; readonly end: MachineAddr }): void {
    const { small } = this.#sizes;
    for (let part = line.at; part < line.end; part = offsetBy(part, small))
      if (part < wanted.at || part >= wanted.end)
        this.#writeBelow(part, line.data.slice(part - line.at, part - line.at + small));
  }

  #allClean(cache: Cache): boolean[] {
    return new Array<boolean>(cache.lineSize / this.#sizes.small).fill(false);
  }

  #readBelow(at: MachineAddr, size: number): Uint32Array {
    if (this.outer === undefined) return this.#memory.read(at, size);
    const line = this.outer.find(at) ?? (this.#either() ? this.#bringOuter(at) : undefined);
    if (line === undefined) return this.#memory.read(at, size);
    this.outer.use(line);
    return line.data.slice();
  }

  #writeBelow(at: MachineAddr, data: Uint32Array): void {
    const line = this.outer?.find(at);
    if (line) line.store(at, data);
    else if (this.outer && this.#either()) this.place(this.outer, new Line(at, data.slice(), [true]));
    else this.#memory.write(at, data);
  }

  #bringOuter(at: MachineAddr): Line | undefined {
    if (this.outer === undefined) return undefined;
    const { lineSize } = this.outer;
    const first = floorTo(at, lineSize);
    const line = new Line(first, this.#memory.read(first, lineSize), [false]);
    this.place(this.outer, line);
    return line;
  }
}
