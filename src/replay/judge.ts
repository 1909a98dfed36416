/**
 * One mapping under every cache behaviour (docs/judging.md).
 *
 * Each byte of the buffer is followed through its may-sets under two readings of what drivers do. The mild one gives
 * errors: nobody touches neighbours in shared lines, the driver writes only what it owns. The strict one gives
 * hazards: neighbours in the edge lines are in use, and the driver wrote before each sync_for_device even where
 * it had not taken the buffer back. Bytes outside the buffer belong to somebody and may be dirty at any time.
 */
import { ceilTo, floorTo, type MachineAddr } from '../address/index.ts';
import {
  type Automaton,
  addModes,
  hasAnyMode,
  Mode,
  NEVER,
  type Node,
  Operation,
  removeModes,
  Start,
} from '../coherence/index.ts';
import { Direction } from '../linux/index.ts';
import { forEachPiece, type MaintenanceCall, Runs } from '../machine/index.ts';

export type Rule =
  | 'stale-device-read'
  | 'stale-cpu-read'
  | 'lost-write'
  | 'disclosure'
  | 'wrong-frame'
  | 'fault'
  | 'kernel-bug'
  | 'kernel-warning';
export type Severity = 'error' | 'hazard';

/** A maintenance call where it lands: machine bytes [from, to). */
export interface Landed {
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly call: MaintenanceCall;
}

/** Bytes that go, or can go, wrong. */
export interface Damage {
  readonly rule: Rule;
  readonly severity: Severity;
  /** Fewest hardware moves; null where no cache is involved. */
  readonly moves: number | null;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** Bytes of the buffer, or bytes outside it. */
  readonly inside: boolean;
  /** Why, where no maintenance operation did it. */
  readonly because?: string;
}

/** Who takes part in a mapping, as far as the judge cares. */
export interface Buffer {
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly direction: Direction;
  /** False for a bounce slot: its lines are its own. */
  readonly hasNeighbours: boolean;
}

/** What a judge asks of the automaton. */
export type May = Pick<
  Automaton,
  'start' | 'step' | 'withMode' | 'modeOf' | 'staleMoves' | 'deviceStaleMoves' | 'lostMoves'
>;
/** What a judge asks of a map from bytes to may-sets. */
export type ByteMap = Pick<Runs<Node>, 'update' | 'visit'> & { clone(): ByteMap; key(): string };

/** The hardware that judges share. */
export interface Hardware {
  readonly automaton: May;
  /** Bytes of a cache line, a power of two. */
  readonly lineSize: number;
  /** How a judge keeps its bytes; runs unless something else is wanted (story.ts follows a single byte). */
  readonly keep?: (from: MachineAddr, to: MachineAddr, start: Node) => ByteMap;
}

const DEVICE_WINDOW: Readonly<Record<Direction, number>> = {
  [Direction.bidirectional]: addModes(Mode.deviceReads, Mode.deviceWrites),
  [Direction.toDevice]: Mode.deviceReads,
  [Direction.fromDevice]: Mode.deviceWrites,
};
const ANY_WINDOW = addModes(Mode.deviceReads, Mode.deviceWrites);

export class MappingJudge {
  readonly buffer: Buffer;
  readonly #hardware: Hardware;
  /** The device snoops: it needs no maintenance, but wrong maintenance can still do harm. */
  readonly #snoops: boolean;
  #mild: ByteMap;
  #strict: ByteMap;
  readonly #firstWhole: MachineAddr;
  readonly #lastWhole: MachineAddr;
  #damage: Damage[] | undefined;
  #handedOver = false;

