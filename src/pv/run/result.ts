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
  /** Requests that were answered with an error. */
  readonly errors: number;
  /** What came back, as long as the data; undefined where the machine has no bytes. */
  readonly arrived: Uint8Array | undefined;
  readonly wrong: readonly WrongRange[];
  readonly findings: readonly RunFinding[];
  readonly costs: Costs;
  /** DMA mappings, entries of lists counted one by one. */
  readonly mappings: number;
}
