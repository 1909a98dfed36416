/**
 * The shortest execution in which a byte goes wrong, rebuilt only for what is reported.
 *
 * A search over (how many steps are done, state) that counts hardware moves first and everything else second.
 */
import type { ByteModel, Copy, SpontaneousName } from './model.ts';
import { byteModel } from './models.ts';
import type { ModeSet, Operation, Start } from './operations.ts';
import type { ByteState } from './state.ts';

/** One step of a byte's history: an operation, or windows opening and closing. */
export type Step = { readonly operation: Operation } | { readonly mode: ModeSet };

/** What went wrong, after step number `step` (its index): a read that returns an old value, or no copy left. */
export type Fault =
  | { readonly kind: 'stale-read'; readonly step: number }
  | { readonly kind: 'stale-device-window'; readonly step: number }
  | { readonly kind: 'lost'; readonly step: number };

/** One line of a witness: what happened, and what the copies hold after it. */
export interface WitnessStep<State = ByteState> {
  /** Index of the step; for a spontaneous event, of the step it follows (-1: before the first). */
  readonly step: number;
  /** Undefined for the step itself, else what happened by itself. */
  readonly spontaneous?: SpontaneousName;
  /** The cache that made a hardware move, by its name in `copies`. */
  readonly at?: string;
  readonly state: State;
  readonly copies: readonly Copy[];
}

export interface Witness<State = ByteState> {
  readonly hardwareMoves: number;
  readonly start: State;
  readonly startCopies: readonly Copy[];
  readonly steps: readonly WitnessStep<State>[];
}

interface Visit {
  readonly done: number;
  readonly state: number;
  readonly mode: ModeSet;
  readonly moves: number;
  readonly length: number;
  readonly from: Visit | undefined;
  readonly spontaneous: SpontaneousName | undefined;
  readonly at: string | undefined;
}

/**
 * Rebuild the execution with the fewest hardware moves that shows the fault, or undefined if none does.
 * For 'stale-read' the step is the read itself; the execution ends just before it. The model is the automaton's; where
 * its discipline is `ownership`, a stale read is one that returns another owner's data.
 */
export function witness(start: Start, steps: readonly Step[], fault: Fault): Witness | undefined;
export function witness<State>(
  start: Start,
  steps: readonly Step[],
  fault: Fault,
  model: ByteModel<State>,
): Witness<State> | undefined;
export function witness(
  start: Start,
  steps: readonly Step[],
  fault: Fault,
  model: ByteModel = byteModel('inner'),
): Witness<unknown> | undefined {
  const goalDone = fault.kind === 'stale-read' ? fault.step : fault.step + 1;
  const open = new Open();
  for (const state of model.start(start))
    open.push({
      done: 0,
      state,
      mode: 0,
      moves: 0,
      length: 0,
      from: undefined,
      spontaneous: undefined,
      at: undefined,
    });
  const seen = new Set<number>();
  for (let visit = open.pop(); visit; visit = open.pop()) {
    const key = visit.done * model.states.length + visit.state;
    if (seen.has(key)) continue;
    seen.add(key);
    if (visit.done === goalDone && shows(fault, visit, steps, model)) return rebuild(visit, model);
    const next = { ...visit, length: visit.length + 1, from: visit };
    for (const { to, cost, name, at } of model.spontaneous(visit.state, visit.mode))
      open.push({ ...next, state: to, moves: visit.moves + cost, spontaneous: name, at });
    const step = steps[visit.done];
    if (step === undefined || visit.done >= goalDone) continue;
    const after = 'mode' in step ? [visit.state] : model.operate(step.operation, visit.state);
    const mode = 'mode' in step ? step.mode : visit.mode;
    for (const state of after)
      open.push({ ...next, done: visit.done + 1, state, mode, spontaneous: undefined, at: undefined });
  }
  return undefined;
}

/** Visits to come: fewest hardware moves first, then the shortest, then the oldest. */
class Open {
  /** By moves, then by length: queues. Both are small numbers. */
  readonly #queues: Visit[][][] = [];

  push(visit: Visit): void {
    this.#queues[visit.moves] ??= [];
    const byLength = this.#queues[visit.moves] as Visit[][];
    byLength[visit.length] ??= [];
    byLength[visit.length]?.push(visit);
  }

  pop(): Visit | undefined {
    for (const byLength of this.#queues)
      for (const queue of byLength ?? []) {
        const visit = queue?.shift();
        if (visit) return visit;
      }
    return undefined;
  }
}

function shows(fault: Fault, visit: Visit, steps: readonly Step[], model: ByteModel): boolean {
  if (fault.kind === 'lost') return model.isLost(visit.state);
  if (fault.kind === 'stale-device-window') return model.windowReadsBad(visit.mode, visit.state);
  const step = steps[fault.step];
  return step !== undefined && 'operation' in step && model.readsBad(step.operation, visit.state);
}

function rebuild(last: Visit, model: ByteModel): Witness<unknown> {
  const steps: WitnessStep<unknown>[] = [];
  let visit = last;
  for (; visit.from; visit = visit.from)
    steps.push({
      step: visit.done - 1,
      state: model.states[visit.state],
      copies: model.describe(visit.state),
      ...(visit.spontaneous !== undefined && { spontaneous: visit.spontaneous }),
      ...(visit.at !== undefined && { at: visit.at }),
    });
  return {
    hardwareMoves: last.moves,
    start: model.states[visit.state],
    startCopies: model.describe(visit.state),
    steps: steps.reverse(),
  };
}