  constructor(hardware: Hardware, buffer: Buffer, snoops: boolean) {
    this.#hardware = hardware;
    this.buffer = buffer;
    this.#snoops = snoops;
    const start = hardware.automaton.start(
      buffer.direction === Direction.fromDevice ? Start.dontCare : Start.written,
    );
    const keep = hardware.keep ?? ((from, to, node) => new Runs(from, to, node));
    this.#mild = keep(buffer.from, buffer.to, start);
    this.#strict = keep(buffer.from, buffer.to, start);
    const { lineSize } = hardware;
    this.#firstWhole = buffer.hasNeighbours ? ceilTo(buffer.from, lineSize) : buffer.from;
    this.#lastWhole = buffer.hasNeighbours ? floorTo(buffer.to, lineSize) : buffer.to;
    if (this.#firstWhole > buffer.from || this.#lastWhole < buffer.to) this.#setEdges(Mode.neighbourWrites);
  }

  /** A copy that goes its own way, for a design that did the same until now. */
  fork(): MappingJudge {
    const copy = new MappingJudge(this.#hardware, this.buffer, this.#snoops);
    copy.#mild = this.#mild.clone();
    copy.#strict = this.#strict.clone();
    copy.#handedOver = this.#handedOver;
    return copy;
  }

  /** Equal for judges that will judge everything to come alike (of buffers of one shape). */
  stateKey(): string {
    return `${this.#mild.key()} ${this.#strict.key()} ${this.#handedOver}`;
  }

  /** What was found since the last call; undefined where nothing was. */
  takeDamage(): readonly Damage[] | undefined {
    const damage = this.#damage;
    this.#damage = undefined;
    return damage;
  }

  /** map: with SKIP_CPU_SYNC nothing is handed over, the driver will do it with sync_for_device. */
  map(calls: readonly Landed[], skipCpuSync: boolean): void {
    if (skipCpuSync) return;
    this.#maintain(calls);
    this.#openWindow(this.buffer.from, this.buffer.to);
  }

  /** sync_for_cpu over [from, to): the device has finished; after the maintenance the CPU reads what it wrote. */
  syncForCpu(from: MachineAddr, to: MachineAddr, calls: readonly Landed[]): void {
    this.#closeWindow(from, to);
    this.#maintain(calls);
    this.#cpuReads(from, to);
    this.#shareEdgesOf(from, to, Mode.neighbourWrites);
  }

  /** sync_for_device over [from, to): what the CPU owned it may have written. */
  syncForDevice(from: MachineAddr, to: MachineAddr, calls: readonly Landed[]): void {
    const { automaton } = this.#hardware;
    this.#shareEdgesOf(from, to, 0);
    if (this.buffer.direction !== Direction.fromDevice) {
      this.#mild.update(from, to, (node) =>
        hasAnyMode(automaton.modeOf(node), ANY_WINDOW) ? node : automaton.step(node, Operation.cpuWrite),
      );
      this.#strict.update(from, to, (node) => automaton.step(node, Operation.cpuWrite));
      this.#judgeDeviceReads(from, to, this.#strict, 'hazard');
    }
    this.#maintain(calls);
    this.#openWindow(from, to);
  }

  /** unmap: the device has finished; after the maintenance the CPU reads what it wrote, unless the driver skips that. */
  unmap(calls: readonly Landed[], skipCpuSync: boolean): void {
    const { from, to, direction } = this.buffer;
    if (!this.#handedOver) this.#judgeNeverHandedOver();
    this.#closeWindow(from, to);
    this.#maintain(calls);
    if (!skipCpuSync) this.#cpuReads(from, to);
    if (direction !== Direction.fromDevice) this.#judgeLost();
  }

  /** Both readings, with the severity of what they find. */
  #readings(): readonly (readonly [ByteMap, Severity])[] {
    return [
      [this.#mild, 'error'],
      [this.#strict, 'hazard'],
    ];
  }

  #found(damage: Damage): void {
    this.#damage ??= [];
    this.#damage.push(damage);
  }

  #maintain(calls: readonly Landed[]): void {
    const { automaton, lineSize } = this.#hardware;
    for (const landed of calls) {
      forEachPiece(landed.call, landed.from, landed.to, lineSize, (from, to, operation) => {
        this.#mild.update(from, to, (node) => automaton.step(node, operation));
        this.#strict.update(from, to, (node) => automaton.step(node, operation));
        if (from < this.buffer.from) this.#judgeOutside(from, least(to, this.buffer.from), operation);
        if (to > this.buffer.to) this.#judgeOutside(most(from, this.buffer.to), to, operation);
      });
    }
  }

  /** Bytes outside the buffer may hold somebody's only copy in a dirty line; a real invalidate destroys it. */
  #judgeOutside(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    const { automaton, lineSize } = this.#hardware;
    const moves = automaton.lostMoves(automaton.step(automaton.start(Start.written), operation));
    if (moves === NEVER) return;
    const firstLine = floorTo(this.buffer.from, lineSize);
    const pastLine = ceilTo(this.buffer.to, lineSize);
    const wrong = (severity: Severity, low: MachineAddr, high: MachineAddr) => {
      if (low < high)
        this.#found({ rule: 'lost-write', severity, moves, from: low, to: high, inside: false });
    };
    wrong('error', from, least(to, firstLine));
    wrong('error', most(from, pastLine), to);
    if (this.buffer.hasNeighbours) wrong('hazard', most(from, firstLine), least(to, pastLine));
  }

