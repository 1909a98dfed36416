/**
 * From a small move table over readable states to a byte model: adds what every hardware has in common.
 *
 * - Maintenance that is issued and not complete waits in a *slot* and takes effect at any time. Operations that keep
 *   program order with it complete it first.
 * - Windows: what a mode allows is what the operation of that kind does, without waiting for anything.
 * - States are numbered, moves tabulated when first asked for.
 */
import type { Discipline } from './disciplines.ts';
import type { ByteModel, Copy, Spontaneous, SpontaneousName } from './model.ts';
import { type HardwareMove, Mode, type ModeSet, OPERATIONS, Operation, type Start } from './operations.ts';

/** What may become of the copies; more than one where the architecture leaves a choice. */
export type Change<Copies> = (copies: Copies) => readonly Copies[];

/** An operation. */
export interface Row<Copies> {
  /** Slots that must be empty before: what is in them takes effect first. */
  readonly waits: readonly number[];
  readonly does: Change<Copies>;
  /** Maintenance put into a slot; takes effect later. */
  readonly issues?: { readonly slot: number; readonly effect: string };
  /** A judged read: flags of the copies that it may return. */
  readonly sees?: (copies: Copies) => readonly boolean[];
}
/** By number of the operation. */
export type Rows<Copies> = readonly Row<Copies>[];

/** A move that hardware makes by itself. */
export interface Move<Copies> {
  readonly name: keyof typeof HardwareMove;
  readonly at: string;
  readonly to: Copies;
}

/** Caches and memory as one byte sees them. */
export interface Caches<Copies, State> {
  readonly name: string;
  readonly discipline: Discipline;
  /** Every combination of copies that can be. */
  readonly copies: readonly Copies[];
  /** Equal exactly for equal combinations. */
  readonly key: (copies: Copies) => string;
  readonly start: (start: Start) => readonly Copies[];
  /** What each slot can hold. */
  readonly slots: readonly (readonly string[])[];
  /** What maintenance does when it takes effect. */
  readonly effects: Readonly<Record<string, Change<Copies>>>;
  readonly rows: Rows<Copies>;
  readonly moves: (copies: Copies, mayFill: boolean) => readonly Move<Copies>[];
  readonly flags: (copies: Copies) => readonly boolean[];
  readonly describe: (copies: Copies) => readonly Copy[];
  /** How a state is shown: the copies, and what is in the slots ("none" or an effect). */
  readonly view: (copies: Copies, issued: readonly string[]) => State;
}

const NONE = 'none';
/** What an open window lets happen: the operation of that kind. */
const WINDOW_WRITES: readonly (readonly [ModeSet, SpontaneousName, readonly Operation[]])[] = [
  [Mode.deviceWrites, 'device writes', [Operation.deviceWrite]],
  [Mode.snoopWrites, 'device writes', [Operation.snoopWrite]],
  [Mode.snoopNeighbourWrites, 'device writes a neighbour', [Operation.snoopWriteNeighbour]],
  [Mode.neighbourWrites, 'neighbour is written', [Operation.cpuWriteNeighbour, Operation.cpu1WriteNeighbour]],
  [Mode.elsewhereWrites, 'neighbour is written', [Operation.cpuWriteElsewhere]],
];
const WINDOW_READS: readonly (readonly [ModeSet, Operation])[] = [
  [Mode.deviceReads, Operation.deviceRead],
  [Mode.snoopReads, Operation.snoopRead],
];

/** One state: a combination of copies, and what each slot holds. */
interface Full<Copies> {
  readonly copies: Copies;
  readonly issued: readonly string[];
}

