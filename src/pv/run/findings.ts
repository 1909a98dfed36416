/** What went wrong in a run, each thing once: faults with one explanation, and all bytes that they concern. */
import { type ByteRange, joinRanges, type MachineAddr } from '../../address/index.ts';
import { type Cause, causeOf } from '../host/explain.ts';
import type { Journal } from '../host/journal.ts';

export interface RunFinding {
  /** The first of its faults, explained. */
  readonly cause: Cause;
  /** Machine memory, ascending. */
  readonly ranges: readonly ByteRange<MachineAddr>[];
  /** It follows from another one. */
  readonly consequence: boolean;
}

export interface RunFindings {
  readonly findings: readonly RunFinding[];
  /** Index of a fault's finding. */
  readonly ofFault: readonly number[];
}

export function findingsOf(journal: Journal, lineSize: number): RunFindings {
  const groups = new Map<string, number>();
  const found: { cause: Cause; ranges: ByteRange<MachineAddr>[]; consequence: boolean }[] = [];
  const ofFault = journal.faults.map((fault) => {
    const cause = causeOf(fault, journal, lineSize);
    const { mapping, flush } = cause;
    const key = [
      fault.rule,
      fault.consequence,
      mapping?.number,
      flush?.phase,
      flush?.issued,
      fault.what,
    ].join();
    const index = groups.get(key) ?? found.push({ cause, ranges: [], consequence: fault.consequence }) - 1;
    groups.set(key, index);
    found[index]?.ranges.push([fault.from, fault.to]);
    return index;
  });
  const findings = found.map((each) => ({ ...each, ranges: joinRanges(each.ranges) }));
  return { findings, ofFault };
}
