/** What came of a load. */
import type { Costs } from '../host/journal.ts';
import type { WrongBytes } from '../load/block-load.ts';
import type { RunFinding } from './findings.ts';

/** A range of the data that arrived wrong. */
export interface WrongRange extends Omit<WrongBytes, 'fault'> {
  /** Index of what made it so; undefined: not known. */
  readonly finding: number | undefined;
}

export interface LoadResult {
  /** Requests that were answered with an error, or not at all. */
  readonly errors: number;
  /** What came back, as long as the data; undefined where the machine has no bytes. */
  readonly arrived: Uint8Array | undefined;
  readonly wrong: readonly WrongRange[];
  readonly findings: readonly RunFinding[];
  readonly costs: Costs;
  /** DMA mappings, entries of lists counted one by one. */
  readonly mappings: number;
}

/** Bytes of the data; zeroes behind its end. */
export function padded(data: Uint8Array, at: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(data.subarray(at, at + size));
  return bytes;
}

/** By place, neighbours of one request that have one cause joined. */
export function joinedWrong(wrong: readonly WrongBytes[], ofFault: readonly number[]): WrongRange[] {
  const ranges: WrongRange[] = [];
  for (const { fault, ...range } of wrong.toSorted((a, b) => a.from - b.from)) {
    const finding = fault === undefined ? undefined : ofFault[fault];
    const last = ranges.at(-1);
    if (last && last.to === range.from && last.finding === finding && last.request === range.request)
      ranges[ranges.length - 1] = { ...last, to: range.to, differing: last.differing + range.differing };
    else ranges.push({ ...range, finding });
  }
  return ranges;
}
