/**
 * A byte model: what the copies of one byte can do on some hardware, as tables over numbered states.
 *
 * The automaton and the witness know hardware only through this. `caches.ts` builds a model from a small move table.
 */
import type { DisciplineName } from './disciplines.ts';
import type { HardwareMove, ModeSet, Operation, Start } from './operations.ts';

export type SpontaneousName =
  | keyof typeof HardwareMove
  | 'issued maintenance takes effect'
  | 'device writes'
  | 'device writes a neighbour'
  | 'neighbour is written';

/** A change that may happen between two operations. */
export interface Spontaneous {
  readonly to: number;
  /** 1 for a hardware move, 0 for what a mode allows or a pending operation taking effect. */
  readonly cost: 0 | 1;
  readonly name: SpontaneousName;
  /** The cache that moves by itself, by its name in `describe`; undefined for what is no hardware move. */
  readonly at?: string;
}

/** What one copy of the byte holds. */
export interface Copy {
  /** "cache", "outer cache", "memory", "CPU 0" ... the same for every state of a model, in the same order. */
  readonly name: string;
  /** State of the line it is in; undefined for memory. */
  readonly line: 'absent' | 'clean' | 'dirty' | undefined;
  /** In the words of the discipline ("current", "old"; "own", "another's"); undefined where the line is absent. */
  readonly value: string | undefined;
  /** More about the line, e.g. its size; undefined where there is nothing to say. */
  readonly note?: string;
}

export interface ByteModel<State = unknown> {
  readonly name: string;
  readonly discipline: DisciplineName;
  /** Every state, by number. */
  readonly states: readonly State[];
  /** Where a byte may start out; all of it without any hardware move. */
  start(start: Start): readonly number[];
  /** The states an operation may lead to; more than one where the architecture leaves a choice. */
  operate(operation: Operation, state: number): readonly number[];
  /** What may happen between two operations under these modes. */
  spontaneous(state: number, mode: ModeSet): readonly Spontaneous[];
  /** Can this read, done in this state, return a value without the flag. False for what is no judged read, and for a
   * read that waits for issued maintenance: the state where that is complete answers. */
  readsBad(read: Operation, state: number): boolean;
  /** The same for the reads of the windows that are open. */
  windowReadsBad(mode: ModeSet, state: number): boolean;
  /** No copy has the flag, and that is a fault. */
  isLost(state: number): boolean;
  describe(state: number): readonly Copy[];
}
