/**
 * One history of maintenance on one mapping, in one or more tracks.
 *
 * Tracks that did the same so far share a lane: designs differ on few mappings. A lane is forked where they part.
 */
import { type DmaAddr, type MachineAddr, offsetBy, type PhysAddr } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import type { Act, ActName } from './explain.ts';
import type { Histories, HistoryNode, HistoryStep } from './history.ts';
import type { Damage, Landed } from './judge.ts';
import { type Ground, land, type Target } from './landing.ts';
import type { Operation } from './operation.ts';

/** What every lane of a replay shares. */
export interface World {
  readonly lineSize: number;
  readonly histories: Histories;
  readonly ground: Ground;
}

/** What a lane needs to know of its mapping. */
export interface LaneMapping {
  /** Bytes. */
  readonly size: number;
  readonly phys: PhysAddr;
  readonly direction: Direction;
  readonly device: { readonly snoops: boolean };
}

/** The history that explaining needs; later calls are judged and not kept. */
const MOST_ACTS = 32;

const NOTHING_LANDED: readonly Landed[] = [];

export class Lane {
  /** The address that the device was given, and the machine address behind it. */
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly bounced: boolean;
  readonly #world: World;
  readonly #target: Target;
  #base: MachineAddr;
  /** Undefined where nothing is judged. */
  #node: HistoryNode | undefined;
  /** The calls so far: what each was, its trace line and its operations; cut at MOST_ACTS. */
  readonly #steps: HistoryStep[] = [];
  readonly #lines: number[] = [];
  readonly #operations: (readonly Operation[])[] = [];
  /** What went to a wrong frame or through no alias: absolute, and not part of a history. */
  #misplaced: Damage[] | undefined;

  constructor(
    world: World,
    mapping: LaneMapping,
    dma: DmaAddr,
    bus: MachineAddr,
    bounced: boolean,
    judged: boolean,
  ) {
    this.#world = world;
    this.dma = dma;
    this.bus = bus;
    this.bounced = bounced;
    const { size, phys, direction, device } = mapping;
    this.#target = { bus, size, phys: bounced ? undefined : phys };
    const shape = { bus, size, direction, hasNeighbours: !bounced, snoops: device.snoops };
    this.#base = world.histories.baseOf(shape);
    this.#node = judged ? world.histories.root(shape) : undefined;
  }

  /** The same history, to go on differently. */
  fork(mapping: LaneMapping): Lane {
    const copy = new Lane(this.#world, mapping, this.dma, this.bus, this.bounced, false);
    copy.#node = this.#node;
    copy.#steps.push(...this.#steps);
    copy.#lines.push(...this.#lines);
    copy.#operations.push(...this.#operations);
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
    if (node === undefined) return;
    let landed: Landed[] | undefined;
    for (let i = 0; i < operations.length; i++) {
      const landing = land(this.#world.ground, this.#target, operations[i] as Operation);
      if (landing.kind === 'landed') {
        landed ??= [];
        landed.push(landing.landed);
      } else if (landing.kind !== 'nothing') this.misplace(landing.kind, landing.from, landing.to);
    }
    const { histories } = this.#world;
    const edge = histories.step(node, this.#base, name, from, to, skipCpuSync, landed ?? NOTHING_LANDED);
    this.#node = edge.to;
    if (this.#steps.length >= MOST_ACTS) return;
    this.#steps.push(edge.step);
    this.#lines.push(line);
    this.#operations.push(operations);
  }

  /** Maintenance, or the device's own address, on frames that are not the mapping's, or through no alias. */
  misplace(rule: 'wrong-frame' | 'fault', from: MachineAddr, to: MachineAddr): void {
    this.#misplaced ??= [];
    if (this.#misplaced.length < MOST_ACTS)
      this.#misplaced.push({ rule, severity: 'error', moves: null, from, to, inside: false });
  }

  get isDamaged(): boolean {
    return this.#misplaced !== undefined || (this.#node !== undefined && this.#node.damages.length > 0);
  }

  /** Everything found, in machine addresses. */
  damages(): Damage[] {
    const base = this.#base;
    const found = this.#node?.damages ?? [];
    return [
      ...(this.#misplaced ?? []),
      ...found.map((d): Damage => ({ ...d, from: offsetBy(base, d.from), to: offsetBy(base, d.to) })),
    ];
  }

  /** The calls so far, with where their operations landed; cut at MOST_ACTS. */
  acts(): Act[] {
    return this.#steps.map((step, i): Act => {
      const operations = (this.#operations[i] ?? []).map((operation) => ({
        operation,
        landing: land(this.#world.ground, this.#target, operation),
      }));
      return {
        name: step.name,
        line: this.#lines[i] ?? 0,
        from: offsetBy(this.#base, step.from),
        to: offsetBy(this.#base, step.to),
        skipCpuSync: step.skipCpuSync,
        operations,
      };
    });
  }
}
