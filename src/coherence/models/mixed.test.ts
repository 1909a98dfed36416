import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasAnyMode, Mode, Operation, Start } from '../operations.ts';
import { everyExecution, type Step } from '../oracle/search.ts';
import { TWO_SIZES_FAULTS, twoLineSizes } from '../oracle/two-line-sizes.ts';
import {
  type Case,
  compareWithOracle,
  engineNamed,
  histories,
  operationsNamed,
  verdictsOf,
  withoutMoves,
  withRow,
} from '../testing.ts';
import { elsewhere } from '../variants.ts';
import { mixedCaches } from './mixed.ts';

const O = Operation;
const never = Number.POSITIVE_INFINITY;

compareWithOracle({
  name: 'mixed',
  caches: mixedCaches,
  oracle: (options) => {
    const hardware = twoLineSizes(options);
    return ({ start, steps }) => everyExecution(hardware, start, steps);
  },
  faults: TWO_SIZES_FAULTS,
  operations: /^(?!.*(cpu1|local|outer))/i,
  focus: {
    'load-elsewhere-does-nothing': /^(cpu.*Elsewhere|deviceWrite|cpuRead)$/,
    'a load elsewhere fetches nothing': /^(cpu.*Elsewhere|deviceWrite|cpuRead)$/,
    'what is dirty elsewhere stays there': /^(cpuWriteElsewhere|cpuRead|deviceWrite|clean.*)$/,
    'barrier-forgets-elsewhere': /^(cpuWrite.*|issueClean.*|barrier|deviceRead)$/,
    'a barrier forgets elsewhere': /^(cpuWrite.*|issueClean.*|barrier|deviceRead)$/,
  },
  mutants: {
    'all lines are small': (real) => withoutMoves(real, ({ to }) => to.size === 'big'),
    'all lines are big': (real) => withoutMoves(real, ({ to }) => to.size === 'small'),
    'a big line comes clean': (real) =>
      withRow(real, O.cpuWriteElsewhere, (row) => ({
        ...row,
        does: (s) => row.does(s).filter(({ size }) => size !== 'big' || s.size === 'big'),
      })),
    'maintenance elsewhere never reaches the byte': (real) =>
      withRow(real, O.invalidateElsewhere, (row) => ({
        ...row,
        does: (s) => (s.size === 'big' ? [s] : row.does(s)),
      })),
    'maintenance elsewhere always reaches the byte': (real) =>
      withRow(real, O.cleanElsewhere, (row) => ({
        ...row,
        does: real.rows[O.clean]?.does ?? row.does,
      })),
    'maintenance of the byte forgets big lines': (real) =>
      withRow(real, O.clean, (row) => ({ ...row, does: (s) => (s.size === 'big' ? [s] : row.does(s)) })),
    'an invalidate elsewhere writes back': (real) =>
      withRow(real, O.invalidateElsewhere, (row) => ({
        ...row,
        does: real.rows[O.cleanInvalidateElsewhere]?.does ?? row.does,
      })),
    'a load elsewhere fetches nothing': (real) =>
      withRow(real, O.cpuReadElsewhere, (row) => ({ ...row, does: (s) => [s] })),
    'a barrier forgets elsewhere': (real) => withRow(real, O.barrier, (row) => ({ ...row, waits: [0] })),
    'what is dirty elsewhere stays there': (real) =>
      withRow(real, O.cpuRead, (row) => ({
        ...row,
        does: (s) => row.does(s).filter((t) => t.size !== 'big' || s.size === 'big' || !t.modifiedElsewhere),
      })),
  },
  runs: 1000,
});

describe('with lines of two sizes', () => {
  const engine = engineNamed('mixed');
  const inner = engineNamed('inner');
  const last = (start: Start, ...steps: (keyof typeof Operation | number)[]) =>
    verdictsOf(engine, {
      start,
      steps: steps.map((step) => (typeof step === 'number' ? { mode: step } : { operation: O[step] })),
    }).at(-1);

  it('a loop that steps by the big size skips small lines', () => {
    expect(last(Start.written, 'cleanElsewhere', 'deviceRead')).toMatchObject({ staleMoves: 0 });
    expect(last(Start.written, 'clean', 'cleanElsewhere', 'deviceRead')).toMatchObject({ staleMoves: never });
  });

  it("an invalidate that is aligned for the small size destroys a neighbour's data in a big line", () => {
    expect(last(Start.written, 'invalidateElsewhere')).toMatchObject({ lostMoves: 0 });
    expect(last(Start.written, 'cleanInvalidateElsewhere')).toMatchObject({ lostMoves: never });
  });

  it('a neighbour in the big line overwrites what a device writes', () => {
    const received = ['cleanInvalidate', 'cleanInvalidateElsewhere'] as const;
    const windows = Mode.deviceWrites | Mode.elsewhereWrites;
    expect(last(Start.dontCare, ...received, windows)).toMatchObject({ lostMoves: 0 });
    expect(last(Start.dontCare, ...received, Mode.deviceWrites)).toMatchObject({ lostMoves: never });
  });

  it('is as good as one size where all maintenance is done to the whole big line', () => {
    const maintenance = operationsNamed(/^(clean|invalidate|cleanInvalidate)$/);
    // Maintenance by set and way reaches one line of one cache: it is not done to the whole big line.
    const operations = operationsNamed(/^(?!.*(outer|elsewhere|local|issue|cpu1|snoop|One$))/i);
    const inBoth = (step: Step): Step[] => {
      const there = 'operation' in step ? elsewhere(step.operation) : undefined;
      if (!('operation' in step) || !maintenance.includes(step.operation) || there === undefined)
        return [step];
      return [step, { operation: there }];
    };
    const quietElsewhere = ({ steps }: Case) =>
      steps.every((step) => !('mode' in step) || !hasAnyMode(step.mode, Mode.elsewhereWrites));
    fc.assert(
      fc.property(histories(operations, 8).filter(quietElsewhere), (history) => {
        const both = { ...history, steps: history.steps.flatMap(inBoth) };
        const here = verdictsOf(inner, history).at(-1);
        const there = verdictsOf(engine, both).at(-1);
        expect(there?.staleMoves === never).toBe(here?.staleMoves === never);
        expect(there?.lostMoves === never).toBe(here?.lostMoves === never);
        expect(there?.disclosedMoves === never).toBe(here?.disclosedMoves === never);
      }),
      { numRuns: 3000 },
    );
  });
});
