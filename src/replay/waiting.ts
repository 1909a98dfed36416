/** The operations that wait in a context, given to the entries of the DMA event they belong to. */
import type { Call } from './call.ts';
import { type ContextState, DEEPEST } from './contexts.ts';
import { type Entry, EntryMatcher } from './entry-matcher.ts';
import { NO_OPERATIONS, type Operation } from './operation.ts';

const NOTHING: readonly (readonly Operation[])[] = [];

/**
 * Take the operations of an event out of its context; by entry, in the order of the entries.
 *
 * Where swiotlb-xen's entry points were probed, the newest `total` calls of the kind are the event's. Elsewhere operations
 * go by address. What is not the event's stays: calls nest (an IOMMU driver syncs its page tables in the
 * middle of a map), and what stays belongs to an outer call.
 * @param total entries of the call; more than `entries` has where the list in the trace was cut.
 * @param entries asked for only where operations go by address.
 */
export function takeWaiting(
  context: ContextState,
  kind: Call['kind'],
  total: number,
  entries: () => readonly Entry[],
): readonly (readonly Operation[])[] {
  if (context.calls.length > 0) {
    const own = takeCalls(context, kind, total);
    if (own) return own;
  }
  if (context.operations.length === 0) return NOTHING;
  const list = entries();
  context.operations = takeByAddress(context.operations, list, context.nests);
  return list.map((entry) => entry.operations);
}

/** The usual case of an event with one entry: the innermost call is the event's. Undefined where it is not. */
export function takeInnermost(context: ContextState, kind: Call['kind']): readonly Operation[] | undefined {
  const { calls } = context;
  const last = calls.at(-1);
  if (last?.kind !== kind) return undefined;
  calls.pop();
  return last.operations;
}

/** As `takeWaiting`, for an event with one entry. */
export function takeWaitingOne(
  context: ContextState,
  kind: Call['kind'],
  entry: () => Entry,
): readonly Operation[] {
  return takeWaiting(context, kind, 1, () => [entry()])[0] ?? NO_OPERATIONS;
}

/** The operations of the newest calls of a kind, oldest first; undefined where there are not as many. */
function takeCalls(
  context: ContextState,
  kind: Call['kind'],
  total: number,
): (readonly Operation[])[] | undefined {
  const { calls } = context;
  const own: Call[] = [];
  for (let i = calls.length - 1; i >= 0 && own.length < total; i--) {
    const call = calls[i] as Call;
    if (call.kind === kind) own.push(call);
  }
  if (own.length < total) return undefined;
  context.calls = calls.length === own.length ? [] : calls.filter((call) => !own.includes(call));
  return own.reverse().map((call) => call.operations);
}

/** @returns what no entry took and an outer call may still want. */
function takeByAddress(
  operations: readonly Operation[],
  entries: readonly Entry[],
  nests: boolean,
): Operation[] {
  const matcher = new EntryMatcher(entries);
  const left = operations.filter((operation) => !matcher.exact(operation, true));
  if (left.length === 0) return left;
  const strays = left.filter((operation) => operation.passed > 0 || !matcher.overlapping(operation, nests));
  misdirected(entries, strays);
  for (const operation of strays) operation.passed++;
  return strays.filter((operation) => operation.passed < DEEPEST);
}

/**
 * An entry that got nothing, and a fresh stray of its size: the stray was meant for it and went to the wrong frame.
 * Takes such strays out.
 */
function misdirected(entries: readonly Entry[], strays: Operation[]): void {
  for (const entry of entries) {
    if (entry.operations.length > 0) continue;
    const index = strays.findLastIndex(({ size, passed }) => passed === 0 && size === entry.size);
    if (index >= 0) entry.operations.push(...strays.splice(index, 1));
  }
}

/** Drop operations on these physical addresses: of pieces whose lengths are not known. */
export function dropPieces(context: ContextState, pieces: ReadonlySet<number>): void {
  context.operations = context.operations.filter(({ addr }) => !pieces.has(addr));
}
