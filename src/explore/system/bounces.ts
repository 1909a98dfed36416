/**
 * Bounced mappings: which of buffer and slot has the newer bytes. A copy that is missing, or copies the wrong bytes, shows
 * whatever the caches do.
 */
import type { MachineAddr, PhysAddr } from '../../address/index.ts';
import type { BounceCopy } from '../../linux/simulated/index.ts';
import type { Footprint } from '../../machine/index.ts';
import type { MachineRange } from './places.ts';

/** Of one byte of a buffer and its counterpart in the slot. */
const Side = {
  /** Both have the value that counts. */
  same: 0,
  /** The buffer was written (or the slot never filled): the slot's byte is not the buffer's. */
  bufferAhead: 1,
  /** The device wrote to the slot. */
  slotAhead: 2,
  /** What the slot happened to hold was copied over the buffer. */
  garbage: 3,
} as const;
type Side = (typeof Side)[keyof typeof Side];

/** Where the two are. */
export interface BounceSpec {
  /** Whose kernel copies. */
  readonly domain: string;
  /** First byte of each as that kernel addresses it. */
  readonly buffer: PhysAddr;
  readonly slot: PhysAddr;
  readonly slotMachine: MachineAddr;
  /** The buffer's bytes in order, whoever addresses them and how. */
  readonly bufferMachine: readonly MachineRange[];
}

interface Bounce extends BounceSpec {
  /** Whose bounce it is. */
  readonly owner: object;
  readonly sides: Uint8Array;
  live: boolean;
}

/** Bytes of a buffer that were copied to a slot, when they were. */
interface Filled {
  readonly domain: string;
  readonly slot: PhysAddr;
  readonly buffer: PhysAddr;
  readonly size: number;
}

/** Bytes [from, to) of a range that was accessed, from its beginning, and what is wrong with them. */
export type Trouble = (
  rule: 'stale-cpu-read' | 'stale-device-read' | 'disclosure',
  from: number,
  to: number,
) => void;

export class Bounces {
  readonly #footprint: Footprint;
  readonly #bounces: Bounce[] = [];
  /** Copies into slots that are not handed over yet. */
  #filled: Filled[] = [];

  constructor(footprint: Footprint) {
    this.#footprint = footprint;
  }

