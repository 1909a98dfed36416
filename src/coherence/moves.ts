/**
 * How the byte's state changes: by an operation, by what a mode allows, by the hardware on its own.
 *
 * Small readable functions over states; the automaton tabulates them once. `docs/limits.md` lists what is
 * left out (whole-line write back, no store buffer, uncached accesses never hit a cached copy).
 */
import { type HardwareMove, Mode, type ModeSet, Operation, Start } from './operations.ts';
import type { ByteState, Issued } from './state.ts';

/** A change that may happen between two operations. */
export interface Spontaneous {
  readonly to: ByteState;
  /** 1 for a hardware move, 0 for what a mode allows or a pending operation taking effect. */
  readonly cost: 0 | 1;
  readonly name: SpontaneousName;
}
export type SpontaneousName =
  | keyof typeof HardwareMove
  | 'issued maintenance takes effect'
  | 'device writes'
  | 'neighbour is written';

const absent = (s: ByteState): ByteState => ({ ...s, line: 'absent', cached: false });
/** Dirty data reaches memory; the line stays, clean. Nothing happens to an absent or clean line. */
const writtenBack = (s: ByteState): ByteState =>
  s.line === 'dirty' ? { ...s, line: 'clean', memory: s.cached } : s;
/** The line is loaded from memory if it is absent. */
const filled = (s: ByteState): ByteState =>
  s.line === 'absent' ? { ...s, line: 'clean', cached: s.memory } : s;
const dirtied = (s: ByteState): ByteState => ({ ...filled(s), line: 'dirty' });
/** Memory gets a new current value behind the cache's back. */
const memoryWritten = (s: ByteState): ByteState => ({ ...s, memory: true, cached: false });

function cleaned(s: ByteState): ByteState[] {
  const after = writtenBack(s);
  return after.line === 'absent' ? [after] : [after, absent(after)];
}
function invalidated(s: ByteState): ByteState[] {
  return s.line === 'dirty' ? [absent(s), absent(writtenBack(s))] : [absent(s)];
}
const cleanInvalidated = (s: ByteState): ByteState[] => [absent(writtenBack(s))];

const COMPLETE: Readonly<Record<Issued, (s: ByteState) => ByteState[]>> = {
  none: (s) => [s],
  clean: cleaned,
  invalidate: invalidated,
  cleanInvalidate: cleanInvalidated,
};

/** The issued maintenance, if any, takes effect. */
export function complete(s: ByteState): ByteState[] {
  return COMPLETE[s.issued]({ ...s, issued: 'none' });
}

/** After what is issued: maintenance and cacheable accesses to one line keep program order (Arm ARM D7.5.9). */
const inOrder =
  (then: (s: ByteState) => ByteState[]) =>
  (s: ByteState): ByteState[] =>
    complete(s).flatMap(then);
const issue = (issued: Issued) => inOrder((s) => [{ ...s, issued }]);

const OPERATE: Readonly<Record<Operation, (s: ByteState) => ByteState[]>> = {
  [Operation.cpuRead]: inOrder((s) => [filled(s)]),
  [Operation.cpuWrite]: inOrder((s) => [{ ...s, line: 'dirty', memory: false, cached: true }]),
  [Operation.cpuWriteNeighbour]: inOrder((s) => [dirtied(s)]),
  [Operation.cpuReadUncached]: (s) => [s],
  [Operation.cpuWriteUncached]: (s) => [memoryWritten(s)],
  [Operation.deviceRead]: (s) => [s],
  [Operation.deviceWrite]: (s) => [memoryWritten(s)],
  [Operation.snoopRead]: (s) => [s],
  [Operation.snoopWrite]: (s) => [memoryWritten(absent(s))],
  [Operation.snoopWriteNeighbour]: cleanInvalidated,
  [Operation.clean]: inOrder(cleaned),
  [Operation.invalidate]: inOrder(invalidated),
  [Operation.cleanInvalidate]: inOrder(cleanInvalidated),
  [Operation.issueClean]: issue('clean'),
  [Operation.issueInvalidate]: issue('invalidate'),
  [Operation.issueCleanInvalidate]: issue('cleanInvalidate'),
  [Operation.barrier]: complete,
};

/** The states an operation may lead to; more than one where the architecture leaves a choice. */
export function operate(operation: Operation, state: ByteState): ByteState[] {
  return OPERATE[operation](state);
}

/** What may happen between two operations under these modes. */
export function spontaneous(state: ByteState, mode: ModeSet): Spontaneous[] {
  const moves: Spontaneous[] = [];
  const hardware = (name: keyof typeof HardwareMove, to: ByteState) => moves.push({ name, to, cost: 1 });
  const free = (name: SpontaneousName, to: ByteState) => moves.push({ name, to, cost: 0 });

  if (state.line === 'absent' && !(mode & Mode.noFills)) hardware('fill', filled(state));
  if (state.line === 'dirty') hardware('writeBack', writtenBack(state));
  if (state.line !== 'absent') hardware('evict', absent(writtenBack(state)));
  if (state.issued !== 'none') for (const to of complete(state)) free('issued maintenance takes effect', to);
  if (mode & Mode.deviceWrites) free('device writes', memoryWritten(state));
  if (mode & Mode.neighbourWrites) free('neighbour is written', dirtied(state));
  return moves;
}

/** The state at the beginning. */
export function startState(start: Start): ByteState {
  if (start === Start.memoryOnly) return { line: 'absent', memory: true, cached: false, issued: 'none' };
  return { line: 'dirty', memory: start === Start.dontCare, cached: true, issued: 'none' };
}
