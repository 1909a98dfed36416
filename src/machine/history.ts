/** What one byte went through on the adversarial machine, so that its shortest execution can be rebuilt. */
import type { MachineAddr } from '../address/index.ts';
import {
  type DisciplineName,
  type Fault,
  type ModelName,
  type Start,
  type Step,
  type Witness,
  witness,
} from '../coherence/index.ts';
import { byteModelOf } from './hardware.ts';
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
  /** Which of the two questions about the byte it answers. */
  readonly discipline: DisciplineName;
  /** For witness(), together with the start and the steps. */
  readonly fault: Fault;
}
export interface History {
  readonly at: MachineAddr;
  readonly model: ModelName;
  readonly start: Start;
  /** The first so many steps are how the byte began: what its neighbours had done to its line, windows open before. */
  readonly begun: number;
  /** Steps that were made and forgotten when the byte began (anew). */
  readonly forgotten: number;
  readonly steps: readonly HistoryStep[];
  readonly faults: readonly HistoryFault[];
}

/** The execution with the fewest hardware moves in which the byte goes wrong like this; undefined if there is none. */
export function shortestExecution(history: History, fault: HistoryFault): Witness<unknown> | undefined {
  return witness(
    history.start,
    history.steps.map(({ step }) => step),
    fault.fault,
    byteModelOf(history.model, fault.discipline),
  );
}

/** Writes a history down. */
export class HistoryLog implements History {
  readonly at: MachineAddr;
  readonly model: ModelName;
  start: Start;
  begun = 0;
  forgotten = 0;
  steps: HistoryStep[] = [];
  faults: HistoryFault[] = [];
  label: Label = 0;

  constructor(at: MachineAddr, model: ModelName, start: Start) {
    this.at = at;
    this.model = model;
    this.start = start;
  }

  covers(from: MachineAddr, to: MachineAddr): boolean {
    return from <= this.at && this.at < to;
  }

  /** Begin again, with these steps: the byte was initialised. */
  restart(start: Start, steps: readonly Step[]): void {
    this.forgotten += this.steps.length - this.begun;
    this.start = start;
    this.begun = steps.length;
    this.steps = steps.map((step) => ({ step, label: this.label }));
    this.faults = [];
  }

  push(step: Step): void {
    this.steps.push({ step, label: this.label });
  }

  /** A read that is judged is the next step, everything else the last one. */
  found(kind: Fault['kind'], about: Omit<HistoryFault, 'label' | 'fault'>): void {
    const step = kind === 'stale-read' ? this.steps.length : this.steps.length - 1;
    this.faults.push({ ...about, label: this.label, fault: { kind, step } });
  }
}
