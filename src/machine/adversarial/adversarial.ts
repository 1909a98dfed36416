/**
 * Memory whose caches behave as badly as the architecture allows: every byte is in every state that it can be in, so one run
 * says what any hardware could do with this order of operations.
 *
 * Bytes with one history are one run, so an operation costs a few table look-ups whatever its length.
 */
import { type ByteRange, joinRanges, type MachineAddr, offsetBy } from '../../address/index.ts';
import { addModes, Mode, type ModeSet, NEVER, Operation, removeModes } from '../../coherence/index.ts';
import { type Footprint, NO_FOOTPRINT } from '../footprint.ts';
import { modelOf, Vocabulary } from '../hardware.ts';
import type { History, Label } from '../history.ts';
import { forEachReached, type LineSizes, lineSizesOf, wholeLines } from '../lines.ts';
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
} from '../machine.ts';
import type { MaintenanceCall } from '../maintenance.ts';
import { DEFINED, UNTOLD } from './byte-info.ts';
import { MaySets } from './may-sets.ts';
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

/** What a window lets a device do, as modes: of one that does not snoop, of one that does. */
const READS = { plain: Mode.deviceReads, snooping: Mode.snoopReads } as const;
const WRITES = { plain: Mode.deviceWrites, snooping: Mode.snoopWrites } as const;
const WINDOW_MODES = [
  READS.plain,
  READS.snooping,
  WRITES.plain,
  WRITES.snooping,
  Mode.snoopNeighbourWrites,
].reduce<ModeSet>(addModes, 0);

export class AdversarialMachine implements Machine {
  readonly spec: MachineSpec;
  readonly granule: number;
  readonly #sizes: LineSizes;
  readonly #words: Vocabulary;
  readonly #bytes: MaySets;
  readonly #windows = new Windows();
  readonly #sink: FaultSink;
  readonly #footprint: Footprint;
  /** What each CPU has issued since its last barrier, but for lines that it has accessed since: that completed it. */
  readonly #pending: ByteRange<MachineAddr>[][];

  /**
   * @param sink told of every fault, at the end of the operation that shows it.
   * @throws RangeError for hardware that is not modelled.
   */
  constructor(spec: MachineSpec, sink: FaultSink, options: AdversarialOptions = {}) {
    const model = modelOf(spec);
    this.spec = spec;
    this.#sizes = lineSizesOf(spec);
    this.granule = this.#sizes.big;
    this.#words = new Vocabulary(spec, model);
    this.#bytes = new MaySets(model, this.#sizes, options.follow);
    this.#sink = sink;
    this.#footprint = options.footprint ?? NO_FOOTPRINT;
    this.#pending = Array.from({ length: spec.cpus }, () => []);
  }

