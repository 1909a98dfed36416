/** The same operation elsewhere, by another CPU, or not broadcast. */
import { Operation } from './operations.ts';

const O = Operation;

/** What each operation of CPU 0 is called where CPU 1 does it. */
export const BY_CPU1: Partial<Record<Operation, Operation>> = {
  [O.cpuRead]: O.cpu1Read,
  [O.cpuWrite]: O.cpu1Write,
  [O.cpuWriteNeighbour]: O.cpu1WriteNeighbour,
  [O.cpuWriteUndefined]: O.cpu1WriteUndefined,
  [O.clean]: O.cpu1Clean,
  [O.invalidate]: O.cpu1Invalidate,
  [O.cleanInvalidate]: O.cpu1CleanInvalidate,
  [O.issueClean]: O.cpu1IssueClean,
  [O.issueInvalidate]: O.cpu1IssueInvalidate,
  [O.issueCleanInvalidate]: O.cpu1IssueCleanInvalidate,
  [O.barrier]: O.cpu1Barrier,
  [O.localClean]: O.cpu1LocalClean,
  [O.localInvalidate]: O.cpu1LocalInvalidate,
  [O.localCleanInvalidate]: O.cpu1LocalCleanInvalidate,
  [O.issueLocalClean]: O.cpu1IssueLocalClean,
  [O.issueLocalInvalidate]: O.cpu1IssueLocalInvalidate,
  [O.issueLocalCleanInvalidate]: O.cpu1IssueLocalCleanInvalidate,
};

/** What each broadcast maintenance operation of CPU 0 is called where it is local. */
export const LOCAL: Partial<Record<Operation, Operation>> = {
  [O.clean]: O.localClean,
  [O.invalidate]: O.localInvalidate,
  [O.cleanInvalidate]: O.localCleanInvalidate,
  [O.issueClean]: O.issueLocalClean,
  [O.issueInvalidate]: O.issueLocalInvalidate,
  [O.issueCleanInvalidate]: O.issueLocalCleanInvalidate,
};

/** What each operation of CPU 0 or a snooping device is called where it is aimed elsewhere. */
export const ELSEWHERE: Partial<Record<Operation, Operation>> = {
  [O.cpuRead]: O.cpuReadElsewhere,
  [O.cpuWrite]: O.cpuWriteElsewhere,
  [O.cpuWriteNeighbour]: O.cpuWriteElsewhere,
  [O.cpuWriteUndefined]: O.cpuWriteElsewhere,
  [O.snoopWrite]: O.snoopWriteElsewhere,
  [O.snoopWriteNeighbour]: O.snoopWriteElsewhere,
  [O.clean]: O.cleanElsewhere,
  [O.invalidate]: O.invalidateElsewhere,
  [O.cleanInvalidate]: O.cleanInvalidateElsewhere,
  [O.invalidateOne]: O.invalidateOneElsewhere,
  [O.issueClean]: O.issueCleanElsewhere,
  [O.issueInvalidate]: O.issueInvalidateElsewhere,
  [O.issueCleanInvalidate]: O.issueCleanInvalidateElsewhere,
  [O.barrier]: O.barrier,
};

const OUTER: Partial<Record<Operation, Operation>> = {
  [O.clean]: O.outerClean,
  [O.invalidate]: O.outerInvalidate,
  [O.cleanInvalidate]: O.outerCleanInvalidate,
};

/** The operation (named for CPU 0), done by this CPU. What no CPU does, or any CPU does alike, stays as it is. */
export const onCpu = (operation: Operation, cpu: 0 | 1): Operation =>
  cpu === 0 ? operation : (BY_CPU1[operation] ?? operation);
/** Maintenance (named for CPU 0), executed without broadcast; any other operation as it is. */
export const local = (operation: Operation): Operation => LOCAL[operation] ?? operation;
/** What an operation on another small line of the same big granule is to this byte; undefined: nothing. */
export const elsewhere = (operation: Operation): Operation | undefined => ELSEWHERE[operation];
/** The outer cache's operation of the same kind as complete maintenance by VA; undefined for anything else. */
export const outer = (operation: Operation): Operation | undefined => OUTER[operation];
