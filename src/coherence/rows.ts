/** Parts of move tables that several kinds of hardware share. */
import type { Row, Rows } from './caches.ts';
import { OPERATIONS, Operation } from './operations.ts';
import { BY_CPU1, LOCAL } from './variants.ts';

type Some<Copies> = Partial<Record<Operation, Row<Copies>>>;

const ELSEWHERE: readonly Operation[] = [
  Operation.cpuWriteElsewhere,
  Operation.snoopWriteElsewhere,
  Operation.cleanElsewhere,
  Operation.invalidateElsewhere,
  Operation.cleanInvalidateElsewhere,
  Operation.issueCleanElsewhere,
  Operation.issueInvalidateElsewhere,
  Operation.issueCleanInvalidateElsewhere,
];
const OUTER: readonly Operation[] = [
  Operation.outerClean,
  Operation.outerInvalidate,
  Operation.outerCleanInvalidate,
];

const nothing = <Copies>(operations: readonly Operation[]): Some<Copies> => {
  const rows: Some<Copies> = {};
  for (const operation of operations) rows[operation] = { waits: [], does: (copies) => [copies] };
  return rows;
};
/** One line size: what is done elsewhere does not reach the byte. */
export const oneLineSize = <Copies>(): Some<Copies> => nothing(ELSEWHERE);
/** No outer cache. */
export const noOuterCache = <Copies>(): Some<Copies> => nothing(OUTER);

/** One merged cache: local maintenance reaches it all, and CPU 1 is CPU 0. */
export function mergedCpus<Copies>(rows: Some<Copies>): Some<Copies> {
  const all = { ...rows };
  for (const names of [LOCAL, BY_CPU1])
    for (const [from, to] of pairs(names)) {
      const row = all[from];
      if (row) all[to] = row;
    }
  return all;
}

/** A table that has a row for every operation. */
export function completeTable<Copies>(rows: Some<Copies>): Rows<Copies> {
  for (let operation = 0; operation < OPERATIONS; operation++)
    if (rows[operation as Operation] === undefined) throw new Error(`no row for operation ${operation}`);
  return rows as Rows<Copies>;
}

function pairs(names: Partial<Record<Operation, Operation>>): [Operation, Operation][] {
  return Object.entries(names).map(([from, to]) => [Number(from) as Operation, to]);
}