  #openWindow(from: MachineAddr, to: MachineAddr): void {
    this.#handedOver = true;
    const { automaton } = this.#hardware;
    if (this.#snoops) {
      this.#judgeSnoopReads(from, to);
      return;
    }
    const window = DEVICE_WINDOW[this.buffer.direction];
    for (const [runs, severity] of this.#readings()) {
      runs.update(from, to, (node) => automaton.withMode(node, addModes(automaton.modeOf(node), window)));
      if (hasAnyMode(window, Mode.deviceReads)) this.#judgeDeviceReads(from, to, runs, severity);
    }
  }

  #closeWindow(from: MachineAddr, to: MachineAddr): void {
    const { automaton } = this.#hardware;
    for (const [runs] of this.#readings())
      runs.update(from, to, (node) => {
        if (this.#snoops)
          return this.buffer.direction === Direction.toDevice
            ? node
            : automaton.step(node, Operation.snoopWrite);
        const mode = automaton.modeOf(node);
        return hasAnyMode(mode, ANY_WINDOW) ? automaton.withMode(node, removeModes(mode, ANY_WINDOW)) : node;
      });
  }

  /** A device that snoops reads what the caches hold; only data destroyed before can be old. */
  #judgeSnoopReads(from: MachineAddr, to: MachineAddr): void {
    if (this.buffer.direction === Direction.fromDevice) return;
    const { automaton } = this.#hardware;
    for (const [runs, severity] of this.#readings())
      runs.visit(from, to, (node, low, high) => {
        const moves = automaton.staleMoves(node, Operation.snoopRead);
        if (moves !== NEVER)
          this.#found({ rule: 'stale-device-read', severity, moves, from: low, to: high, inside: true });
      });
  }

  #judgeDeviceReads(from: MachineAddr, to: MachineAddr, runs: ByteMap, severity: Severity): void {
    const { automaton } = this.#hardware;
    runs.visit(from, to, (node, low, high) => {
      const moves = automaton.deviceStaleMoves(node);
      if (moves !== NEVER)
        this.#found({ rule: 'stale-device-read', severity, moves, from: low, to: high, inside: true });
    });
  }

  #cpuReads(from: MachineAddr, to: MachineAddr): void {
    if (this.buffer.direction === Direction.toDevice) return;
    const { automaton } = this.#hardware;
    for (const [runs, severity] of this.#readings()) {
      runs.visit(from, to, (node, low, high) => {
        const moves = automaton.staleMoves(node, Operation.cpuRead);
        if (moves !== NEVER)
          this.#found({ rule: 'stale-cpu-read', severity, moves, from: low, to: high, inside: true });
      });
      // The load leaves the line cached: without maintenance the next read is stale with no help from the hardware.
      runs.update(from, to, (node) => automaton.step(node, Operation.cpuRead));
    }
  }

  #judgeLost(): void {
    const { automaton } = this.#hardware;
    for (const [runs, severity] of this.#readings())
      runs.visit(this.buffer.from, this.buffer.to, (node, low, high) => {
        const moves = automaton.lostMoves(node);
        if (moves !== NEVER)
          this.#found({ rule: 'lost-write', severity, moves, from: low, to: high, inside: true });
      });
  }

  /** Mapped with SKIP_CPU_SYNC and never synced: if the device used the buffer all the same, it was not ready for it. */
  #judgeNeverHandedOver(): void {
    if (this.#snoops || this.buffer.direction === Direction.fromDevice) return;
    const { automaton } = this.#hardware;
    this.#strict.update(this.buffer.from, this.buffer.to, (node) =>
      automaton.withMode(node, addModes(automaton.modeOf(node), Mode.deviceReads)),
    );
    this.#judgeDeviceReads(this.buffer.from, this.buffer.to, this.#strict, 'hazard');
  }

  /** Neighbours may write to the partial lines at the buffer's ends, in the strict reading, from beginning to end. */
  #setEdges(mode: number): void {
    const { automaton } = this.#hardware;
    const { from, to } = this.buffer;
    const add = (node: Node) => automaton.withMode(node, addModes(automaton.modeOf(node), mode));
    this.#strict.update(from, least(this.#firstWhole, to), add);
    if (this.#lastWhole >= this.#firstWhole) this.#strict.update(most(this.#lastWhole, from), to, add);
  }

  /**
   * The CPU owns [from, to), the device the rest of its edge lines: in the strict reading the CPU's writes dirty them.
   * `mode` is neighbourWrites while the CPU owns the range, 0 when it hands it back.
   */
  #shareEdgesOf(from: MachineAddr, to: MachineAddr, mode: number): void {
    const { automaton, lineSize } = this.#hardware;
    if (from % lineSize === 0 && to % lineSize === 0) return;
    const change = (node: Node) =>
      automaton.withMode(node, addModes(removeModes(automaton.modeOf(node), Mode.neighbourWrites), mode));
    // The buffer's own edge lines keep their neighbours.
    this.#strict.update(
      most(floorTo(from, lineSize), this.#firstWhole),
      least(from, this.#lastWhole),
      change,
    );
    this.#strict.update(most(to, this.#firstWhole), least(ceilTo(to, lineSize), this.#lastWhole), change);
  }
}

const least = (a: MachineAddr, b: MachineAddr): MachineAddr => (a < b ? a : b);
const most = (a: MachineAddr, b: MachineAddr): MachineAddr => (a > b ? a : b);
