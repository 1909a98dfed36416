/**
 * The states of one byte of one cache line.
 *
 * Only three facts decide what a reader sees: where the line is, whether memory's copy of the byte is the
 * current value, and whether the cached copy is. With maintenance that is issued but not yet complete (no DSB)
 * that makes 10 x 4 states.
 */

export type Line = 'absent' | 'clean' | 'dirty';
/** Maintenance issued and not completed by a barrier. */
export type Issued = 'none' | 'clean' | 'invalidate' | 'cleanInvalidate';

export interface ByteState {
  readonly line: Line;
  /** Memory's copy of the byte is the current value. */
  readonly memory: boolean;
  /** The cached copy is the current value; false where the line is absent. */
  readonly cached: boolean;
  readonly issued: Issued;
}

const LINES: readonly Line[] = ['absent', 'clean', 'dirty'];
const ISSUED: readonly Issued[] = ['none', 'clean', 'invalidate', 'cleanInvalidate'];

function listStates(): ByteState[] {
  const states: ByteState[] = [];
  for (const issued of ISSUED)
    for (const line of LINES)
      for (const memory of [true, false])
        for (const cached of line === 'absent' ? [false] : [true, false])
          states.push({ line, memory, cached, issued });
  return states;
}

/** Every state, by number. */
export const STATES: readonly ByteState[] = listStates();

const numbers = new Map(STATES.map((state, number) => [keyOf(state), number]));

function keyOf(state: ByteState): string {
  return `${state.line} ${state.memory} ${state.cached} ${state.issued}`;
}

/** Number of a state; `cached` is ignored where the line is absent. */
export function stateNumber(state: ByteState): number {
  const number = numbers.get(keyOf(state.line === 'absent' ? { ...state, cached: false } : state));
  if (number === undefined) throw new Error(`no such state: ${keyOf(state)}`);
  return number;
}

/** True if a load through the cache returns an old value: the cached copy if there is one, else memory's. */
export function readsStaleThroughCache(state: ByteState): boolean {
  return state.line === 'absent' ? !state.memory : !state.cached;
}

/** True if no copy holds the current value any more: it is lost for good. */
export function isLost(state: ByteState): boolean {
  return !state.memory && !(state.line !== 'absent' && state.cached);
}
