/**
 * One history of maintenance on one mapping, in one or more tracks.
 *
 * Tracks that did the same so far share a lane: designs differ on few mappings. A lane is forked where they part.
 */
import { type DmaAddr, type MachineAddr, offsetBy, type PhysAddr } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import { type Charge, chargeOf, NO_CHARGE } from './charge.ts';
import type { Act, ActName } from './explain.ts';
import type { Hindrance } from './hindrance.ts';
import {
  type DamageRules,
  type Histories,
  type HistoryNode,
  type HistoryStep,
  type LandedCalls,
  landedOf,
  rulesOf,
} from './history.ts';
import type { Damage } from './judge.ts';
import {
  callOf,
  firstByteOf,
  type Ground,
  isOutside,
  type Landing,
  landsAt,
  type Target,
} from './landing.ts';
import type { MappingClass, Operation } from './operation.ts';

/** What every lane of a replay shares. */
export interface World {
  readonly lineSize: number;
  readonly histories: Histories;
  /** Where the operations of the call at hand landed. */
  readonly landed: LandedCalls;
  readonly ground: Ground;
}

/** What a lane needs to know of its mapping. */
export interface LaneMapping {
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly phys: PhysAddr;
  /** Bytes. */
  readonly size: number;
  readonly mappingClass: MappingClass;
  readonly direction: Direction;
  readonly device: { readonly snoops: boolean };
}

/** What needs no cache to be wrong. */
type Misplaced = 'wrong-frame' | 'fault' | 'kernel-bug' | 'kernel-warning';

/** The history that explaining needs; later calls are judged and not kept. */
const MOST_ACTS = 32;

/** What a design did that the recorded kernel did not: another address, a slot of its own. */
export interface Elsewhere {
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly bounced: boolean;
}

/** By operation; undefined: it did nothing. */
type Landings = readonly (Landing | undefined)[];
const NOWHERE: Landings = [];

/** A call that was judged: a chain, newest first (arrays were measured to cost more than the rest of a lane). */
interface Logged {
  readonly step: HistoryStep;
  readonly line: number;
  readonly operations: readonly Operation[];
  /** Where each of them landed; undefined where all did as `step` says. */
  readonly landings: Landings | undefined;
  readonly before: Logged | undefined;
  readonly count: number;
}

export class Lane {
  readonly #world: World;
  readonly #mapping: LaneMapping;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #target: Target;
  /** Undefined where nothing is judged. */
  #node: HistoryNode | undefined;
  #log: Logged | undefined;
  /** What went to a wrong frame or through no alias: absolute, and not part of a history. */
  #misplaced: Damage[] | undefined;
  #charge = NO_CHARGE;
  /** What kept the design from mapping it at all, or may have. */
  readonly hindrance: Hindrance | undefined;

  /** @param elsewhere undefined where the mapping lies as it was recorded. */
  constructor(
    world: World,
    mapping: LaneMapping,
    elsewhere: Elsewhere | undefined,
    judged: boolean,
    hindrance?: Hindrance,
  ) {
    this.hindrance = hindrance;
    this.#world = world;
    this.#mapping = mapping;
    this.#elsewhere = elsewhere;
    const { bus, bounced } = this;
    this.#target = bounced
      ? { bus, size: mapping.size, phys: undefined }
      : elsewhere
        ? { ...mapping, bus }
        : mapping;
    this.#node = judged ? world.histories.root(bus, mapping, bounced) : undefined;
  }

  /** The address that the device was given. */
  get dma(): DmaAddr {
    return this.#elsewhere ? this.#elsewhere.dma : this.#mapping.dma;
  }
  /** The machine address behind it. */
  get bus(): MachineAddr {
    return this.#elsewhere ? this.#elsewhere.bus : this.#mapping.bus;
  }
  /** What the operations of the newest call cost. */
  get charge(): Charge {
    return this.#charge;
  }
  get bounced(): boolean {
    return this.#elsewhere ? this.#elsewhere.bounced : this.#mapping.mappingClass === 'bounced';
  }

