/** What one byte went through on the adversarial machine, so that its shortest execution can be rebuilt. */
import type { MachineAddr } from '../address/index.ts';
import type { Fault, Start, Step } from '../coherence/index.ts';
import type { MachineRule } from './machine.ts';

/** What the caller was executing: a number of its own, recorded with every step. */
export type Label = number;

export interface HistoryStep {
  readonly step: Step;
  readonly label: Label;
}
export interface HistoryFault {
  readonly rule: MachineRule;
  readonly moves: number;
  readonly consequence: boolean;
  readonly label: Label;
  /** For witness(), together with the start and the steps. */
  readonly fault: Fault;
}
export interface History {
  readonly at: MachineAddr;
  readonly start: Start;
  readonly steps: readonly HistoryStep[];
  readonly faults: readonly HistoryFault[];
}

export class HistoryLog implements History {
  readonly at: MachineAddr;
  start: Start;
  steps: HistoryStep[] = [];
  faults: HistoryFault[] = [];
  label: Label = 0;

  constructor(at: MachineAddr, start: Start) {
    this.at = at;
    this.start = start;
  }

  /** Begin again: memory was initialised. */
  restart(from: MachineAddr, to: MachineAddr, start: Start): void {
    if (!this.#covers(from, to)) return;
    this.start = start;
    this.steps = [];
    this.faults = [];
  }

  push(from: MachineAddr, to: MachineAddr, step: Step): void {
    if (this.#covers(from, to)) this.steps.push({ step, label: this.label });
  }

  /**
   * Something was found of the bytes [from, to).
   * @param pushed the operation that is at fault is among the steps already; otherwise it is the next one.
   */
  found(
    from: MachineAddr,
    to: MachineAddr,
    kind: Fault['kind'],
    about: Omit<HistoryFault, 'label' | 'fault'>,
    pushed: boolean,
  ): void {
    if (!this.#covers(from, to)) return;
    const step = this.steps.length - (pushed ? 1 : 0);
    this.faults.push({ ...about, label: this.label, fault: { kind, step } });
  }

  #covers(from: MachineAddr, to: MachineAddr): boolean {
    return from <= this.at && this.at < to;
  }
}
