/**
 * The oracles of the coherence engine: whole cache lines with several bytes and real values, every execution explored.
 * Written from the text of operations.ts and of each model alone, apart from the engine, to be compared with it.
 *
 * Slow and plain on purpose: no sets, no tables, nothing remembered between calls.
 */
import { Mode, type ModeSet, Operation, type Start } from '../operations.ts';
import { type Bytes, isDisclosed, isStale, judged, type Values } from './values.ts';

export type Step = { readonly operation: Operation } | { readonly mode: ModeSet };

/** Each is the fewest spontaneous hardware moves of an execution in which it happens; Infinity: it never does. */
export interface Verdict {
  /** This step's read, or a device's read at any moment after it that a window allows, returns an older value. */
  readonly staleMoves: number;
  /** After this step, no copy holds the current value of the judged byte. */
  readonly lostMoves: number;
  /** This step's read, or a window's, returns a value that was stored before the page got its present owner. */
  readonly disclosedMoves: number;
}

export interface Outcome<State> {
  readonly state: State;
  /** The copy that a judged read returned. */
  readonly read?: Bytes;
}

/** One kind of hardware. */
export interface Hardware<State extends Values> {
  readonly initial: (start: Start) => readonly State[];
  /** More than one outcome where the architecture leaves a choice. */
  readonly execute: (operation: Operation, state: State) => readonly Outcome<State>[];
  /** What hardware does by itself, each one move. */
  readonly moves: (state: State, mode: ModeSet) => readonly State[];
  /** Issued maintenance taking effect, and what the mode allows. */
  readonly uncounted: (state: State, mode: ModeSet) => readonly State[];
  /** Every copy of the line that there is. */
  readonly copies: (state: State) => readonly Bytes[];
  /** Equal for states from which the same can happen. */
  readonly key: (state: State) => string;
}

/** The verdict after each step, over all executions from `start`. A read never prunes, whatever it returned. */
export function everyExecution<State extends Values>(
  hardware: Hardware<State>,
  start: Start,
  steps: readonly Step[],
  firstMode: ModeSet = 0,
): Verdict[] {
  let mode = firstMode;
  let reached = closure(hardware, [hardware.initial(start)], mode);
  return steps.map((step) => {
    let reads: Layers<Outcome<State>> = [];
    if ('mode' in step) {
      mode = step.mode;
    } else {
      reads = reached.map((states) => states.flatMap((state) => hardware.execute(step.operation, state)));
      reached = reads.map((layer) => layer.map(({ state }) => state));
    }
    reached = closure(hardware, reached, mode);
    const byWindows = reached.map((states) => states.flatMap((state) => windowReads(hardware, state, mode)));
    const badRead = (bad: (state: State, value: number) => boolean) => {
      const isBad = ({ state, read }: Outcome<State>) => read !== undefined && bad(state, judged(read));
      return Math.min(fewestMoves(reads, isBad), fewestMoves(byWindows, isBad));
    };
    return {
      staleMoves: badRead(isStale),
      lostMoves: fewestMoves(reached, (state) =>
        hardware.copies(state).every((copy) => isStale(state, judged(copy))),
      ),
      disclosedMoves: badRead(isDisclosed),
    };
  });
}

/** Something at index m was reached with m spontaneous hardware moves. */
type Layers<T> = readonly (readonly T[])[];

function windowReads<State extends Values>(
  { execute }: Hardware<State>,
  state: State,
  mode: ModeSet,
): Outcome<State>[] {
  return [
    ...(mode & Mode.deviceReads ? execute(Operation.deviceRead, state) : []),
    ...(mode & Mode.snoopReads ? execute(Operation.snoopRead, state) : []),
  ];
}

/** Everything that can have happened before the next step, each state with the fewest moves that lead to it. */
function closure<State extends Values>(
  { moves, uncounted, key }: Hardware<State>,
  seeds: Layers<State>,
  mode: ModeSet,
): Layers<State> {
  const waiting = seeds.map((layer) => [...layer]);
  const settled: State[][] = [];
  const seen = new Set<string>();
  for (let made = 0; made < waiting.length; made++) {
    const layer: State[] = [];
    const queue = waiting[made] ?? [];
    for (const state of queue) {
      const name = key(state);
      if (seen.has(name)) continue;
      seen.add(name);
      layer.push(state);
      queue.push(...uncounted(state, mode));
      const later = moves(state, mode);
      if (later.length > 0) waiting[made + 1] ??= [];
      waiting[made + 1]?.push(...later);
    }
    settled.push(layer);
  }
  return settled;
}

function fewestMoves<T>(layers: Layers<T>, bad: (item: T) => boolean): number {
  const moves = layers.findIndex((layer) => layer.some(bad));
  return moves < 0 ? Infinity : moves;
}
