/**
 * Bounced mappings: which of buffer and slot has the newer bytes. A copy that is missing, or copies the wrong bytes, shows
 * whatever the caches do.
 */
import type { MachineAddr, PhysAddr } from '../../address/index.ts';
import type { BounceCopy } from '../../linux/index.ts';
import type { Footprint } from '../../machine/index.ts';

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

interface Bounce {
  readonly domain: string;
  readonly buffer: PhysAddr;
  readonly slot: PhysAddr;
  readonly slotMachine: MachineAddr;
  readonly sides: Uint8Array;
  live: boolean;
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
  #filled: (BounceCopy & { readonly domain: string })[] = [];

  constructor(footprint: Footprint) {
    this.#footprint = footprint;
  }

  /** The kernel copies; within an atomic action. */
  copied(domain: string, copy: BounceCopy): void {
    this.#footprint.touch('bounces', true);
    const { way, slot, buffer, size } = copy;
    const bounce = this.#bounces.find(
      (each) =>
        each.live && each.domain === domain && slot >= each.slot && slot < each.slot + each.sides.length,
    );
    if (bounce === undefined) {
      if (way === 'to slot') this.#filled.push({ ...copy, domain });
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
  }

  /** A bounced mapping is complete. What was not copied into its slot is nobody's. */
  mapped(domain: string, buffer: PhysAddr, slot: PhysAddr, slotMachine: MachineAddr, size: number): void {
    this.#footprint.touch('bounces', true);
    const sides = new Uint8Array(size).fill(Side.bufferAhead);
    for (const copy of this.#filled) {
      const at = copy.slot - slot;
      if (copy.domain === domain && at === copy.buffer - buffer && at >= 0)
        sides.fill(Side.same, at, at + copy.size);
    }
    this.#filled = this.#filled.filter(
      (copy) => copy.domain !== domain || copy.slot < slot || copy.slot >= slot + size,
    );
    this.#bounces.push({ domain, buffer, slot, slotMachine, sides, live: true });
  }

  /** The slot is given back. */
  unmapped(slotMachine: MachineAddr): void {
    this.#footprint.touch('bounces', true);
    for (const bounce of this.#bounces) if (bounce.slotMachine === slotMachine) bounce.live = false;
  }

  /** A CPU reads or writes [at, at + size) of the domain's memory. */
  cpu(domain: string, how: 'read' | 'write', at: PhysAddr, size: number, trouble: Trouble): void {
    if (this.#bounces.length === 0) return;
    this.#footprint.touch('bounces', how === 'write');
    for (const { domain: owner, buffer, sides } of this.#bounces) {
      if (owner !== domain) continue;
      const [from, to] = [Math.max(at - buffer, 0), Math.min(at + size - buffer, sides.length)];
      if (from >= to) continue;
      if (how === 'write') sides.fill(Side.bufferAhead, from, to);
      else {
        report(sides, from, to, Side.slotAhead, (low, high) =>
          trouble('stale-cpu-read', low + buffer - at, high + buffer - at),
        );
        report(sides, from, to, Side.garbage, (low, high) =>
          trouble('disclosure', low + buffer - at, high + buffer - at),
        );
      }
    }
  }

  /** A device reads or writes [at, at + size) of the machine's memory, or may do so from now on. */
  device(how: 'read' | 'write', at: MachineAddr, size: number, trouble: Trouble): void {
    if (this.#bounces.length === 0) return;
    this.#footprint.touch('bounces', how === 'write');
    for (const { slotMachine, sides, live } of this.#bounces) {
      const [from, to] = [Math.max(at - slotMachine, 0), Math.min(at + size - slotMachine, sides.length)];
      if (!live || from >= to) continue;
      if (how === 'write') sides.fill(Side.slotAhead, from, to);
      else
        report(sides, from, to, Side.bufferAhead, (low, high) =>
          trouble('stale-device-read', low + slotMachine - at, high + slotMachine - at),
        );
    }
  }
}

/** Runs of a side within [from, to). */
function report(
  sides: Uint8Array,
  from: number,
  to: number,
  wanted: Side,
  found: (from: number, to: number) => void,
): void {
  for (let i = from; i < to; i++) {
    if (sides[i] !== wanted) continue;
    let end = i;
    while (end < to && sides[end] === wanted) end++;
    found(i, end);
    i = end;
  }
}
