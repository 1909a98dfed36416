/**
 * Memory whose caches behave as badly as the architecture allows: every byte is in every state that it can be in, so one run
 * says what any hardware could do with this order of operations.
 *
 * Bytes with one history are one run, so an operation costs a few table look-ups whatever its length.
 */
import { type ByteRange, joinRanges, type MachineAddr, offsetBy } from '../address/index.ts';
import {
  addModes,
  elsewhere,
  Mode,
  type ModeSet,
  Operation,
  removeModes,
  Start,
} from '../coherence/index.ts';
import { DEFINED, type Facts } from './byte-info.ts';
import { FaultList } from './fault-list.ts';
import { type Footprint, NO_FOOTPRINT } from './footprint.ts';
import { automatonOf, modelOf, Vocabulary } from './hardware.ts';
import { type History, HistoryLog, type Label } from './history.ts';
import { forEachReached, type LineSizes, lineSizesOf, wholeLines } from './lines.ts';
import type {
  CpuAccess,
  FaultSink,
  Initial,
  Machine,
  MachineSpec,
  MaintainOptions,
  OuterOperation,
  Port,
  Window,
} from './machine.ts';
import type { MaintenanceCall } from './maintenance.ts';
import { Track } from './track.ts';
import { type OpenWindow, Windows } from './windows.ts';

export interface AdversarialOptions {
  /**
   * Told of what every operation touches: `line:N` for granule number N (machine address / granule), and `caches`,
   * which only invalidateAll writes. Default: nobody is told.
   */
  readonly footprint?: Footprint;
  /** Write down the history of this byte. */
  readonly follow?: MachineAddr;
}

const START: Readonly<Record<Initial, Start>> = {
  written: Start.written,
  anything: Start.dontCare,
  clean: Start.memoryOnly,
  anothers: Start.dontCare,
};
/** What a window lets a device do, as modes: of one that does not snoop, of one that does. */
const READS = { plain: Mode.deviceReads, snooping: Mode.snoopReads } as const;
const WRITES = { plain: Mode.deviceWrites, snooping: Mode.snoopWrites } as const;
const WINDOW_MODES = [READS.plain, READS.snooping, WRITES.plain, WRITES.snooping].reduce<ModeSet>(
  addModes,
  0,
);

export class AdversarialMachine implements Machine {
  readonly spec: MachineSpec;
  readonly granule: number;
  readonly #sizes: LineSizes;
  readonly #words: Vocabulary;
  readonly #currency: Track;
  readonly #ownership: Track;
  readonly #tracks: readonly Track[];
  readonly #windows = new Windows();
  readonly #faults = new FaultList();
  readonly #sink: FaultSink;
  readonly #footprint: Footprint;
  readonly #history: HistoryLog | undefined;
  /** What each CPU has issued since its last barrier. */
  readonly #pending: ByteRange<MachineAddr>[][];

  /**
   * @param sink told of every fault, at the end of the operation that shows it.
   * @throws RangeError for hardware that is not modelled.
   */
  constructor(spec: MachineSpec, sink: FaultSink, options: AdversarialOptions = {}) {
    const model = modelOf(spec);
    this.spec = spec;
    this.#sizes = lineSizesOf(spec);
    this.#words = new Vocabulary(spec, model);
    this.granule = this.#sizes.big;
    this.#sink = sink;
    this.#footprint = options.footprint ?? NO_FOOTPRINT;
    this.#history =
      options.follow === undefined ? undefined : new HistoryLog(options.follow, model, Start.written);
    this.#pending = Array.from({ length: spec.cpus }, () => []);
    this.#currency = this.#track(automatonOf(model, 'currency'));
    this.#ownership = this.#track(automatonOf(model, 'ownership'));
    this.#tracks = [this.#currency, this.#ownership];
  }