  /** The same history, to go on differently. */
  fork(): Lane {
    const copy = new Lane(this.#world, this.#mapping, this.#elsewhere, false, this.hindrance);
    copy.#node = this.#node;
    copy.#log = this.#log;
    if (this.#misplaced) copy.#misplaced = [...this.#misplaced];
    return copy;
  }

  /**
   * A call over machine bytes [from, to), with its maintenance.
   * @param operations kept as they are.
   */
  act(
    name: ActName,
    line: number,
    from: MachineAddr,
    to: MachineAddr,
    skipCpuSync: boolean,
    operations: readonly Operation[],
  ): void {
    const node = this.#node;
    const { ground, histories, landed, lineSize } = this.#world;
    if (node === undefined) {
      this.#charge = chargeOf(operations, ground.instructions, lineSize);
      return;
    }
    const base = histories.baseOf(this.bus);
    landed.count = 0;
    let isAstray = false;
    let isShifted = false;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as Operation;
      const call = callOf(ground.instructions, operation);
      if (call === undefined) continue;
      const at = landsAt(ground, this.#target, operation);
      if (at !== undefined && !isOutside(this.#target, at, operation.size)) {
        landed.add(at - base, at + operation.size - base, call);
        isShifted ||= isInOtherLines(operation, at, lineSize);
      } else isAstray = true;
    }
    let landings: Landings | undefined;
    if (isAstray) landings = this.#misplaceSome(operations);
    else if (landed.count === 0) landings = NOWHERE;
    else if (landed.count < operations.length)
      landings = operations.map((operation) => this.#landingOf(operation));
    const edge = histories.step(node, name, from - base, to - base, skipCpuSync, landed);
    const { step } = edge;
    this.#node = edge.node;
    this.#charge =
      landed.count === operations.length && !isShifted
        ? step.charge
        : chargeOf(operations, ground.instructions, lineSize);
    const before = this.#log;
    const count = before ? before.count + 1 : 1;
    if (count <= MOST_ACTS) this.#log = { step, line, operations, landings, before, count };
  }

  /** Report those that go to a wrong frame or through no alias. @returns where each lands. */
  #misplaceSome(operations: readonly Operation[]): Landings {
    return operations.map((operation) => {
      const landing = this.#landingOf(operation);
      if (landing && landing.kind !== 'landed') this.misplace(landing.kind, landing.from, landing.to);
      return landing;
    });
  }

  /** Where an operation lands now; undefined where it does nothing at all. */
  #landingOf(operation: Operation): Landing | undefined {
    const { ground } = this.#world;
    const call = callOf(ground.instructions, operation);
    if (call === undefined) return undefined;
    const at = landsAt(ground, this.#target, operation);
    const from = at ?? firstByteOf(operation);
    const to = offsetBy(from, operation.size);
    if (at === undefined) return { kind: 'fault', from, to, call };
    return { kind: isOutside(this.#target, from, operation.size) ? 'wrong-frame' : 'landed', from, to, call };
  }

  /** Maintenance, or the device's own address, on frames that are not the mapping's, or through no alias; a kernel that dies. */
  misplace(rule: Misplaced, from: MachineAddr, to: MachineAddr, because?: string): void {
    this.#misplaced ??= [];
    if (this.#misplaced.length < MOST_ACTS)
      this.#misplaced.push({
        rule,
        severity: 'error',
        moves: null,
        from,
        to,
        inside: false,
        ...(because === undefined ? {} : { because }),
      });
  }

  get isDamaged(): boolean {
    return this.#misplaced !== undefined || (this.#node !== undefined && this.#node.damages.length > 0);
  }

  /** The rules of everything found; most mappings share those of their history. */
  damageRules(): DamageRules {
    return this.#node && !this.#misplaced ? this.#node.rules : rulesOf(this.damages());
  }

  /** Everything found, in machine addresses. */
  damages(): Damage[] {
    const base = this.#world.histories.baseOf(this.bus);
    const found = this.#node?.damages ?? [];
    return [
      ...(this.#misplaced ?? []),
      ...found.map((d): Damage => ({ ...d, from: offsetBy(base, d.from), to: offsetBy(base, d.to) })),
    ];
  }

  /**
   * The calls so far, oldest first, with where their operations landed when they were judged (a page may be another's by
   * now); cut at MOST_ACTS.
   */
  acts(): Act[] {
    const base = this.#world.histories.baseOf(this.bus);
    const acts: Act[] = [];
    for (let logged = this.#log; logged; logged = logged.before) {
      const { step, line, operations } = logged;
      const landings = logged.landings ?? landingsOf(step, base);
      acts.push({
        name: step.name,
        line,
        from: offsetBy(base, step.from),
        to: offsetBy(base, step.to),
        skipCpuSync: step.skipCpuSync,
        operations: operations.map((operation, i) => ({ operation, landing: landings[i] })),
      });
    }
    return acts.reverse();
  }
}

/** It covers other parts of lines at the CPU's address than where it landed: a window of the bus that is shifted by less than a line. */
function isInOtherLines(operation: Operation, at: MachineAddr, lineSize: number): boolean {
  if (operation.kind === 'cflush') return false;
  const shift = at - operation.addr;
  return shift !== 0 && Math.floor(shift / lineSize) * lineSize !== shift;
}

/** Where each operation of a call landed, the call being relative to `base`. */
function landingsOf({ landed }: HistoryStep, base: MachineAddr): Landings {
  return landedOf(landed).map(({ from, to, call }) => ({
    kind: 'landed',
    from: offsetBy(base, from),
    to: offsetBy(base, to),
    call,
  }));
}