/** Build the model. Numbers of states are theirs in `copies`, for each filling of the slots in turn. */
export function buildModel<Copies, State>(caches: Caches<Copies, State>): ByteModel<State> {
  const { discipline } = caches;
  const rowOf = (operation: Operation) => caches.rows[operation] as Row<Copies>;
  const fillings = caches.slots.reduce<readonly (readonly string[])[]>(
    (lists, slot) => lists.flatMap((list) => [NONE, ...slot].map((effect) => [...list, effect])),
    [[]],
  );
  const full: Full<Copies>[] = fillings.flatMap((issued) =>
    caches.copies.map((copies) => ({ copies, issued })),
  );
  const keyOf = ({ copies, issued }: Full<Copies>) => `${caches.key(copies)} ${issued.join()}`;
  const numbers = new Map(full.map((state, number) => [keyOf(state), number]));
  const at = (number: number) => full[number] as Full<Copies>;
  const numberOf = (state: Full<Copies>): number => {
    const number = numbers.get(keyOf(state));
    if (number === undefined) throw new Error(`${caches.name}: no such state: ${keyOf(state)}`);
    return number;
  };

  const complete = (state: Full<Copies>, slots: readonly number[]): readonly Full<Copies>[] =>
    slots.reduce<readonly Full<Copies>[]>(
      (states, slot) => states.flatMap((before) => completeSlot(before, slot)),
      [state],
    );
  const completeSlot = ({ copies, issued }: Full<Copies>, slot: number): readonly Full<Copies>[] => {
    const effect = caches.effects[issued[slot] as string];
    const rest = issued.with(slot, NONE);
    return effect ? effect(copies).map((after) => ({ copies: after, issued: rest })) : [{ copies, issued }];
  };
  const perform = (row: Row<Copies>, state: Full<Copies>): readonly Full<Copies>[] =>
    row.does(state.copies).map((copies) => ({
      copies,
      issued: row.issues ? state.issued.with(row.issues.slot, row.issues.effect) : state.issued,
    }));

  const operate = (operation: Operation, number: number): readonly number[] => {
    const row = rowOf(operation);
    return distinct(
      complete(at(number), row.waits)
        .flatMap((state) => perform(row, state))
        .map(numberOf),
    );
  };
  const spontaneous = (number: number, mode: ModeSet): readonly Spontaneous[] => {
    const state = at(number);
    const found: Spontaneous[] = caches
      .moves(state.copies, !(mode & Mode.noFills))
      .map(({ name, at, to }) => ({ name, at, cost: 1, to: numberOf({ ...state, copies: to }) }));
    const free = (name: SpontaneousName, states: readonly Full<Copies>[]) => {
      for (const to of distinct(states.map(numberOf))) found.push({ name, cost: 0, to });
    };
    state.issued.forEach((effect, slot) => {
      if (effect !== NONE) free('issued maintenance takes effect', completeSlot(state, slot));
    });
    for (const [bit, name, operations] of WINDOW_WRITES)
      if (mode & bit)
        free(
          name,
          operations.flatMap((operation) => perform(rowOf(operation), state)),
        );
    return found.filter(({ to }) => to !== number);
  };
  const readsBad = (read: Operation, number: number): boolean => {
    const { sees, waits } = rowOf(read);
    const { copies, issued } = at(number);
    return sees !== undefined && waits.every((slot) => issued[slot] === NONE) && sees(copies).includes(false);
  };

  const afterOperation = Array.from({ length: OPERATIONS }, () => [] as (readonly number[])[]);
  const afterMode = new Map<ModeSet, (readonly Spontaneous[])[]>();
  return {
    name: caches.name,
    discipline: discipline.name,
    states: full.map(({ copies, issued }) => caches.view(copies, issued)),
    start: (start) =>
      caches.start(start).map((copies) => numberOf({ copies, issued: caches.slots.map(() => NONE) })),
    operate: (operation, state) => {
      const row = afterOperation[operation] as (readonly number[])[];
      row[state] ??= operate(operation, state);
      return row[state];
    },
    spontaneous: (state, mode) => {
      let row = afterMode.get(mode);
      if (row === undefined) {
        row = [];
        afterMode.set(mode, row);
      }
      row[state] ??= spontaneous(state, mode);
      return row[state];
    },
    readsBad,
    windowReadsBad: (mode, state) =>
      WINDOW_READS.some(([bit, read]) => (mode & bit) !== 0 && readsBad(read, state)),
    isLost: (state) => discipline.canBeLost && !caches.flags(at(state).copies).includes(true),
    describe: (state) => caches.describe(at(state).copies),
  };
}

const distinct = (numbers: readonly number[]): readonly number[] => [...new Set(numbers)];
