/**
 * Every byte of memory under both disciplines: which states it can be in, what is wrong with them, and, for one byte,
 * how it came to that.
 */
import { type ByteRange, floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import {
  addModes,
  elsewhere,
  Mode,
  type ModelName,
  type ModeSet,
  Operation,
  Start,
} from '../../coherence/index.ts';
import { FaultList } from '../fault-list.ts';
import { automatonOf } from '../hardware.ts';
import { HistoryLog } from '../history.ts';
import { type LineSizes, wholeLines } from '../lines.ts';
import type { FaultSink, Initial } from '../machine.ts';
import { type Beginning, Beginnings } from './beginnings.ts';
import { DEFINED, type Facts } from './byte-info.ts';
import { type Finding, Track, type ValueRead } from './track.ts';

const START: Readonly<Record<Initial, Start>> = {
  written: Start.written,
  anything: Start.dontCare,
  clean: Start.memoryOnly,
  anothers: Start.dontCare,
};

/** What a load found, as facts about a copy of it. */
export interface Loaded {
  readonly currency: readonly ValueRead[];
  readonly ownership: readonly ValueRead[];
}

export class MaySets {
  /** Of the followed byte; undefined if none is followed. */
  readonly history: HistoryLog | undefined;
  readonly #sizes: LineSizes;
  readonly #beginnings: Beginnings;
  readonly #currency: Track;
  readonly #ownership: Track;
  readonly #tracks: readonly Track[];
  readonly #faults = new FaultList();

  constructor(model: ModelName, sizes: LineSizes, follow: MachineAddr | undefined) {
    this.#sizes = sizes;
    this.#beginnings = new Beginnings(sizes);
    this.history = follow === undefined ? undefined : new HistoryLog(follow, model, Start.written);
    const found = (finding: Finding) => this.#found(finding);
    this.#currency = new Track(automatonOf(model, 'currency'), Start.written, found);
    this.#ownership = new Track(automatonOf(model, 'ownership'), Start.written, found);
    this.#tracks = [this.#currency, this.#ownership];
  }

  /** Equal for may-sets with which everything to come goes alike. */
  key(): string {
    return this.#tracks.map((track) => track.key()).join(' / ');
  }

  /** Hand over what was found. */
  flush(sink: FaultSink): void {
    this.#faults.flush(sink);
  }

  begin(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    const [low, high] = wholeLines(from, to, this.#sizes.big);
    this.#beginnings.set(from, to, initial);
    this.#beginnings.visit(from, to, (beginning) => this.#begin(beginning, true));
    // For others in these lines, those that share them make a difference.
    this.#beginnings.visit(low, from, (beginning) => this.#begin(beginning, false));
    this.#beginnings.visit(to, high, (beginning) => this.#begin(beginning, false));
  }

  /** The operation on these bytes and nothing else. */
  step(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    if (from >= to) return;
    for (const track of this.#tracks) track.step(from, to, operation);
    if (this.history?.covers(from, to)) this.history.push({ operation });
  }

  /**
   * A judged read.
   * @param nearby what it is to the other bytes of its lines; undefined: nothing.
   */
  read(
    from: MachineAddr,
    to: MachineAddr,
    operation: Operation,
    rule: 'stale-cpu-read' | 'stale-device-read',
    nearby?: Operation,
  ): void {
    this.#eachLine(from, to, (low, high) => {
      this.#currency.judgeRead(low, high, operation, rule);
      this.#ownership.judgeRead(low, high, operation, 'disclosure');
      this.step(low, high, operation);
      this.#stepNearby(low, high, nearby);
    });
  }

  /** What a read, done now, would return. */
  load(from: MachineAddr, to: MachineAddr, operation: Operation): Loaded {
    return {
      currency: this.#currency.valuesRead(from, to, operation),
      ownership: this.#ownership.valuesRead(from, to, operation),
    };
  }

  /** A new value. */
  write(from: MachineAddr, to: MachineAddr, operation: Operation, nearby?: Operation): void {
    this.#eachLine(from, to, (low, high) => {
      this.step(low, high, operation);
      this.setFacts(low, high, () => DEFINED);
      this.#stepNearby(low, high, nearby);
    });
  }

  /** A copy of what was loaded, `shift` bytes after where it was. */
  writeLoaded(
    { currency, ownership }: Loaded,
    shift: number,
    operationOf: (nobodys: boolean) => Operation,
    nearby?: Operation,
  ): void {
    const values = currency.map((value) => moved(value, shift));
    const first = values[0];
    const last = values.at(-1);
    if (first === undefined || last === undefined) return;
    const others = ownership.map((value) => moved(value, shift));
    this.#eachLine(first.from, last.to, (low, high) => {
      eachWithin(values, low, high, (from, to, facts) => {
        this.step(from, to, operationOf(facts.undefined));
        this.#currency.setFacts(from, to, () => facts);
      });
      eachWithin(others, low, high, (from, to, facts) => this.#ownership.setFacts(from, to, () => facts));
      this.#stepNearby(low, high, nearby);
    });
  }

  /** Maintenance of whole lines. */
  maintain(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    const there = elsewhere(operation);
    this.#eachLine(from, to, (low, high) => {
      this.step(low, high, operation);
      if (there === undefined) return;
      const [first, end] = wholeLines(low, high, this.#sizes.big);
      this.step(first, low, there);
      this.step(high, end, there);
    });
  }

  /** An operation on every byte there is. */
  maintainAll(operation: Operation): void {
    const safe = this.#currency.safe();
    const there = this.#sizes.small === this.#sizes.big ? undefined : elsewhere(operation);
    for (const each of there === undefined ? [operation] : [operation, there]) {
      this.history?.push({ operation: each });
      for (const track of this.#tracks) track.stepAll(each);
    }
    this.#currency.judgeLost(safe);
    this.#currency.judgeAllWindows('stale-device-read');
    this.#ownership.judgeAllWindows('disclosure');
  }

  /** Do maintenance within [from, to), and judge what it destroys that could not be lost before, except in `spare`. */
  judgeLosses(
    from: MachineAddr,
    to: MachineAddr,
    spare: ByteRange<MachineAddr> | undefined,
    work: () => void,
  ): void {
    const safe = without(from, to, spare).flatMap((range) => this.#currency.safe(range));
    work();
    this.#currency.judgeLost(safe);
  }

  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.step(from, to, Operation.newOwner);
    this.#currency.setFacts(from, to, () => ({ ...DEFINED, undefined: true }));
    this.#ownership.setFacts(from, to, () => DEFINED);
  }

  setFacts(from: MachineAddr, to: MachineAddr, change: (facts: Facts) => Facts): void {
    for (const track of this.#tracks) track.setFacts(from, to, change);
  }

  changeModes(from: MachineAddr, to: MachineAddr, change: (modes: ModeSet) => ModeSet): void {
    for (const track of this.#tracks) track.changeModes(from, to, change);
    if (this.history?.covers(from, to)) this.history.push({ mode: this.#currency.modesAt(this.history.at) });
  }

  /** Judge what devices read through open windows of [from, to). */
  judgeWindows(from: MachineAddr, to: MachineAddr): void {
    this.#currency.judgeWindows(from, to, 'stale-device-read');
    this.#ownership.judgeWindows(from, to, 'disclosure');
  }

  /** Judge what was just written to [from, to), while maintenance is pending there. */
  judgeWritten(from: MachineAddr, to: MachineAddr): void {
    this.#currency.judgeWritten(from, to);
  }

  /** Fewest moves after which the byte's value is lost; NEVER if it cannot be. */
  lostMoves(at: MachineAddr): number {
    return this.#currency.lostMoves(at);
  }

  /** @param asSaid false: only bytes that nobody has touched since they began. */
  #begin({ from, to, initial, dirtyLine, dirtyElsewhere }: Beginning, asSaid: boolean): void {
    // Only bytes that begin clean depend on others.
    if (!asSaid && initial !== 'clean') return;
    const start = START[initial];
    const facts = { ...DEFINED, undefined: start === Start.dontCare };
    const operations = initial === 'anothers' ? [Operation.newOwner] : [];
    const before = addModes(dirtyLine ? Mode.neighbourWrites : 0, dirtyElsewhere ? Mode.elsewhereWrites : 0);
    const followed = this.history?.covers(from, to) ? this.history : undefined;
    const was = followed && this.#currency.stateAt(followed.at);
    this.#currency.initialise(from, to, { start, before, operations, facts }, asSaid);
    this.#ownership.initialise(from, to, { start, before, operations, facts: DEFINED }, asSaid);
    if (followed === undefined) return;
    if (!asSaid && this.#currency.stateAt(followed.at) === was) return;
    const mode = this.#currency.modesAt(followed.at);
    followed.restart(start, [
      ...(before === 0 ? [] : [{ mode: addModes(mode, before) }]),
      ...(before === 0 && mode === 0 ? [] : [{ mode }]),
      ...operations.map((operation) => ({ operation })),
    ]);
  }

  /** The other bytes of the lines that [from, to) lies in, and what else is in their granules. */
  #stepNearby(from: MachineAddr, to: MachineAddr, nearby: Operation | undefined): void {
    if (nearby === undefined) return;
    const [first, end] = wholeLines(from, to, this.#sizes.small);
    this.step(first, from, nearby);
    this.step(to, end, nearby);
    const there = elsewhere(nearby);
    if (there === undefined) return;
    const [low, high] = wholeLines(from, to, this.#sizes.big);
    this.step(low, first, there);
    this.step(end, high, there);
  }

  /** One range where lines do not share granules; otherwise line by line, as it is done. */
  #eachLine(from: MachineAddr, to: MachineAddr, visit: (from: MachineAddr, to: MachineAddr) => void): void {
    const { small, big } = this.#sizes;
    if (from >= to) return;
    if (small === big) {
      visit(from, to);
      return;
    }
    for (let low = from; low < to; ) {
      const next = offsetBy(floorTo(low, small), small);
      const high = next < to ? next : to;
      visit(low, high);
      // Devices read between one line and the next, too.
      this.judgeWindows(...wholeLines(low, high, big));
      low = high;
    }
  }

  #found({ from, to, rule, moves, consequence, discipline, kind }: Finding): void {
    this.#faults.add({ rule, moves, from, to, consequence });
    if (this.history?.covers(from, to)) this.history.found(kind, { rule, moves, consequence, discipline });
  }
}

const moved = ({ facts, from, to }: ValueRead, bytes: number): ValueRead => ({
  facts,
  from: offsetBy(from, bytes),
  to: offsetBy(to, bytes),
});

/** Visit values, cut to [from, to). */
function eachWithin(
  values: readonly ValueRead[],
  from: MachineAddr,
  to: MachineAddr,
  visit: (from: MachineAddr, to: MachineAddr, facts: Facts) => void,
): void {
  for (const value of values) {
    const low = value.from > from ? value.from : from;
    const high = value.to < to ? value.to : to;
    if (low < high) visit(low, high, value.facts);
  }
}

/** [from, to) without the spare range. */
function without(
  from: MachineAddr,
  to: MachineAddr,
  spare: ByteRange<MachineAddr> | undefined,
): ByteRange<MachineAddr>[] {
  if (spare === undefined) return [[from, to]];
  const before = spare[0] < to ? spare[0] : to;
  const after = spare[1] > from ? spare[1] : from;
  return (
    [
      [from, before],
      [after, to],
    ] as const
  ).filter(([low, high]) => low < high);
}
