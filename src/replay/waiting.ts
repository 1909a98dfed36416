/** The operations that wait in a context, given to the entries of the DMA event they belong to. */
import type { Call, ContextState } from './contexts.ts';
import { type Entry, EntryMatcher } from './entry-matcher.ts';
import type { Operation } from './operation.ts';

const NOTHING: readonly (readonly Operation[])[] = [];

/** Calls nest this deep at most; an operation that so many events passed by belongs to a call that no event reports. */
const DEEPEST = 4;

/**
 * Take the operations of an event out of its context; by entry, in the order of the entries.
 *
 * Where swiotlb-xen's entry points were probed, the last `total` calls of the kind are the event's, and what waited before
 * them is nobody's. Elsewhere operations go by address, and the others stay: calls nest (an IOMMU driver syncs
 * its page tables in the middle of a map), and what stays belongs to an outer call.
 * @param total entries of the call; more than `entries` where the list in the trace was cut.
 */
export function takeWaiting(
  context: ContextState,
  kind: Call['kind'],
  entries: readonly Entry[],
  total = entries.length,
): readonly (readonly Operation[])[] {
  const { operations, calls } = context;
  if (operations.length === 0 && calls.length === 0) return NOTHING;
  if (calls.length > 0) {
    const own = calls.filter((call) => call.kind === kind).slice(-total);
    context.clear();
    if (own.length === total) return takeByCalls(operations, calls, own);
  }
  context.operations = takeByAddress(operations, entries);
  return entries.map((entry) => entry.operations);
}

/** The operations between the start of a call and the next one are the call's. */
function takeByCalls(
  operations: readonly Operation[],
  calls: readonly Call[],
  own: readonly Call[],
): readonly (readonly Operation[])[] {
  return own.map((call) => {
    const next = calls[calls.indexOf(call) + 1];
    return operations.slice(call.start, next?.start ?? operations.length);
  });
}

/** @returns what no entry took and an outer call may still want. */
function takeByAddress(operations: readonly Operation[], entries: readonly Entry[]): Operation[] {
  const matcher = new EntryMatcher(entries);
  const left = operations.filter((operation) => !matcher.exact(operation));
  if (left.length === 0) return left;
  const strays = left.filter((operation) => operation.passed > 0 || !matcher.overlapping(operation));
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
