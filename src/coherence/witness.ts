/**
 * The shortest execution in which a byte goes wrong, rebuilt only for what is reported.
 *
 * A search over (how many steps are done, state) that counts hardware moves first and everything else second.
 */
import { operate, type SpontaneousName, spontaneous, startState } from './moves.ts';
import { Mode, type ModeSet, Operation, type Start } from './operations.ts';
import { type ByteState, isLost, readsStaleThroughCache, stateNumber } from './state.ts';

/** One step of a byte's history: an operation, or windows opening and closing. */
export type Step = { readonly operation: Operation } | { readonly mode: ModeSet };

/** What went wrong, after step number `step` (its index): a read that returns an old value, or no copy left. */
export type Fault =
  | { readonly kind: 'stale-read'; readonly step: number }
  | { readonly kind: 'stale-device-window'; readonly step: number }
  | { readonly kind: 'lost'; readonly step: number };

/** One line of a witness: what happened, and what the copies hold after it. */
export interface WitnessStep {
  /** Index of the step; for a spontaneous event, of the step it follows (-1: before the first). */
  readonly step: number;
  /** Undefined for the step itself, else what happened by itself. */
  readonly spontaneous?: SpontaneousName;
  readonly state: ByteState;
}

export interface Witness {
  readonly hardwareMoves: number;
  readonly start: ByteState;
  readonly steps: readonly WitnessStep[];
}

interface Visit {
  readonly done: number;
  readonly state: ByteState;
  readonly mode: ModeSet;
  readonly moves: number;
  readonly length: number;
  readonly from: Visit | undefined;
  readonly spontaneous: SpontaneousName | undefined;
}

/**
 * Rebuild the execution with the fewest hardware moves that shows the fault, or undefined if none does.
 * For 'stale-read' the step is the read itself; the execution ends just before it.
 */
export function witness(start: Start, steps: readonly Step[], fault: Fault): Witness | undefined {
  const goalDone = fault.kind === 'stale-read' ? fault.step : fault.step + 1;
  const first = startState(start);
  const open: Visit[] = [
    { done: 0, state: first, mode: 0, moves: 0, length: 0, from: undefined, spontaneous: undefined },
  ];
  const seen = new Set<number>();
  while (open.length > 0) {
    // A few hundred visits at most: a plain scan for the best is enough.
    let best = 0;
    for (let i = 1; i < open.length; i++) if (isBefore(open[i] as Visit, open[best] as Visit)) best = i;
    const visit = open.splice(best, 1)[0] as Visit;
    const key = visit.done * 64 + stateNumber(visit.state);
    if (seen.has(key)) continue;
    seen.add(key);
    if (visit.done === goalDone && shows(fault, visit, steps)) return rebuild(first, visit);
    for (const move of spontaneous(visit.state, visit.mode))
      open.push({
        ...visit,
        state: move.to,
        moves: visit.moves + move.cost,
        length: visit.length + 1,
        from: visit,
        spontaneous: move.name,
      });
    const step = steps[visit.done];
    if (step === undefined || visit.done >= goalDone) continue;
    const after = 'mode' in step ? [visit.state] : operate(step.operation, visit.state);
    const mode = 'mode' in step ? step.mode : visit.mode;
    for (const state of after)
      open.push({
        done: visit.done + 1,
        state,
        mode,
        moves: visit.moves,
        length: visit.length + 1,
        from: visit,
        spontaneous: undefined,
      });
  }
  return undefined;
}

function isBefore(a: Visit, b: Visit): boolean {
  return a.moves !== b.moves ? a.moves < b.moves : a.length < b.length;
}

function shows(fault: Fault, visit: Visit, steps: readonly Step[]): boolean {
  if (fault.kind === 'lost') return isLost(visit.state);
  if (fault.kind === 'stale-device-window')
    return (visit.mode & Mode.deviceReads) !== 0 && !visit.state.memory;
  const step = steps[fault.step];
  if (step === undefined || !('operation' in step)) return false;
  const { operation } = step;
  if (operation === Operation.deviceRead || operation === Operation.cpuReadUncached)
    return !visit.state.memory;
  if (operation === Operation.snoopRead) return readsStaleThroughCache(visit.state);
  return (
    operation === Operation.cpuRead && visit.state.issued === 'none' && readsStaleThroughCache(visit.state)
  );
}

function rebuild(start: ByteState, last: Visit): Witness {
  const steps: WitnessStep[] = [];
  for (let visit: Visit | undefined = last; visit?.from; visit = visit.from)
    steps.push({
      step: visit.done - 1,
      state: visit.state,
      ...(visit.spontaneous === undefined ? {} : { spontaneous: visit.spontaneous }),
    });
  return { hardwareMoves: last.moves, start, steps: steps.reverse() };
}