  /** What the caller is executing, for the history. */
  set label(label: Label) {
    if (this.#bytes.history) this.#bytes.history.label = label;
  }

  /** The followed byte's history until now; undefined if none is followed. */
  history(): History | undefined {
    return this.#bytes.history;
  }

  /** Equal for machines on which everything to come goes alike. */
  stateKey(): string {
    const pending = this.#pending.map((ranges) => joinRanges(ranges).join()).join('|');
    return `${this.#bytes.key()} / ${this.#windows.key()} / ${pending}`;
  }

  /** Can the byte's current value be nowhere any more? */
  mayBeLost(at: MachineAddr): boolean {
    return this.#bytes.lostMoves(at) !== NEVER;
  }

  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    if (from >= to) return;
    this.#touch(from, to, true);
    this.#bytes.begin(from, to, initial);
  }

  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, this.#loadChanges(access));
    this.#load(access, from, to);
    this.#flush();
  }

  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#bytes.write(from, to, this.#words.store(access, false), this.#words.storeNearby(access));
    this.#complete(access, from, to);
    this.#judgeWritten(from, to);
    this.#flush();
  }

  cpuCopy(access: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    const end = offsetBy(target, to - from);
    this.#touch(from, to, this.#loadChanges(access));
    this.#touch(target, end, true);
    const loaded = this.#bytes.load(from, to, this.#words.load(access));
    this.#load(access, from, to);
    const store = (nobodys: boolean) => this.#words.store(access, nobodys);
    this.#bytes.writeLoaded(loaded, target - from, store, this.#words.storeNearby(access));
    this.#complete(access, target, end);
    this.#judgeWritten(target, end);
    this.#flush();
  }

  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, false);
    const operation = port.snoops ? Operation.snoopRead : Operation.deviceRead;
    this.#bytes.read(from, to, operation, 'stale-device-read');
    this.#flush();
  }

  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    if (port.snoops) this.#bytes.write(from, to, Operation.snoopWrite, Operation.snoopWriteNeighbour);
    else this.#bytes.write(from, to, Operation.deviceWrite);
    this.#judgeWritten(from, to);
    this.#flush();
  }

  openWindow(name: string, port: Port, from: MachineAddr, to: MachineAddr, window: Window): void {
    this.#touch(from, to, true);
    this.#windows.add({ name, port, from, to, window });
    // What it writes is new; what it reads is judged from now on.
    if (window.writes) this.#bytes.setFacts(from, to, () => DEFINED);
    else if (window.reads) this.#bytes.setFacts(from, to, (facts) => ({ ...facts, told: UNTOLD }));
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
    if (from >= to) return;
    const [begin, past] = wholeLines(from, to, Math.max(this.granule, stride));
    this.#bytes.judgeLosses(begin, past, spare, () =>
      forEachReached(call, from, to, stride, this.#sizes.small, (low, high, complete) => {
        const [first, end] = wholeLines(low, high, this.granule);
        this.#touch(first, end, true);
        this.#bytes.maintain(low, high, this.#words.maintenance(cpu, complete));
        if (this.spec.explicitBarriers) this.#pending[cpu]?.push([first, end]);
      }),
    );
    this.#judgeWindows(begin, past);
    this.#flush();
  }

  invalidateAll(cpu: number): void {
    this.#footprint.touch('caches', true);
    this.#bytes.maintainAll(this.#words.invalidateOwn(cpu));
    this.#flush();
  }

  maintainOuter(operation: OuterOperation, from: MachineAddr, to: MachineAddr): void {
    if (!this.spec.outerCache || from >= to) return;
    const [low, high] = wholeLines(from, to, this.#sizes.small);
    this.#touch(low, high, true);
    this.#bytes.judgeLosses(low, high, undefined, () =>
      this.#bytes.maintain(low, high, this.#words.outer(operation)),
    );
    this.#judgeWindows(low, high);
    this.#flush();
  }

  barrier(cpu: number): void {
    const pending = joinRanges(this.#pending[cpu] ?? []);
    this.#pending[cpu] = [];
    for (const [from, to] of pending) {
      this.#touch(from, to, true);
      this.#bytes.step(from, to, this.#words.barrier(cpu));
      this.#judgeWindows(from, to);
    }
    this.#flush();
  }

  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#bytes.newOwner(from, to);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void {
    this.#touch(from, to, true);
    const change = possible ? removeModes : addModes;
    this.#bytes.changeModes(from, to, (modes) => change(modes, Mode.noFills));
    this.#judgeWindows(from, to);
    this.#flush();
  }

  #load(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    const operation = this.#words.load(access);
    // The whole line is fetched, with no help from the hardware.
    this.#bytes.read(from, to, operation, 'stale-cpu-read', access.cacheable ? operation : undefined);
    this.#complete(access, from, to);
  }

  /** Windows of [from, to) have opened or closed: give every byte of these lines the modes of those that are open. */
  #setWindowModes(from: MachineAddr, to: MachineAddr): void {
    const [begin, past] = wholeLines(from, to, this.#sizes.small);
    this.#windows.eachPiece(begin, past, this.#sizes.small, (low, high, over, nearby) => {
      const open = over
        .map(modesOf)
        .reduce(addModes, nearby.some(writesNearby) ? Mode.snoopNeighbourWrites : 0);
      this.#bytes.changeModes(low, high, (modes) => addModes(removeModes(modes, WINDOW_MODES), open));
    });
  }

  /** Cacheable accesses and maintenance of a line keep program order: what this CPU has issued for these lines is complete. */
  #complete({ cpu, cacheable }: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    // Where lines share granules, what was issued for the others is not.
    const { small, big } = this.#sizes;
    if (!cacheable || !this.spec.explicitBarriers || small !== big) return;
    const [low, high] = wholeLines(from, to, this.granule);
    const pending = this.#pending[cpu] ?? [];
    this.#pending[cpu] = pending.flatMap(([first, past]): ByteRange<MachineAddr>[] => [
      ...(first < low ? [[first, past < low ? past : low] as const] : []),
      ...(past > high ? [[first > high ? first : high, past] as const] : []),
    ]);
  }

  /** Somebody has stored to [from, to). */
  #judgeWritten(from: MachineAddr, to: MachineAddr): void {
    const isPending = this.#pending.some((ranges) => ranges.some(([low, high]) => low < to && from < high));
    if (isPending) this.#bytes.judgeWritten(from, to);
    this.#judgeWindows(from, to);
  }

  /** Devices read through open windows what the lines of [from, to) hold now. */
  #judgeWindows(from: MachineAddr, to: MachineAddr): void {
    const [low, high] = wholeLines(from, to, this.granule);
    if (this.#windows.anyReads(low, high)) this.#bytes.judgeWindows(low, high);
  }

  #flush(): void {
    this.#bytes.flush(this.#sink);
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

/** A device that snoops takes the whole line when it writes a part of it. */
const writesNearby = ({ port, window }: OpenWindow): boolean => port.snoops && window.writes;

function modesOf({ port, window }: OpenWindow): ModeSet {
  const kind = port.snoops ? 'snooping' : 'plain';
  return addModes(window.reads ? READS[kind] : 0, window.writes ? WRITES[kind] : 0);
}
