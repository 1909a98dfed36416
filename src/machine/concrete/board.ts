/** Everything that a concrete machine consists of, and what can be done with it one line at a time. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { Copy, DisciplineName } from '../../coherence/index.ts';
import { FaultList } from '../fault-list.ts';
import { type LineSizes, lineSizesOf } from '../lines.ts';
import type { CpuAccess, FaultSink, MachineSpec, OuterOperation, Port } from '../machine.ts';
import { Cache, type Geometry } from './cache.ts';
import { Contents, type Value } from './contents.ts';
import { Hierarchy } from './hierarchy.ts';
import type { Line } from './line.ts';
import { OpenWindows } from './open-windows.ts';
import { type Issued, Pending } from './pending.ts';
import type { Chance } from './random.ts';
import { copiesOf } from './view.ts';

/** Which caches there are. */
export interface Caches {
  /** Names of the inner ones: one a CPU, or one for all; two where cores differ (small lines, big lines). */
  readonly names: readonly string[];
  readonly inner: Geometry;
  readonly outer: Geometry;
}

export class Board {
  readonly spec: MachineSpec;
  readonly sizes: LineSizes;
  readonly chance: Chance;
  readonly contents = new Contents();
  readonly hierarchy: Hierarchy;
  readonly pending = new Pending();
  readonly windows = new OpenWindows();
  /** Small lines that nothing but an access can fetch. */
  readonly #unfillable = new Set<MachineAddr>();
  /** By granule: lines that moved by themselves. */
  readonly #moves = new Map<MachineAddr, number>();
  #losses: MachineAddr[] = [];
  readonly #faults = new FaultList();
  /** By CPU: granules for which it has issued maintenance that only a barrier is sure to complete. */
  readonly #issued = new Map<number, Set<MachineAddr>>();

  constructor(spec: MachineSpec, { names, inner, outer }: Caches, chance: Chance) {
    this.spec = spec;
    this.sizes = lineSizesOf(spec);
    this.chance = chance;
    const sizeOf = (i: number) => spec.lineSizes[i] ?? spec.lineSizes[0];
    const differ = spec.lineSizes.length === 2;
    this.hierarchy = new Hierarchy(
      names.map((name, i) => new Cache(name, sizeOf(differ ? i : 0), inner)),
      spec.outerCache ? new Cache('outer cache', this.sizes.small, outer) : undefined,
      this.sizes,
      this.contents,
      chance,
      (at) => this.moved(at),
    );
  }

  granuleOf(at: MachineAddr): MachineAddr {
    return floorTo(at, this.sizes.big);
  }

  /** Remember everything about a granule, except which values are current; the answer puts it back. */
  snapshot(granule: MachineAddr): () => void {
    const lines = this.hierarchy.snapshot(granule, offsetBy(granule, this.sizes.big));
    const pending = this.pending.snapshot();
    const losses = this.#losses.length;
    return () => {
      lines();
      pending();
      this.#losses.length = losses;
    };
  }

  copies(at: MachineAddr, discipline: DisciplineName): Copy[] {
    return copiesOf(this.hierarchy, this.contents, at, discipline);
  }

  // Accesses to bytes of one small line.

