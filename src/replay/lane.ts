/**
 * One history of maintenance on one mapping, and what the judge makes of it.
 *
 * Tracks that did the same so far share a lane: designs differ on few mappings, and judging each of them again was
 * measured to be most of the work. A lane is forked where they part.
 */
import { type DmaAddr, type MachineAddr, offsetBy, type PhysAddr } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import type { Act, ActName } from './explain.ts';
import { type Damage, type Hardware, type Landed, MappingJudge } from './judge.ts';
import { type Ground, type Landing, land } from './landing.ts';
import type { Operation } from './operation.ts';

/** What every lane of a replay shares. */
export interface World {
  readonly hardware: Hardware;
  readonly ground: Ground;
}

/** One DMA call over machine bytes [from, to). */
export interface LaneCall {
  readonly name: ActName;
  readonly line: number;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly skipCpuSync: boolean;
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
/** A long-lived mapping can go wrong at every sync; so many different ranges are kept. */
const MOST_DAMAGES = 256;

export class Lane {
  /** The address that the device was given, and the machine address behind it. */
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly bounced: boolean;
  readonly acts: Act[] = [];
  damages: Damage[] | undefined;
  readonly #world: World;
  readonly #target: { bus: MachineAddr; size: number; phys: PhysAddr | undefined };
  #judge: MappingJudge | undefined;

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
    const { size, direction, device } = mapping;
    this.#target = { bus, size, phys: bounced ? undefined : mapping.phys };
    const buffer = { from: bus, to: offsetBy(bus, size), direction, hasNeighbours: !bounced };
    this.#judge = judged ? new MappingJudge(world.hardware, buffer, device.snoops) : undefined;
  }

  /** The same history, to go on differently. */
  fork(mapping: LaneMapping): Lane {
    const copy = new Lane(this.#world, mapping, this.dma, this.bus, this.bounced, false);
    copy.#judge = this.#judge?.fork();
    copy.acts.push(...this.acts);
    if (this.damages) copy.damages = [...this.damages];
    return copy;
  }

  /** A call with its maintenance. */
  act(call: LaneCall, operations: readonly Operation[]): void {
    const judge = this.#judge;
    if (judge === undefined) return;
    const landed: Landed[] = [];
    const landings: { operation: Operation; landing: Landing }[] = [];
    for (const operation of operations) {
      const landing = land(this.#world.ground, this.#target, operation);
      landings.push({ operation, landing });
      if (landing.kind === 'landed') landed.push(landing.landed);
      else if (landing.kind !== 'nothing') this.damage(misplaced(landing));
    }
    if (this.acts.length < MOST_ACTS) this.acts.push({ ...call, operations: landings });
    const { name, from, to, skipCpuSync } = call;
    if (name === 'map') judge.map(landed, skipCpuSync);
    else if (name === 'unmap') judge.unmap(landed, skipCpuSync);
    else if (name === 'sync_for_cpu') judge.syncForCpu(from, to, landed);
    else judge.syncForDevice(from, to, landed);
    const found = judge.takeDamage();
    if (found) for (const damage of found) this.damage(damage);
  }

  damage(damage: Damage): void {
    this.damages ??= [];
    if (this.damages.length < MOST_DAMAGES && !this.damages.some((d) => isSame(d, damage)))
      this.damages.push(damage);
  }
}

function misplaced(landing: Extract<Landing, { kind: 'wrong-frame' | 'fault' }>): Damage {
  const { kind, from, to } = landing;
  return { rule: kind, severity: 'error', moves: null, from, to, inside: false };
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