  /** The kernel copies; within an atomic action. */
  copied(domain: string, copy: BounceCopy): void {
    this.#footprint.touch('bounces', true);
    const { way, slot, buffer, size } = copy;
    // A slot that was given back a moment ago may have the next buffer's bytes copied to it already.
    const bounce = this.#bounces.findLast(
      (each) =>
        each.live &&
        each.domain === domain &&
        within(slot, each.slot, each.sides.length) &&
        within(buffer, each.buffer, each.sides.length),
    );
    if (bounce === undefined) {
      if (way === 'to slot') this.#filled.push({ domain, slot, buffer, size });
      return;
    }
    const { sides } = bounce;
    const at = slot - bounce.slot;
    const counterpart = at === buffer - bounce.buffer;
    for (let i = at; i < Math.min(at + size, sides.length); i++) {
      const side = sides[i];
      if (way === 'to slot') sides[i] = counterpart ? Side.same : Side.bufferAhead;
      else sides[i] = counterpart && side !== Side.bufferAhead ? Side.same : Side.garbage;
    }
    // What earlier bounces of these bytes left in their slots is nobody's loss any more.
    if (way === 'from slot')
      for (const [from, to] of bounce.bufferMachine) this.#overwritten(from, to - from, bounce);
  }

  /** A bounced mapping is complete. What was not copied into its slot is nobody's. */
  mapped(owner: object, spec: BounceSpec): void {
    this.#footprint.touch('bounces', true);
    const { domain, buffer, slot, bufferMachine } = spec;
    const size = bufferMachine.reduce((sum, [from, to]) => sum + (to - from), 0);
    const sides = new Uint8Array(size).fill(Side.bufferAhead);
    for (const copy of this.#filled) {
      const at = copy.slot - slot;
      if (copy.domain === domain && at === copy.buffer - buffer && at >= 0)
        sides.fill(Side.same, at, at + copy.size);
    }
    this.#filled = this.#filled.filter((copy) => copy.domain !== domain || !within(copy.slot, slot, size));
    this.#bounces.push({ ...spec, owner, sides, live: true });
  }

  /** The slot is given back. */
  unmapped(owner: object): void {
    this.#footprint.touch('bounces', false);
    for (const bounce of this.#bounces) {
      if (bounce.owner !== owner || !bounce.live) continue;
      this.#footprint.touch('bounces', true);
      bounce.live = false;
    }
  }

  /** A CPU, in whichever domain or in the hypervisor, reads or writes [at, at + size) of the machine's memory. */
  cpu(how: 'read' | 'write', at: MachineAddr, size: number, trouble: Trouble): void {
    this.#footprint.touch('bounces', false);
    if (how === 'write') {
      this.#overwritten(at, size, undefined);
      return;
    }
    for (const { bufferMachine, sides } of this.#bounces)
      for (const [from, to, shift] of overlaps(bufferMachine, at, size)) {
        report(sides, from, to, Side.slotAhead, (low, high) =>
          trouble('stale-cpu-read', low + shift, high + shift),
        );
        report(sides, from, to, Side.garbage, (low, high) =>
          trouble('disclosure', low + shift, high + shift),
        );
      }
  }

  /** The buffer's bytes in [at, at + size) have a new value, which did not come from the slot. */
  #overwritten(at: MachineAddr, size: number, except: Bounce | undefined): void {
    for (const bounce of this.#bounces) {
      if (bounce === except) continue;
      for (const [from, to] of overlaps(bounce.bufferMachine, at, size)) {
        this.#footprint.touch('bounces', true);
        bounce.sides.fill(Side.bufferAhead, from, to);
      }
    }
  }

  /** A device reads or writes [at, at + size) of the machine's memory, or may do so from now on. */
  device(how: 'read' | 'write', at: MachineAddr, size: number, trouble: Trouble): void {
    this.#footprint.touch('bounces', false);
    if (how === 'write') this.#overwritten(at, size, undefined);
    for (const { slotMachine, sides, live } of this.#bounces) {
      const [from, to] = [Math.max(at - slotMachine, 0), Math.min(at + size - slotMachine, sides.length)];
      if (!live || from >= to) continue;
      if (how === 'write') {
        this.#footprint.touch('bounces', true);
        sides.fill(Side.slotAhead, from, to);
      } else
        report(sides, from, to, Side.bufferAhead, (low, high) =>
          trouble('stale-device-read', low + slotMachine - at, high + slotMachine - at),
        );
    }
  }
}

/** Bytes of the ranges, counted through them, that lie in [at, at + size), and what makes of such a number one from `at` on. */
function overlaps(
  ranges: readonly MachineRange[],
  at: MachineAddr,
  size: number,
): [from: number, to: number, shift: number][] {
  const found: [number, number, number][] = [];
  let before = 0;
  for (const [low, high] of ranges) {
    const [from, to] = [Math.max(at - low, 0), Math.min(at + size - low, high - low)];
    if (from < to) found.push([from + before, to + before, low - at - before]);
    before += high - low;
  }
  return found;
}

/** Is the byte among the `size` ones from `from` on. */
function within(at: PhysAddr, from: PhysAddr, size: number): boolean {
  return at >= from && at < from + size;
}

/** Runs of a side within [from, to). */
function report(
  sides: Uint8Array,
  from: number,
  to: number,
  wanted: Side,
  found: (from: number, to: number) => void,
): void {
  // Mostly there is none: byte by byte this took a twentieth of the time of an exploration.
  for (let begin = sides.indexOf(wanted, from); begin >= 0 && begin < to; ) {
    let end = begin;
    while (end < to && sides[end] === wanted) end++;
    found(begin, end);
    begin = sides.indexOf(wanted, end);
  }
}
