/** What goes wrong in one execution, written down as it happens with who was doing what. */
import { type MachineAddr, machineAddr } from '../../address/index.ts';
import type { Footprint, MachineFault } from '../../machine/index.ts';
import type { Rule } from '../result.ts';
import type { Found } from './found.ts';
import type { MachineRange } from './places.ts';

/** Who is executing. */
export interface Executing {
  /** Index of the agent, and of its step. */
  readonly agent: number;
  readonly step: number;
  /** Number of the transition in the execution. */
  readonly transition: number;
}

export class Findings {
  /** In the order in which they were found. */
  readonly all: Found[] = [];
  readonly #footprint: Footprint;
  readonly #executing: () => Executing;
  /** By agent: bytes of the buffer that its step is about. */
  readonly #own = new Map<number, { readonly step: number; readonly ranges: readonly MachineRange[] }>();

  constructor(footprint: Footprint, executing: () => Executing) {
    this.#footprint = footprint;
    this.#executing = executing;
  }

  /** The executing agent's step is about these bytes: what is lost of others is somebody else's. Within an atomic action. */
  setOwn(ranges: readonly MachineRange[]): void {
    const { agent, step } = this.#executing();
    this.#own.set(agent, { step, ranges });
  }

  /** Something went wrong that needs no cache. */
  fail(rule: Rule, what: string, ranges: readonly MachineRange[]): void {
    // After a failure nothing goes as it was meant to. What the caches did makes no step fail.
    const consequence = this.hasFailed();
    this.#footprint.touch('failures', true);
    const [from, to] = ranges[0] ?? [machineAddr(0), machineAddr(0)];
    this.all.push({ rule, moves: null, from, to, inside: true, consequence, ...this.#executing(), what });
  }

  /** Has anything gone wrong that needs no cache; a cell, since who comes later makes less of it. */
  hasFailed(): boolean {
    this.#footprint.touch('failures', false);
    return this.all.some(({ moves }) => moves === null);
  }

  /** The machine has found bytes that are wrong for some behaviour of the caches. */
  fromMachine(fault: MachineFault): void {
    const { rule, moves, consequence } = fault;
    for (const part of this.#byOwner(fault))
      this.all.push({ rule, moves, ...part, consequence, ...this.#executing(), what: '' });
  }

  /** A store may be lost of the buffer that the step is about and of its neighbours at once: the parts, each of one of them. */
  #byOwner({ rule, from, to }: MachineFault): Part[] {
    if (rule !== 'lost-write') return [{ from, to, inside: true }];
    const { agent, step } = this.#executing();
    const noted = this.#own.get(agent);
    const own = noted?.step === step ? noted.ranges : [];
    const bounds = own.flat().filter((at) => at > from && at < to);
    const cuts = [...new Set([from, ...bounds, to])].sort((a, b) => a - b);
    const parts: Part[] = [];
    for (const [i, low] of cuts.entries()) {
      const high = cuts[i + 1];
      if (high === undefined) break;
      parts.push({ from: low, to: high, inside: own.some(([first, end]) => first <= low && low < end) });
    }
    return parts;
  }
}

interface Part {
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** Of the buffer that the step is about. */
  readonly inside: boolean;
}
