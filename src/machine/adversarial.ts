/**
 * Memory whose caches behave as badly as the architecture allows: every byte is in every state that it can be in, so one run
 * says what any hardware could do with this order of operations.
 *
 * Bytes with one history are one run, so an operation costs a few table look-ups whatever its length.
 */
import { ceilTo, floorTo, type MachineAddr } from '../address/index.ts';
import {
  Automaton,
  addModes,
  Mode,
  type ModeSet,
  NEVER,
  type Node,
  Operation,
  removeModes,
  Start,
} from '../coherence/index.ts';
import { type ByteInfo, DEFINED, type Facts, factsOf, infoOf, nodeOf } from './byte-info.ts';
import { FaultList } from './fault-list.ts';
import { type Footprint, NO_FOOTPRINT } from './footprint.ts';
import { type History, HistoryLog, type Label } from './history.ts';
import type {
  CpuAccess,
  FaultSink,
  Initial,
  Machine,
  MachineRule,
  MachineSpec,
  OuterOperation,
  Port,
  Window,
} from './machine.ts';
import { forEachPiece, type MaintenanceCall } from './maintenance.ts';
import { Memory } from './memory.ts';
import { type OpenWindow, Windows } from './windows.ts';

export interface AdversarialOptions {
  /** Told of every granule that an operation touches (`line:N`, N its number); default: nobody is. */
  readonly footprint?: Footprint;
  /** Write down the history of this byte. */
  readonly follow?: MachineAddr;
}

/** One table of may-sets for all machines: it only ever grows, and only by what was met. */
const AUTOMATON = new Automaton();

const START: Readonly<Record<Initial, Start>> = {
  written: Start.written,
  anything: Start.dontCare,
  clean: Start.memoryOnly,
  anothers: Start.dontCare,
};
const WINDOW_MODES = addModes(Mode.deviceReads, Mode.deviceWrites);
const ISSUED: Partial<Record<Operation, Operation>> = {
  [Operation.clean]: Operation.issueClean,
  [Operation.invalidate]: Operation.issueInvalidate,
  [Operation.cleanInvalidate]: Operation.issueCleanInvalidate,
};

export class AdversarialMachine implements Machine {
  readonly spec: MachineSpec;
  readonly granule: number;
  readonly #automaton = AUTOMATON;
  readonly #memory = new Memory<ByteInfo>(infoOf(AUTOMATON.start(Start.written), DEFINED));
  readonly #windows = new Windows();
  readonly #faults = new FaultList();
  readonly #sink: FaultSink;
  readonly #footprint: Footprint;
  readonly #history: HistoryLog | undefined;
  /** What each CPU has issued and not completed. */
  readonly #pending: { readonly from: MachineAddr; readonly to: MachineAddr }[][];

  /** @param sink told of every fault, at the end of the operation that shows it. */
  constructor(spec: MachineSpec, sink: FaultSink, options: AdversarialOptions = {}) {
    this.spec = spec;
    this.granule = spec.lineSizes.at(-1) as number;
    this.#sink = sink;
    this.#footprint = options.footprint ?? NO_FOOTPRINT;
    this.#history = options.follow === undefined ? undefined : new HistoryLog(options.follow, Start.written);
    this.#pending = Array.from({ length: spec.cpus }, () => []);
  }