  load({ cpu, cacheable }: CpuAccess, at: MachineAddr, size: number): Value[] {
    if (!cacheable) return [...this.contents.read(at, size)];
    this.#completeInOrder(cpu, at);
    const line = this.hierarchy.fetch(this.#cacheOf(cpu), at);
    return [...line.data.subarray(at - line.at, at - line.at + size)];
  }

  store({ cpu, cacheable }: CpuAccess, at: MachineAddr, values: readonly Value[]): void {
    if (!cacheable) this.contents.write(at, Uint32Array.from(values));
    else {
      this.#completeInOrder(cpu, at);
      this.hierarchy.store(this.#cacheOf(cpu), at, values);
    }
  }

  deviceRead(port: Port, at: MachineAddr, size: number): Value[] {
    if (!port.snoops) return [...this.contents.read(at, size)];
    return Array.from({ length: size }, (_, i) => this.hierarchy.snoopRead(offsetBy(at, i)));
  }

  deviceWrite(port: Port, at: MachineAddr, values: readonly Value[]): void {
    if (port.snoops) this.hierarchy.snoopWrite(at, values);
    else this.contents.write(at, Uint32Array.from(values));
  }

  // Maintenance.

  /** Maintenance by VA of one small line: now, or as soon as the hardware likes. */
  maintain(issued: Issued): void {
    this.complete(issued.cpu, issued.at);
    if (this.spec.explicitBarriers) this.pending.add(issued);
    else this.takeEffect(issued);
  }

  /** What the CPU issued, for one line or for all, is complete. */
  complete(cpu: number, line?: MachineAddr): void {
    for (const issued of this.pending.take(cpu, line)) this.takeEffect(issued);
  }

  /** Granules for which a barrier of this CPU has something to complete; there is nothing any more. */
  takeIssued(cpu: number): MachineAddr[] {
    const issued = [...(this.#issued.get(cpu) ?? [])];
    this.#issued.delete(cpu);
    return issued;
  }
  noteIssued(cpu: number, granule: MachineAddr): void {
    this.#issued.set(cpu, (this.#issued.get(cpu) ?? new Set()).add(granule));
  }

  takeEffect(issued: Issued): void {
    const { cpu, at, kind, spare } = issued;
    this.pending.remove(issued);
    const caches = this.spec.localMaintenance ? [this.#cacheOf(cpu)] : this.hierarchy.inner;
    this.#watched(at, spare, () => this.hierarchy.maintain(kind, caches, at));
  }

  maintainOuter(kind: OuterOperation, at: MachineAddr): void {
    this.#watched(at, undefined, () => this.hierarchy.maintainOuter(kind, at));
  }

  /** Caches that an operation by set/way of this CPU reaches; where one stands for those of all CPUs: perhaps. */
  ownCaches(cpu: number): readonly Cache[] {
    const isMerged = this.hierarchy.inner.length === 1 && this.spec.cpus > 1;
    return isMerged && this.chance.choose(2) === 0 ? [] : [this.#cacheOf(cpu)];
  }

  invalidateLine(cache: Cache, at: MachineAddr): void {
    this.#watched(at, undefined, () => this.hierarchy.maintain('invalidate', [cache], at));
  }

  // What happens by itself.

  /** A line moved by itself. */
  moved(at: MachineAddr): void {
    const granule = this.granuleOf(at);
    this.#moves.set(granule, (this.#moves.get(granule) ?? 0) + 1);
  }

  /** Every line of [from, to) moved, if it is in a cache. */
  movedAll(from: MachineAddr, to: MachineAddr): void {
    for (const cache of this.hierarchy.inner) for (const { at } of cache.over(from, to)) this.moved(at);
  }

  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void {
    for (let at = floorTo(from, this.sizes.small); at < to; at = offsetBy(at, this.sizes.small))
      if (possible) this.#unfillable.delete(at);
      else this.#unfillable.add(at);
  }
  mayFill(cache: Cache, at: MachineAddr): boolean {
    const end = offsetBy(floorTo(at, cache.lineSize), cache.lineSize);
    for (let line = floorTo(at, cache.lineSize); line < end; line = offsetBy(line, this.sizes.small))
      if (this.#unfillable.has(line)) return false;
    return true;
  }
  fill(cache: Cache, at: MachineAddr): void {
    this.moved(at);
    if (cache === this.hierarchy.outer) this.hierarchy.fetchOuter(at);
    else this.hierarchy.fetch(cache, at);
  }
  writeBack(cache: Cache, line: Line): void {
    this.moved(line.at);
    if (cache === this.hierarchy.outer) this.hierarchy.writeBackOuter(line);
    else this.hierarchy.writeBack(line);
  }
  evict(cache: Cache, line: Line): void {
    this.moved(line.at);
    if (cache === this.hierarchy.outer) this.hierarchy.evictOuter(line);
    else this.hierarchy.evict(cache, line);
  }

  // Verdicts.

  /** Judge what a read of bytes from `at` on returned. */
  judge(at: MachineAddr, values: readonly Value[], rule: 'stale-cpu-read' | 'stale-device-read'): void {
    values.forEach((value, i) => {
      const byte = offsetBy(at, i);
      if (!this.contents.isOwn(byte, value)) this.#found('disclosure', byte);
      if (this.contents.isCurrent(byte, value)) return;
      this.#found(rule, byte);
      this.contents.markWrong(byte);
    });
  }

  /** What was destroyed since the last call is found out. */
  settle(): void {
    for (const at of this.#losses) {
      this.#faults.add({ ...this.#about(at), rule: 'lost-write', consequence: this.contents.isTainted(at) });
      this.contents.markWrong(at);
    }
    this.#losses = [];
  }

  flush(sink: FaultSink): void {
    this.#faults.flush(sink);
  }

  isLost(at: MachineAddr): boolean {
    return !this.hierarchy.holds(at, (value) => this.contents.isCurrent(at, value));
  }

  #found(rule: 'stale-cpu-read' | 'stale-device-read' | 'disclosure', at: MachineAddr): void {
    const consequence = this.contents.isWrong(at) || this.contents.isTainted(at);
    this.#faults.add({ ...this.#about(at), rule, consequence });
  }

  #about(at: MachineAddr): { moves: number; from: MachineAddr; to: MachineAddr } {
    return { moves: this.#moves.get(this.granuleOf(at)) ?? 0, from: at, to: offsetBy(at, 1) };
  }

  /** Before a cacheable access of this CPU to the byte: its maintenance of that line. */
  #completeInOrder(cpu: number, at: MachineAddr): void {
    this.complete(cpu, floorTo(at, this.sizes.small));
    if (this.sizes.small === this.sizes.big) this.#issued.get(cpu)?.delete(this.granuleOf(at));
  }

  /** Do something to a line, and see which bytes of its granule are nowhere after it. */
  #watched(
    at: MachineAddr,
    spare: readonly [from: MachineAddr, to: MachineAddr] | undefined,
    work: () => void,
  ): void {
    const granule = this.granuleOf(at);
    const before = this.#lost(granule);
    work();
    const after = this.#lost(granule);
    for (let i = 0; i < after.length; i++) {
      const byte = offsetBy(granule, i);
      const isSpare = spare && spare[0] <= byte && byte < spare[1];
      if (after[i] === 1 && before[i] === 0 && !isSpare) this.#losses.push(byte);
    }
  }

  /** By byte of the granule: 1 where its current value is nowhere. */
  #lost(granule: MachineAddr): Uint8Array {
    const { inner, outer } = this.hierarchy;
    const end = offsetBy(granule, this.sizes.big);
    const lines = (outer ? [...inner, outer] : inner).flatMap((cache) => cache.over(granule, end));
    return this.contents.lost(granule, this.sizes.big, lines);
  }

  #cacheOf(cpu: number): Cache {
    const { inner } = this.hierarchy;
    // Where cores differ, it is not said which is which.
    const index = this.spec.lineSizes.length === 2 ? this.chance.choose(inner.length) : cpu;
    return inner[index < inner.length ? index : inner.length - 1] as Cache;
  }
}
