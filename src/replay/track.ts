/**
 * One line of judgement through a trace: the recorded maintenance, or that of a design.
 *
 * A track keeps for each live mapping what this line of judgement needs, and over the whole trace what it found,
 * what it cost and, for the kernel's own design, how its predictions compare with the recording.
 */
import { type DmaAddr, type MachineAddr, offsetBy, type PhysAddr } from '../address/index.ts';
import type { Design } from '../linux/index.ts';
import { Direction } from '../linux/index.ts';
import { countLines } from '../machine/index.ts';
import { Conformance } from './conformance.ts';
import type { Act, ActName } from './explain.ts';
import { Findings } from './findings.ts';
import { type Damage, type Hardware, type Landed, MappingJudge } from './judge.ts';
import { type Ground, type Landing, land } from './landing.ts';
import type { LiveMapping } from './live.ts';
import type { Operation } from './operation.ts';

export type { Act } from './explain.ts';

/** What one track knows of one live mapping. */
export interface TrackState {
  /** The address that this design gave the device, and the machine address behind it. */
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly bounced: boolean;
  readonly judge: MappingJudge | undefined;
  readonly target: { bus: MachineAddr; size: number; phys: PhysAddr | undefined };
  /** The mapping's history, for explaining; cut at MOST_ACTS. */
  readonly acts: Act[];
  damages: Damage[] | undefined;
}

const MOST_ACTS = 32;

export interface Cost {
  hypercalls: number;
  linesCleaned: number;
  linesInvalidated: number;
  linesCleanInvalidated: number;
  bouncedBytes: number;
  indexInserts: number;
  indexRemoves: number;
  indexLookups: number;
  indexPeak: number;
}

export interface Inconclusive {
  readonly line: number;
  readonly device: string;
  readonly because: string;
}
const MOST_INCONCLUSIVE = 10_000;

/** What every track of a replay shares. */
export interface TrackWorld {
  readonly hardware: Hardware;
  readonly ground: Ground;
}

export class Track {
  readonly name: string;
  /** Undefined for the recorded maintenance. */
  readonly design: Design | undefined;
  readonly findings = new Findings();
  readonly cost: Cost = {
    hypercalls: 0,
    linesCleaned: 0,
    linesInvalidated: 0,
    linesCleanInvalidated: 0,
    bouncedBytes: 0,
    indexInserts: 0,
    indexRemoves: 0,
    indexLookups: 0,
    indexPeak: 0,
  };
  readonly conformance: Conformance | undefined;
  readonly inconclusive: Inconclusive[] = [];
  inconclusiveCount = 0;
  readonly #world: TrackWorld;

  constructor(world: TrackWorld, name: string, design: Design | undefined, conforms: boolean) {
    this.#world = world;
    this.name = name;
    this.design = design;
    this.conformance = conforms ? new Conformance() : undefined;
  }

  /** A mapping begins. `bus` is what `dma` reaches in this design. */
  begin(
    mapping: Pick<LiveMapping, 'size' | 'phys' | 'direction' | 'device'>,
    dma: DmaAddr,
    bus: MachineAddr,
    bounced: boolean,
    judged: boolean,
  ): TrackState {
    const { size, direction, device } = mapping;
    const buffer = { from: bus, to: offsetBy(bus, size), direction, hasNeighbours: !bounced };
    return {
      dma,
      bus,
      bounced,
      judge: judged ? new MappingJudge(this.#world.hardware, buffer, device.snoops) : undefined,
      target: { bus, size, phys: bounced ? undefined : mapping.phys },
      acts: [],
      damages: undefined,
    };
  }

  /** One DMA call on a mapping, over machine bytes [from, to), with its maintenance. */
  act(
    state: TrackState,
    name: ActName,
    line: number,
    from: MachineAddr,
    to: MachineAddr,
    skipCpuSync: boolean,
    operations: readonly Operation[],
  ): void {
    this.charge(operations);
    const { judge } = state;
    if (judge === undefined) return;
    const landed: Landed[] = [];
    const landings: { operation: Operation; landing: Landing }[] = [];
    for (const operation of operations) {
      const landing = land(this.#world.ground, state.target, operation);
      landings.push({ operation, landing });
      if (landing.kind === 'landed') landed.push(landing.landed);
      else if (landing.kind !== 'nothing') this.damage(state, misplaced(landing));
    }
    if (state.acts.length < MOST_ACTS)
      state.acts.push({ name, line, from, to, skipCpuSync, operations: landings });
    if (name === 'map') judge.map(landed, skipCpuSync);
    else if (name === 'unmap') judge.unmap(landed, skipCpuSync);
    else if (name === 'sync_for_cpu') judge.syncForCpu(from, to, landed);
    else judge.syncForDevice(from, to, landed);
    const found = judge.takeDamage();
    if (found) for (const damage of found) this.damage(state, damage);
  }

  damage(state: TrackState, damage: Damage): void {
    state.damages ??= [];
    // A long-lived mapping can go wrong at every sync in the same way.
    if (!state.damages.some((d) => isSame(d, damage))) state.damages.push(damage);
  }

  /** The mapping is over: report what was found on it. */
  finish(mapping: LiveMapping, state: TrackState): void {
    if (mapping.uncertain !== undefined) this.cannotSay(mapping.line, mapping.device.name, mapping.uncertain);
    else if (state.damages) this.findings.add(mapping, state, state.damages);
  }

  cannotSay(line: number, device: string, because: string): void {
    this.inconclusiveCount++;
    if (this.inconclusive.length < MOST_INCONCLUSIVE) this.inconclusive.push({ line, device, because });
  }

  /** Add up what operations cost, by the instructions they execute, whether or not they were right. */
  charge(operations: readonly Operation[]): void {
    const { cost } = this;
    const { ground, hardware } = this.#world;
    for (const operation of operations) {
      if (operation.kind === 'cflush') cost.hypercalls++;
      const landing = land(ground, ANYWHERE, operation);
      if (landing.kind !== 'landed') continue;
      const { from, to, call } = landing.landed;
      const { whole, partial } = countLines(from, to, hardware.lineSize);
      for (const [instruction, lines] of [
        [call.whole, whole],
        [call.partial, partial],
      ] as const) {
        if (instruction === 'DC CVAC') cost.linesCleaned += lines;
        else if (instruction === 'DC IVAC') cost.linesInvalidated += lines;
        else cost.linesCleanInvalidated += lines;
      }
    }
  }
}

/** For counting lines alone: every frame is right. */
const ANYWHERE = { bus: 0 as MachineAddr, size: 2 ** 53, phys: undefined };

function misplaced(landing: Extract<Landing, { kind: 'wrong-frame' | 'fault' }>): Damage {
  return {
    rule: landing.kind,
    severity: 'error',
    moves: null,
    from: landing.from,
    to: landing.to,
    inside: false,
  };
}

function isSame(a: Damage, b: Damage): boolean {
  return (
    a.rule === b.rule &&
    a.severity === b.severity &&
    a.moves === b.moves &&
    a.from === b.from &&
    a.to === b.to
  );
}

/** Bytes copied by a bounce: into the slot in every direction, back where the device writes. */
export function bouncedBytes(size: number, direction: Direction, back: boolean): number {
  return back && direction === Direction.toDevice ? 0 : size;
}