  /** What the caller is executing, for the history. */
  set label(label: Label) {
    if (this.#history) this.#history.label = label;
  }

  /** The followed byte's history until now; undefined if none is followed. */
  history(): History | undefined {
    return this.#history;
  }

  /** Equal for machines on which everything to come goes alike. */
  stateKey(): string {
    const pending = this.#pending.map((ranges) => joinRanges(ranges).join()).join('|');
    return `${this.#currency.key()} / ${this.#ownership.key()} / ${this.#windows.key()} / ${pending}`;
  }

  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    this.#touch(from, to, true);
    const start = START[initial];
    this.#currency.initialise(from, to, start, { ...DEFINED, undefined: start === Start.dontCare });
    this.#ownership.initialise(from, to, start, DEFINED);
    if (this.#history?.covers(from, to)) {
      this.#history.restart(start);
      const mode = this.#currency.modesAt(this.#history.at);
      if (mode !== 0) this.#history.push({ mode });
    }
    if (initial === 'anothers') this.#step(from, to, Operation.newOwner);
  }

  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, this.#loadChanges(access));
    this.#load(access, from, to);
    this.#flush();
  }

  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#step(from, to, this.#words.store(access, false));
    this.#dirtyRest(access, from, to);
    this.#setFacts(from, to, DEFINED);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  cpuCopy(access: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    const end = offsetBy(target, to - from);
    this.#touch(from, to, this.#loadChanges(access));
    this.#touch(target, end, true);
    const read = this.#words.load(access);
    const values = this.#tracks.map((track) => ({ track, pieces: track.valuesRead(from, to, read) }));
    this.#load(access, from, to);
    const there = (at: MachineAddr) => offsetBy(target, at - from);
    for (const { track, pieces } of values)
      for (const { facts, from: low, to: high } of pieces) {
        if (track === this.#currency)
          this.#step(there(low), there(high), this.#words.store(access, facts.undefined));
        track.setFacts(there(low), there(high), () => facts);
      }
    this.#dirtyRest(access, target, end);
    this.#judgeWindows(target, end);
    this.#flush();
  }

  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, false);
    this.#read(port.snoops ? Operation.snoopRead : Operation.deviceRead, 'stale-device-read', from, to);
    this.#flush();
  }

  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#step(from, to, port.snoops ? Operation.snoopWrite : Operation.deviceWrite);
    if (port.snoops) this.#stepRest(from, to, Operation.snoopWriteNeighbour);
    this.#setFacts(from, to, DEFINED);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  openWindow(name: string, port: Port, from: MachineAddr, to: MachineAddr, window: Window): void {
    this.#touch(from, to, true);
    this.#windows.add({ name, port, from, to, window });
    if (window.writes) this.#setFacts(from, to, DEFINED);
    this.#setWindowModes(from, to);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  closeWindow(name: string, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#windows.remove(name, from, to);
    this.#setWindowModes(from, to);
    this.#flush();
  }

  maintain(
    cpu: number,
    call: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    { stride = this.#sizes.small, spare }: MaintainOptions = {},
  ): void {
    forEachReached(call, from, to, stride, this.#sizes.small, (low, high, complete) => {
      const operation = this.#words.maintenance(cpu, complete);
      const [first, end] = wholeLines(low, high, this.granule);
      this.#touch(first, end, true);
      this.#maintain(low, high, operation, spare);
      const there = elsewhere(operation);
      if (there !== undefined) {
        this.#maintain(first, low, there, spare);
        this.#maintain(high, end, there, spare);
      }
      if (this.spec.explicitBarriers) this.#pending[cpu]?.push([first, end]);
      this.#judgeWindows(first, end);
    });
    this.#flush();
  }

  invalidateAll(cpu: number): void {
    this.#footprint.touch('caches', true);
    const operation = this.#words.invalidateOwn(cpu);
    this.#history?.push({ operation });
    for (const track of this.#tracks) track.stepAll(operation);
    this.#currency.judgeAllWindows('stale-device-read');
    this.#ownership.judgeAllWindows('disclosure');
    this.#flush();
  }

  maintainOuter(operation: OuterOperation, from: MachineAddr, to: MachineAddr): void {
    if (!this.spec.outerCache) return;
    const [low, high] = wholeLines(from, to, this.#sizes.small);
    this.#touch(low, high, true);
    this.#maintain(low, high, this.#words.outer(operation), undefined);
    this.#judgeWindows(low, high);
    this.#flush();
  }

  barrier(cpu: number): void {
    const pending = joinRanges(this.#pending[cpu] ?? []);
    this.#pending[cpu] = [];
    for (const [from, to] of pending) {
      this.#touch(from, to, true);
      this.#step(from, to, this.#words.barrier(cpu));
      this.#judgeWindows(from, to);
    }
    this.#flush();
  }

  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#step(from, to, Operation.newOwner);
    this.#currency.setFacts(from, to, () => ({ ...DEFINED, undefined: true }));
    this.#ownership.setFacts(from, to, () => DEFINED);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void {
    this.#touch(from, to, true);
    this.#changeModes(from, to, (modes) => (possible ? removeModes : addModes)(modes, Mode.noFills));
    this.#judgeWindows(from, to);
    this.#flush();
  }

  // On every byte of a range, under both disciplines.

  #step(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    if (from >= to) return;
    for (const track of this.#tracks) track.step(from, to, operation);
    if (this.#history?.covers(from, to)) this.#history.push({ operation });
  }

  /** The other bytes of the lines that [from, to) lies in, and what else is in their granules. */
  #stepRest(from: MachineAddr, to: MachineAddr, neighbour: Operation): void {
    const [first, end] = wholeLines(from, to, this.#sizes.small);
    this.#step(first, from, neighbour);
    this.#step(to, end, neighbour);
    const there = elsewhere(neighbour);
    if (there === undefined) return;
    const [low, high] = wholeLines(from, to, this.granule);
    this.#step(low, first, there);
    this.#step(end, high, there);
  }

  #maintain(
    from: MachineAddr,
    to: MachineAddr,
    operation: Operation,
    spare: ByteRange<MachineAddr> | undefined,
  ): void {
    if (from >= to) return;
    if (this.#history?.covers(from, to)) this.#history.push({ operation });
    for (const track of this.#tracks) track.maintain(from, to, operation, spare);
  }

  #read(
    operation: Operation,
    rule: 'stale-cpu-read' | 'stale-device-read',
    from: MachineAddr,
    to: MachineAddr,
  ): void {
    this.#currency.judgeRead(from, to, operation, rule);
    this.#ownership.judgeRead(from, to, operation, 'disclosure');
    this.#step(from, to, operation);
  }

  #load(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    const operation = this.#words.load(access);
    this.#read(operation, 'stale-cpu-read', from, to);
    // The whole line is fetched, with no help from the hardware.
    if (access.cacheable) this.#stepRest(from, to, operation);
  }

  #dirtyRest(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    if (access.cacheable) this.#stepRest(from, to, this.#words.storeNearby(access.cpu));
  }

  #setFacts(from: MachineAddr, to: MachineAddr, facts: Facts): void {
    for (const track of this.#tracks) track.setFacts(from, to, () => facts);
  }

  #changeModes(from: MachineAddr, to: MachineAddr, change: (modes: ModeSet) => ModeSet): void {
    for (const track of this.#tracks) track.changeModes(from, to, change);
    if (this.#history?.covers(from, to))
      this.#history.push({ mode: this.#currency.modesAt(this.#history.at) });
  }

  /** Give every byte of [from, to) the modes of the windows that are open over it. */
  #setWindowModes(from: MachineAddr, to: MachineAddr): void {
    this.#windows.eachPiece(from, to, (low, high, windows) => {
      const open = windows.map(modesOf).reduce(addModes, 0);
      this.#changeModes(low, high, (modes) => addModes(removeModes(modes, WINDOW_MODES), open));
    });
  }

  /** Devices read through open windows what the lines of [from, to) hold now. */
  #judgeWindows(from: MachineAddr, to: MachineAddr): void {
    const [low, high] = wholeLines(from, to, this.granule);
    if (!this.#windows.anyReads(low, high)) return;
    this.#currency.judgeWindows(low, high, 'stale-device-read');
    this.#ownership.judgeWindows(low, high, 'disclosure');
  }

  #track(automaton: ReturnType<typeof automatonOf>): Track {
    return new Track(automaton, Start.written, (finding) => {
      const { from, to, rule, moves, consequence, discipline, kind } = finding;
      this.#faults.add({ rule, moves, from, to, consequence });
      if (this.#history?.covers(from, to))
        this.#history.found(kind, { rule, moves, consequence, discipline });
    });
  }

  #flush(): void {
    this.#faults.flush(this.#sink);
  }

  /** A load that others can see: it completes what is pending on its lines. */
  #loadChanges(access: CpuAccess): boolean {
    return access.cacheable && this.spec.explicitBarriers;
  }

  #touch(from: MachineAddr, to: MachineAddr, write: boolean): void {
    if (this.#footprint === NO_FOOTPRINT || from >= to) return;
    this.#footprint.touch('caches', false);
    const [low, high] = wholeLines(from, to, this.granule);
    for (let line = low / this.granule; line < high / this.granule; line++)
      this.#footprint.touch(`line:${line}`, write);
  }
}

function modesOf({ port, window }: OpenWindow): ModeSet {
  const kind = port.snoops ? 'snooping' : 'plain';
  return addModes(window.reads ? READS[kind] : 0, window.writes ? WRITES[kind] : 0);
}
