/** Making the smallest input that still fails, whatever the input is. */

export interface Minimised<T> {
  /** Fails, and (where `minimal`) nothing that smaller() makes of it does. */
  readonly value: T;
  /** How often fails() was asked. */
  readonly tried: number;
  /** false: the budget was used up before. */
  readonly minimal: boolean;
}

/**
 * Greedy: takes the first smaller one that fails, and goes on from there until none does.
 * @param start fails; it is not tried again.
 * @param smaller smaller inputs to try, the boldest first. Must come to an end for every input, and smaller inputs of smaller
 *   inputs too (something must decrease), else only the budget ends it.
 * @param budget how often fails() may be asked.
 */
export function minimise<T>(
  start: T,
  smaller: (value: T) => Iterable<T>,
  fails: (value: T) => boolean,
  budget: number,
): Minimised<T> {
  let value = start;
  let tried = 0;
  for (;;) {
    let next: { readonly value: T } | undefined;
    for (const candidate of smaller(value)) {
      if (tried === budget) return { value, tried, minimal: false };
      tried += 1;
      if (fails(candidate)) {
        next = { value: candidate };
        break;
      }
    }
    if (!next) return { value, tried, minimal: true };
    value = next.value;
  }
}

/**
 * A list without some of its elements: delta debugging (Zeller and Hildebrandt, Simplifying and isolating failure-inducing
 * input, IEEE TSE 2002). Without everything, without each half, each quarter, ... each single element.
 */
export function* withoutSome<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let size = list.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < list.length; from += size) {
      yield [...list.slice(0, from), ...list.slice(from + size)];
    }
  }
}

/**
 * Smaller and rounder whole numbers, boldest first: the least, rounded down to powers of two (4096, 64 ...: a page, a line), half
 * the way, a quarter ..., one less. Each once.
 * @param least inclusive.
 */
export function* smallerNumbers(value: number, least = 0): Iterable<number> {
  const seen = new Set([value]);
  const candidates = [least];
  for (let unit = 2 ** Math.floor(Math.log2(Math.max(value, 1))); unit > 1; unit /= 2) {
    candidates.push(Math.floor(value / unit) * unit);
  }
  for (let step = Math.floor((value - least) / 2); step >= 1; step = Math.floor(step / 2)) {
    candidates.push(value - step);
  }
  for (const candidate of candidates) {
    if (candidate < least || candidate > value || seen.has(candidate)) continue;
    seen.add(candidate);
    yield candidate;
  }
}
