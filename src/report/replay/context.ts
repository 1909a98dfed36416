/** What a report says besides the result itself. */
import type { ReplayResult } from '../../replay/index.ts';
import type { TraceSummary } from '../../trace/index.ts';
import type { KernelSourceReport } from '../kernel-source-facts.ts';

export interface ReportContext {
  /** The trace's name as the user gave it. */
  readonly file: string;
  readonly summary: TraceSummary;
  readonly result: ReplayResult;
  /** As given with --kernel, or inferred. */
  readonly kernel: string;
  readonly ownDesign: string;
  readonly ownDesignBecause: string;
  /** Tracks to show, by name. */
  readonly shown: ReadonlySet<string>;
  /** A kernel's source is among the designs. */
  readonly source?: KernelSourceReport | undefined;
  /** What stopped the reading before the end of the trace. */
  readonly cut: string | undefined;
}

/** What every verdict assumes (docs/judging.md), for people. */
export const ASSUMPTIONS: readonly string[] = [
  'before a map any byte of the buffer may be dirty in the cache, and what the owner wrote into a TO_DEVICE or BIDIRECTIONAL buffer must reach the device',
  'while mapped, the device may read (TO_DEVICE, BIDIRECTIONAL) or write (FROM_DEVICE, BIDIRECTIONAL) any byte; it has finished before the maintenance of the unmap or sync_for_cpu begins, and then the CPU reads what it wrote',
  'caches may fill, write back and evict any line at any time',
  'errors hold under the mildest reading of what drivers do; hazards depend on whether neighbours in shared lines are in use, or on a stricter reading',
  'a bounced mapping is judged on its slot; every design is taken to bounce what the trace bounced',
];
