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
  const right = joinRanges(others);
  return joinRanges(some).flatMap(([from, to]) =>
    right
      .map((other): ByteRange<A> => [from > other[0] ? from : other[0], to < other[1] ? to : other[1]])
      .filter(([start, end]) => start < end),
  );
}

/** What of some ranges lies in none of the others. */
export function rangesWithout<A extends AnyAddr>(
  some: Iterable<ByteRange<A>>,
  others: Iterable<ByteRange<A>>,
): ByteRange<A>[] {
  let left = joinRanges(some);
  for (const [from, to] of joinRanges(others))
    left = left
      .flatMap((range): ByteRange<A>[] => [
        [range[0], range[1] < from ? range[1] : from],
        [range[0] > to ? range[0] : to, range[1]],
      ])
      .filter(([start, end]) => start < end);
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
