/** Half-open byte ranges [from, to) of one kind of address, and sets of them. */
import type { AnyAddr } from './kinds.ts';

/** [from, to): `to` is the first byte after the range. Empty if from >= to. */
export type ByteRange<A extends AnyAddr> = readonly [from: A, to: A];

/** Sort, drop empty ranges and join those that overlap or touch. */
export function joinRanges<A extends AnyAddr>(ranges: Iterable<ByteRange<A>>): ByteRange<A>[] {
  const sorted = [...ranges].filter(([from, to]) => from < to).sort((a, b) => a[0] - b[0]);
  const joined: [A, A][] = [];
  for (const [from, to] of sorted) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(to, last[1]) as A;
    else joined.push([from, to]);
  }
  return joined;
}

/** What of some ranges lies in others too. Both may be unsorted and overlap. */
export function commonRanges<A extends AnyAddr>(
  some: Iterable<ByteRange<A>>,
  others: Iterable<ByteRange<A>>,
): ByteRange<A>[] {
  const [left, right] = [joinRanges(some), joinRanges(others)];
  const common: ByteRange<A>[] = [];
  for (let i = 0, j = 0; ; ) {
    const [a, b] = [left[i], right[j]];
    if (a === undefined || b === undefined) return common;
    const from = a[0] > b[0] ? a[0] : b[0];
    const to = a[1] < b[1] ? a[1] : b[1];
    if (from < to) common.push([from, to]);
    if (a[1] < b[1]) i += 1;
    else j += 1;
  }
}

/** What of some ranges lies in none of the others. */
export function rangesWithout<A extends AnyAddr>(
  some: Iterable<ByteRange<A>>,
  others: Iterable<ByteRange<A>>,
): ByteRange<A>[] {
  const holes = joinRanges(others);
  const left: ByteRange<A>[] = [];
  let next = 0;
  for (const [start, to] of joinRanges(some)) {
    let from = start;
    // A hole that reaches beyond this range may cut the one after it too: it stays the next.
    for (; from < to; next += 1) {
      const hole = holes[next];
      if (hole === undefined || hole[0] >= to) {
        left.push([from, to]);
        break;
      }
      if (hole[0] > from) left.push([from, hole[0]]);
      if (hole[1] > from) from = hole[1];
      if (hole[1] > to) break;
    }
  }
  return left;
}

/** A set of bytes as disjoint ranges, looked up by bisection. */
export class RangeSet<A extends AnyAddr> {
  readonly ranges: readonly ByteRange<A>[];

  constructor(ranges: Iterable<ByteRange<A>>) {
    this.ranges = joinRanges(ranges);
  }

  /** The range that holds the byte, or undefined. */
  find(addr: A): ByteRange<A> | undefined {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const range = this.ranges[middle];
      if (range === undefined || addr < range[0]) high = middle;
      else if (addr >= range[1]) low = middle + 1;
      else return range;
    }
    return undefined;
  }

  has(addr: A): boolean {
    return this.find(addr) !== undefined;
  }
}
