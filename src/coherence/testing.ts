/** What the tests of the coherence engine share: random histories, and the engine's verdicts in the oracles' terms. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Automaton, NEVER, type Node } from './automaton.ts';
import { buildModel, type Caches, type Move, type Row } from './caches.ts';
import { DISCIPLINES, type Discipline, type DisciplineName } from './disciplines.ts';
import type { ByteModel } from './model.ts';
import { byteModel, type ModelName } from './models.ts';
import { MODES, Operation, Start } from './operations.ts';
import type { Step, Verdict } from './oracle/search.ts';
import { type Fault, witness } from './witness.ts';

/** A history of one byte. */
export interface Case {
  readonly start: Start;
  readonly steps: readonly Step[];
}

/** Histories of these operations, and of any modes: every fifth step, or none. */
export function histories(
  operations: readonly Operation[],
  maxLength: number,
  modes: 'modes' | 'no modes' = 'modes',
): fc.Arbitrary<Case> {
  const operation = fc.constantFrom(...operations).map((it): Step => ({ operation: it }));
  const mode = fc.integer({ min: 0, max: MODES - 1 }).map((set): Step => ({ mode: set }));
  return fc.record({
    start: fc.constantFrom(...Object.values(Start)),
    steps: fc.array(
      fc.oneof({ weight: 4, arbitrary: operation }, { weight: modes === 'modes' ? 1 : 0, arbitrary: mode }),
      {
        minLength: 1,
        maxLength,
      },
    ),
  });
}

/** Operations whose names match. */
export const operationsNamed = (pattern: RegExp): Operation[] =>
  Object.entries(Operation)
    .filter(([name]) => pattern.test(name))
    .map(([, operation]) => operation);

/** An automaton for each discipline of one hardware. */
export type Engine = Readonly<Record<DisciplineName, Automaton>>;
export const engineOf = (model: (discipline: DisciplineName) => ByteModel): Engine => ({
  currency: new Automaton(model('currency')),
  ownership: new Automaton(model('ownership')),
});
export const engineNamed = (name: ModelName): Engine => engineOf((discipline) => byteModel(name, discipline));

/** The verdicts of both disciplines, step by step. */
export function verdictsOf({ currency, ownership }: Engine, { start, steps }: Case): Verdict[] {
  const own = judge(ownership, start, steps);
  return judge(currency, start, steps).map(({ readMoves, lostMoves }, i) => ({
    staleMoves: readMoves,
    lostMoves,
    disclosedMoves: own[i]?.readMoves ?? NEVER,
  }));
}

function judge(automaton: Automaton, start: Start, steps: readonly Step[]) {
  let node: Node = automaton.start(start);
  return steps.map((step) => {
    let read = NEVER;
    if ('mode' in step) node = automaton.withMode(node, step.mode);
    else {
      read = automaton.staleMoves(node, step.operation);
      node = automaton.step(node, step.operation);
    }
    return {
      readMoves: Math.min(read, automaton.deviceStaleMoves(node)),
      lostMoves: automaton.lostMoves(node),
    };
  });
}

/** Hardware whose move table is held against an oracle. */
export interface Comparison<Copies, State, Fault extends string> {
  readonly name: ModelName;
  readonly caches: (discipline: Discipline) => Caches<Copies, State>;
  /** The oracle, with errors planted in it or none. */
  readonly oracle: (options: { faults?: ReadonlySet<Fault>; wholeLine?: boolean }) => Oracle;
  readonly faults: readonly Fault[];
  /** Ways to get the move table wrong. */
  readonly mutants: Readonly<Record<string, (real: Caches<Copies, State>) => Partial<Caches<Copies, State>>>>;
  /** Operations worth trying here, and, by fault or mutant, those that show it best (without modes). */
  readonly operations: RegExp;
  readonly focus?: Readonly<Record<string, RegExp>>;
  /** Random histories to compare. */
  readonly runs: number;
}
type Oracle = (history: Case) => Verdict[];

/** Ways to get wrong what all models have in common. */
const MODEL_MUTANTS: Readonly<Record<string, (real: ByteModel) => Partial<ByteModel>>> = {
  'issued maintenance waits for its barrier': (real) => ({
    spontaneous: (state, mode) =>
      real.spontaneous(state, mode).filter(({ name }) => name !== 'issued maintenance takes effect'),
  }),
  'a barrier does nothing': (real) => ({
    operate: (operation, state) =>
      operation === Operation.barrier ? [state] : real.operate(operation, state),
  }),
  'hardware moves are free': (real) => ({
    spontaneous: (state, mode) =>
      real.spontaneous(state, mode).map((move) => ({ ...move, cost: 0 as const })),
  }),
  'neighbours never write': (real) => ({
    spontaneous: (state, mode) =>
      real.spontaneous(state, mode).filter(({ name }) => name !== 'neighbour is written'),
  }),
  'devices write only by operations': (real) => ({
    spontaneous: (state, mode) =>
      real.spontaneous(state, mode).filter(({ name }) => name !== 'device writes'),
  }),
  'windows are not judged': () => ({ windowReadsBad: () => false }),
  'nothing is ever lost': () => ({ isLost: () => false }),
};
const COMMON_FOCUS: Readonly<Record<string, RegExp>> = {
  'a barrier does nothing': /^(cpuWrite|issue(Clean|Invalidate)|barrier|deviceRead)$/,
};