  /** What the caller is executing, for the history. */
  set label(label: Label) {
    if (this.#history) this.#history.label = label;
  }

  /** The followed byte's history until now; undefined if none is followed. */
  history(): History | undefined {
    return this.#history;
  }

  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    this.#touch(from, to, true);
    const start = START[initial];
    const facts: Facts = { ...DEFINED, undefined: start === Start.dontCare };
    this.#memory.update(from, to, (info) =>
      infoOf(this.#automaton.start(start, this.#automaton.modeOf(nodeOf(info))), facts),
    );
    this.#history?.restart(from, to, start);
    this.#changeModes(from, to, (mode) => mode);
  }

  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    // A load completes what is pending on its line, which a device can see.
    this.#touch(from, to, access.cacheable && this.spec.explicitBarriers);
    this.#read(access.cacheable ? Operation.cpuRead : Operation.cpuReadUncached, from, to);
    this.#flush();
  }

  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#write(access, from, to, () => DEFINED);
    this.#flush();
  }

  cpuCopy(access: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    this.#touch(from, to, access.cacheable && this.spec.explicitBarriers);
    const end = (target + (to - from)) as MachineAddr;
    this.#touch(target, end, true);
    const read: { from: MachineAddr; to: MachineAddr; facts: Facts }[] = [];
    this.#read(access.cacheable ? Operation.cpuRead : Operation.cpuReadUncached, from, to);
    this.#memory.visit(from, to, (info, low, high) => {
      const { wrong, tainted, undefined: nobodys } = factsOf(info);
      read.push({
        from: (low - from + target) as MachineAddr,
        to: (high - from + target) as MachineAddr,
        facts: { wrong: false, tainted: wrong || tainted, undefined: nobodys },
      });
    });
    this.#write(access, target, end, () => DEFINED);
    for (const piece of read)
      this.#memory.update(piece.from, piece.to, (info) =>
        piece.facts.undefined
          ? infoOf(this.#automaton.start(Start.dontCare, this.#automaton.modeOf(nodeOf(info))), piece.facts)
          : infoOf(nodeOf(info), piece.facts),
      );
    this.#flush();
  }

  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, false);
    this.#read(port.snoops ? Operation.snoopRead : Operation.deviceRead, from, to);
    this.#flush();
  }

  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    this.#deviceWrite(port, from, to);
    this.#judgeWindows(from, to);
    this.#flush();
  }

  openWindow(name: string, port: Port, from: MachineAddr, to: MachineAddr, window: Window): void {
    this.#touch(from, to, true);
    this.#windows.add({ name, port, from, to, window });
    if (window.writes) this.#setFacts(from, to, (facts) => ({ ...facts, ...DEFINED }));
    this.#setModes(from, to);
    if (window.reads) this.#judgeWindows(from, to);
    this.#flush();
  }

  closeWindow(name: string, from: MachineAddr, to: MachineAddr): void {
    this.#touch(from, to, true);
    for (const closed of this.#windows.remove(name, from, to))
      if (closed.port.snoops && closed.window.writes) this.#deviceWrite(closed.port, closed.from, closed.to);
    this.#setModes(from, to);
    this.#flush();
  }

  maintain(
    cpu: number,
    call: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    options: {
      readonly stride?: number;
      readonly spare?: readonly [from: MachineAddr, to: MachineAddr];
    } = {},
  ): void {
    if (from >= to) return;
    const line = this.granule;
    const stride = options.stride ?? line;
    this.#touch(from, ceilTo(to, stride), true);
    forEachPiece(call, from, to, stride, (low, high, operation) => {
      if (stride <= line) this.#maintainLines(cpu, operation, low, high, options.spare);
      else
        for (let at = low; at < high; at = (at + stride) as MachineAddr)
          this.#maintainLines(cpu, operation, at, (at + 1) as MachineAddr, options.spare);
    });
    this.#judgeWindows(from, to);
    this.#flush();
  }

  invalidateAll(_cpu: number): void {
    this.#footprint.touch('caches', true);
    this.#memory.visitAll((info, from, to) => this.#judgeLoss(info, Operation.invalidate, from, to));
    this.#memory.updateAll((info) =>
      infoOf(this.#automaton.step(nodeOf(info), Operation.invalidate), {
        ...factsOf(info),
        wrong: factsOf(info).wrong || this.#lossOf(info, Operation.invalidate) !== NEVER,
      }),
    );
    if (this.#history)
      this.#history.push(this.#history.at, (this.#history.at + 1) as MachineAddr, {
        operation: Operation.invalidate,
      });
    this.#flush();
  }

  maintainOuter(_operation: OuterOperation, _from: MachineAddr, _to: MachineAddr): void {
    if (this.spec.outerCache) throw new Error('outer cache: not modelled yet');
  }

  barrier(cpu: number): void {
    const pending = this.#pending[cpu] ?? [];
    this.#pending[cpu] = [];
    for (const { from, to } of pending) {
      this.#touch(from, to, true);
      this.#step(from, to, Operation.barrier);
    }
    for (const { from, to } of pending) this.#judgeWindows(from, to);
    this.#flush();
  }

  newOwner(_from: MachineAddr, _to: MachineAddr): void {
    throw new Error('owners: not modelled yet');
  }

  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void {
    this.#touch(from, to, true);
    this.#changeModes(from, to, (mode) =>
      possible ? removeModes(mode, Mode.noFills) : addModes(mode, Mode.noFills),
    );
    this.#flush();
  }

  /** Equal for machines on which everything to come goes alike. */
  stateKey(): string {
    const pending = this.#pending.map((list) => list.map(({ from, to }) => `${from}-${to}`).join());
    return `${this.#memory.key()} ${this.#windows.key()} ${pending.join('|')}`;
  }

  // Operations on runs.

  #step(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    if (from >= to) return;
    this.#memory.update(from, to, (info) =>
      infoOf(this.#automaton.step(nodeOf(info), operation), factsOf(info)),
    );
    this.#history?.push(from, to, { operation });
  }

  #setFacts(from: MachineAddr, to: MachineAddr, change: (facts: Facts) => Facts): void {
    this.#memory.update(from, to, (info) => infoOf(nodeOf(info), change(factsOf(info))));
  }

  #changeModes(from: MachineAddr, to: MachineAddr, change: (mode: ModeSet) => ModeSet): void {
    const followed = this.#history?.at;
    if (followed !== undefined && from <= followed && followed < to)
      this.#history?.push(from, to, { mode: change(this.#automaton.modeOf(this.#nodeAt(followed))) });
    this.#memory.update(from, to, (info) => {
      const node = nodeOf(info);
      const mode = this.#automaton.modeOf(node);
      const next = change(mode);
      return next === mode ? info : infoOf(this.#automaton.withMode(node, next), factsOf(info));
    });
  }

  #nodeAt(at: MachineAddr): Node {
    let node = this.#automaton.start(Start.written);
    this.#memory.visit(at, (at + 1) as MachineAddr, (info) => {
      node = nodeOf(info);
    });
    return node;
  }

  /** The bytes of the lines that [from, to) touches, without [from, to). */
  #stepRest(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    this.#step(floorTo(from, this.granule), from, operation);
    this.#step(to, ceilTo(to, this.granule), operation);
  }

  #read(operation: Operation, from: MachineAddr, to: MachineAddr): void {
    const rule: MachineRule =
      operation === Operation.cpuRead || operation === Operation.cpuReadUncached
        ? 'stale-cpu-read'
        : 'stale-device-read';
    const moves = (info: ByteInfo) => this.#automaton.staleMoves(nodeOf(info), operation);
    this.#memory.visit(from, to, (info, low, high) => {
      if (moves(info) !== NEVER) this.#found('stale-read', rule, moves(info), info, low, high, false);
    });
    this.#markWrong(from, to, moves);
    this.#step(from, to, operation);
    // A load fetches the whole line, with no help from the hardware.
    if (operation === Operation.cpuRead) this.#stepRest(from, to, operation);
  }

  #write(access: CpuAccess, from: MachineAddr, to: MachineAddr, facts: () => Facts): void {
    this.#step(from, to, access.cacheable ? Operation.cpuWrite : Operation.cpuWriteUncached);
    if (access.cacheable) this.#stepRest(from, to, Operation.cpuWriteNeighbour);
    this.#setFacts(from, to, facts);
    this.#judgeWindows(from, to);
  }

  #deviceWrite(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#step(from, to, port.snoops ? Operation.snoopWrite : Operation.deviceWrite);
    if (port.snoops) this.#stepRest(from, to, Operation.snoopWriteNeighbour);
    this.#setFacts(from, to, () => DEFINED);
  }

  #maintainLines(
    cpu: number,
    complete: Operation,
    from: MachineAddr,
    to: MachineAddr,
    spare: readonly [from: MachineAddr, to: MachineAddr] | undefined,
  ): void {
    const low = floorTo(from, this.granule);
    const high = ceilTo(to, this.granule);
    const operation = this.spec.explicitBarriers ? (ISSUED[complete] as Operation) : complete;
    const losses: (readonly [info: ByteInfo, from: MachineAddr, to: MachineAddr])[] = [];
    this.#memory.visit(low, high, (info, first, end) => {
      for (const [a, b] of outside(first, end, spare)) losses.push([info, a, b]);
    });
    this.#step(low, high, operation);
    for (const [info, first, end] of losses) {
      if (!this.#judgeLoss(info, operation, first, end)) continue;
      this.#setFacts(first, end, (facts) => ({ ...facts, wrong: true }));
    }
    if (this.spec.explicitBarriers) this.#pending[cpu]?.push({ from: low, to: high });
  }

  // Judging.

  /** Moves after which an operation destroys the only copy of what could not be lost before. */
  #lossOf(info: ByteInfo, operation: Operation): number {
    const node = nodeOf(info);
    if (this.#automaton.lostMoves(node) !== NEVER) return NEVER;
    return this.#automaton.lostMoves(this.#automaton.step(node, operation));
  }

  #judgeLoss(info: ByteInfo, operation: Operation, from: MachineAddr, to: MachineAddr): boolean {
    const moves = this.#lossOf(info, operation);
    if (moves === NEVER) return false;
    this.#found('lost', 'lost-write', moves, info, from, to, true);
    return true;
  }

  /** Reads through open windows of what has changed in the lines of [from, to); what was wrong before is no news. */
  #judgeWindows(from: MachineAddr, to: MachineAddr): void {
    const low = floorTo(from, this.granule);
    const high = ceilTo(to, this.granule);
    for (const open of this.#windows.over(low, high)) {
      if (!open.window.reads) continue;
      const first = open.from > low ? open.from : low;
      const end = open.to < high ? open.to : high;
      const moves = (info: ByteInfo) =>
        factsOf(info).wrong
          ? NEVER
          : open.port.snoops
            ? this.#automaton.staleMoves(nodeOf(info), Operation.snoopRead)
            : this.#automaton.deviceStaleMoves(nodeOf(info));
      if (open.port.snoops) this.#history?.push(first, end, { operation: Operation.snoopRead });
      this.#memory.visit(first, end, (info, a, b) => {
        if (moves(info) !== NEVER)
          this.#found(
            open.port.snoops ? 'stale-read' : 'stale-device-window',
            'stale-device-read',
            moves(info),
            info,
            a,
            b,
            true,
          );
      });
      this.#markWrong(first, end, moves);
    }
  }

  #markWrong(from: MachineAddr, to: MachineAddr, moves: (info: ByteInfo) => number): void {
    this.#memory.update(from, to, (info) =>
      moves(info) === NEVER ? info : infoOf(nodeOf(info), { ...factsOf(info), wrong: true }),
    );
  }

  #found(
    kind: 'stale-read' | 'stale-device-window' | 'lost',
    rule: MachineRule,
    moves: number,
    info: ByteInfo,
    from: MachineAddr,
    to: MachineAddr,
    pushed: boolean,
  ): void {
    const { wrong, tainted } = factsOf(info);
    const consequence = wrong || tainted;
    this.#faults.add({ rule, moves, from, to, consequence });
    this.#history?.found(from, to, kind, { rule, moves, consequence }, pushed);
  }

  #flush(): void {
    this.#faults.flush(this.#sink);
  }

  // Windows and footprint.

  /** Give every byte of [from, to) the modes of the windows that are open over it. */
  #setModes(from: MachineAddr, to: MachineAddr): void {
    this.#windows.eachPiece(from, to, (low, high, windows) => {
      const wanted = windows.map(modesOf).reduce(addModes, 0);
      this.#changeModes(low, high, (mode) => addModes(removeModes(mode, WINDOW_MODES), wanted));
    });
  }

  #touch(from: MachineAddr, to: MachineAddr, write: boolean): void {
    if (this.#footprint === NO_FOOTPRINT || from >= to) return;
    this.#footprint.touch('caches', false);
    const last = ceilTo(to, this.granule) / this.granule;
    for (let line = floorTo(from, this.granule) / this.granule; line < last; line++)
      this.#footprint.touch(`line:${line}`, write);
  }
}

function modesOf({ port, window }: OpenWindow): ModeSet {
  if (port.snoops) return 0;
  return addModes(window.reads ? Mode.deviceReads : 0, window.writes ? Mode.deviceWrites : 0);
}

/** [from, to) without the spare range. */
function outside(
  from: MachineAddr,
  to: MachineAddr,
  spare: readonly [from: MachineAddr, to: MachineAddr] | undefined,
): (readonly [from: MachineAddr, to: MachineAddr])[] {
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
