/** The parts of move tables, put together from what each hardware does to its copies. */
import type { Change, Row, Rows } from './caches.ts';
import type { Discipline, Unwritten } from './disciplines.ts';
import { OPERATIONS, Operation } from './operations.ts';
import { BY_CPU1, ELSEWHERE, LOCAL } from './variants.ts';

type Some<Copies> = Partial<Record<Operation, Row<Copies>>>;
type Flags<Copies> = (copies: Copies) => readonly boolean[];

/** Kinds of maintenance by VA, each a name of what a slot holds. */
export const KINDS = ['clean', 'invalidate', 'cleanInvalidate'] as const;
export type Kind = (typeof KINDS)[number];

const same = <Copies>(copies: Copies): Copies[] => [copies];

/** What a CPU's cacheable accesses do; each in program order with maintenance of the line (Arm ARM D7.5.9). */
export interface Accesses<Copies> {
  readonly load: Change<Copies>;
  /** Flags of what a load may return. */
  readonly sees: Flags<Copies>;
  readonly store: Change<Copies>;
  readonly storeUndefined: Change<Copies>;
  readonly storeNeighbour: Change<Copies>;
}
export function accessRows<Copies>(slot: number, accesses: Accesses<Copies>): Some<Copies> {
  const inOrder = (does: Change<Copies>): Row<Copies> => ({ waits: [slot], does });
  return {
    [Operation.cpuRead]: { ...inOrder(accesses.load), sees: accesses.sees },
    [Operation.cpuWrite]: inOrder(accesses.store),
    [Operation.cpuWriteUndefined]: inOrder(accesses.storeUndefined),
    [Operation.cpuWriteNeighbour]: inOrder(accesses.storeNeighbour),
  };
}

/** Maintenance by VA, complete or issued into a slot, where its effect goes by the name `effect`. */
export function maintenanceRows<Copies>(
  slot: number,
  does: Readonly<Record<Kind, Change<Copies>>>,
  effect: (kind: Kind) => string = (kind) => kind,
): Some<Copies> {
  const now = (kind: Kind): Row<Copies> => ({ waits: [slot], does: does[kind] });
  const later = (kind: Kind): Row<Copies> => ({
    waits: [slot],
    does: same,
    issues: { slot, effect: effect(kind) },
  });
  return {
    [Operation.clean]: now('clean'),
    [Operation.invalidate]: now('invalidate'),
    [Operation.cleanInvalidate]: now('cleanInvalidate'),
    [Operation.invalidateOne]: { waits: [slot], does: (copies) => [copies, ...does.invalidate(copies)] },
    [Operation.issueClean]: later('clean'),
    [Operation.issueInvalidate]: later('invalidate'),
    [Operation.issueCleanInvalidate]: later('cleanInvalidate'),
  };
}

/** A barrier that completes what is in these slots. */
export const barrierRow = <Copies>(slots: readonly number[]): Some<Copies> => ({
  [Operation.barrier]: { waits: slots, does: same },
});

/** What reaches memory past the caches, or through them as a snooping device does. Waits for no maintenance. */
export interface Others<Copies> {
  /** Memory's flag. */
  readonly memory: (copies: Copies) => boolean;
  /** Memory gets a new value behind the caches' backs; `rest` is what becomes of the flags of the others. */
  readonly memoryWritten: (rest: Unwritten) => Change<Copies>;
  readonly snoopSees: Flags<Copies>;
  readonly snoopStore: Change<Copies>;
  readonly snoopStoreNeighbour: Change<Copies>;
  readonly newOwner: (copies: Copies) => Copies;
}
export function otherRows<Copies>(
  { unwritten, unwrittenUndefined }: Discipline,
  others: Others<Copies>,
): Some<Copies> {
  const free = (does: Change<Copies>): Row<Copies> => ({ waits: [], does });
  const readMemory: Row<Copies> = { ...free(same), sees: (copies) => [others.memory(copies)] };
  return {
    [Operation.cpuReadUncached]: readMemory,
    [Operation.deviceRead]: readMemory,
    [Operation.cpuWriteUncached]: free(others.memoryWritten(unwritten)),
    [Operation.cpuWriteUncachedUndefined]: free(others.memoryWritten(unwrittenUndefined)),
    [Operation.deviceWrite]: free(others.memoryWritten(unwritten)),
    [Operation.snoopRead]: { ...free(same), sees: others.snoopSees },
    [Operation.snoopWrite]: free(others.snoopStore),
    [Operation.snoopWriteNeighbour]: free(others.snoopStoreNeighbour),
    [Operation.newOwner]: free((copies) => [others.newOwner(copies)]),
  };
}

/** What is done to the other small line of the byte's big one, in program order with maintenance there. */
export interface Elsewhere<Copies> {
  readonly load: Change<Copies>;
  readonly store: Change<Copies>;
  readonly snoopStore: Change<Copies>;
  /** Rows of maintenanceRows. */
  readonly maintenance: Some<Copies>;
}
export const elsewhereRows = <Copies>(slot: number, does: Elsewhere<Copies>): Some<Copies> => ({
  ...renamed(does.maintenance, ELSEWHERE),
  [Operation.cpuReadElsewhere]: { waits: [slot], does: does.load },
  [Operation.cpuWriteElsewhere]: { waits: [slot], does: does.store },
  [Operation.snoopWriteElsewhere]: { waits: [], does: does.snoopStore },
});

/** Maintenance of an outer cache by physical address: waits for nothing. */
export const outerRows = <Copies>(does: Readonly<Record<Kind, Change<Copies>>>): Some<Copies> => ({
  [Operation.outerClean]: { waits: [], does: does.clean },
  [Operation.outerInvalidate]: { waits: [], does: does.invalidate },
  [Operation.outerCleanInvalidate]: { waits: [], does: does.cleanInvalidate },
});

/** The same rows for what CPU 1 does. */
export const onCpu1 = <Copies>(rows: Some<Copies>): Some<Copies> => renamed(rows, BY_CPU1);
/** The same rows for maintenance that is not broadcast. */
export const localOnly = <Copies>(rows: Some<Copies>): Some<Copies> => renamed(rows, LOCAL);

/** One merged cache: local maintenance reaches it all, and CPU 1 is CPU 0. */
export function mergedCpus<Copies>(rows: Some<Copies>): Some<Copies> {
  const all = { ...rows, ...localOnly(rows) };
  return { ...all, ...onCpu1(all) };
}

/** A row for every operation: those that are missing do nothing here. */
export function completeTable<Copies>(rows: Some<Copies>): Rows<Copies> {
  const table: Row<Copies>[] = [];
  for (let operation = 0; operation < OPERATIONS; operation++)
    table.push(rows[operation as Operation] ?? { waits: [], does: same });
  return table;
}

function renamed<Copies>(rows: Some<Copies>, names: Partial<Record<Operation, Operation>>): Some<Copies> {
  const other: Some<Copies> = {};
  for (const [from, to] of Object.entries(names)) {
    const row = rows[Number(from) as Operation];
    if (row) other[to] = row;
  }
  return other;
}