/** Tests: the move table and the oracle agree, and an error in either is noticed. */
export function compareWithOracle<Copies, State, Fault extends string>(
  comparison: Comparison<Copies, State, Fault>,
): void {
  const { name, caches, oracle, faults, mutants, operations, focus = {}, runs } = comparison;
  const usual = histories(operationsNamed(operations), 8);
  const engine = engineNamed(name);
  const right = oracle({});
  const disagree = (one: Oracle, other: Oracle, error: string) => {
    const few = focus[error] ?? COMMON_FOCUS[error];
    const tried = few ? histories(operationsNamed(few), 8, 'no modes') : usual;
    const property = fc.property(tried, (it) => {
      expect(one(it)).toEqual(other(it));
    });
    return fc.check(property, { numRuns: 20_000, endOnFailure: true }).failed;
  };

  describe(`the ${name} model against its oracle`, { timeout: 60_000 }, () => {
    it('gives the same verdicts, with the same number of hardware moves, on random histories', () => {
      fc.assert(
        fc.property(usual, (history) => {
          expect(verdictsOf(engine, history)).toEqual(right(history));
        }),
        { numRuns: runs },
      );
    });

    it('does so whether or not the oracle looks at the values of the other bytes', () => {
      const whole = oracle({ wholeLine: true });
      fc.assert(
        fc.property(histories(operationsNamed(operations), 5), (history) => {
          expect(verdictsOf(engine, history)).toEqual(whole(history));
        }),
        { numRuns: runs / 20 },
      );
    });

    it.each(faults)('notices when the oracle is wrong in this way: %s', (fault) => {
      const wrong = oracle({ faults: new Set([fault]) });
      expect(disagree((it) => verdictsOf(engine, it), wrong, fault)).toBe(true);
    });

    it.each(Object.entries(mutants))(
      'notices when the move table is wrong in this way: %s',
      (error, mutate) => {
        const wrong = engineOf((discipline) => {
          const real = caches(DISCIPLINES[discipline]);
          return buildModel({ ...real, ...mutate(real) });
        });
        expect(disagree((it) => verdictsOf(wrong, it), right, error)).toBe(true);
      },
    );

    it.each(Object.entries(MODEL_MUTANTS))(
      'notices when the model is wrong in this way: %s',
      (error, mutate) => {
        const wrong = engineOf((discipline) => {
          const real = byteModel(name, discipline);
          return { ...real, ...mutate(real) };
        });
        expect(disagree((it) => verdictsOf(wrong, it), right, error)).toBe(true);
      },
    );

    it('rebuilds an execution exactly where there is one, with as many hardware moves', () => {
      fc.assert(
        fc.property(usual, (history) => {
          expect(rebuilt(name, history)).toEqual(verdictsOf(engine, history));
        }),
        { numRuns: 60 },
      );
    });
  });
}

/** The verdicts as witnesses have them. */
export function rebuilt(name: ModelName, { start, steps }: Case): Verdict[] {
  const moves = (discipline: DisciplineName, kind: Fault['kind'], step: number) =>
    witness(start, steps, { kind, step }, byteModel(name, discipline))?.hardwareMoves ?? NEVER;
  const read = (discipline: DisciplineName, step: number) =>
    Math.min(moves(discipline, 'stale-read', step), moves(discipline, 'stale-device-window', step));
  return steps.map((_, step) => ({
    staleMoves: read('currency', step),
    lostMoves: moves('currency', 'lost', step),
    disclosedMoves: read('ownership', step),
  }));
}

/** The change of a move table that gives one operation another effect. */
export function withRow<Copies, State>(
  { rows }: Caches<Copies, State>,
  operation: Operation,
  change: (row: Row<Copies>) => Row<Copies>,
): Pick<Caches<Copies, State>, 'rows'> {
  return { rows: rows.map((row, number) => (number === operation ? change(row) : row)) };
}
/** The change of a move table without some of what hardware does by itself. */
export function withoutMoves<Copies, State>(
  { moves }: Caches<Copies, State>,
  dropped: (move: Move<Copies>, from: Copies) => boolean,
): Pick<Caches<Copies, State>, 'moves'> {
  return {
    moves: (copies, mayFill) => moves(copies, mayFill).filter((move) => !dropped(move, copies)),
  };
}
