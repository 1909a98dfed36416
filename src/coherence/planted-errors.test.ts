import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Automaton } from './automaton.ts';
import { bruteForce } from './brute-force.ts';
import type { ByteModel } from './model.ts';
import { byteModel } from './models.ts';
import { MODES, OPERATIONS, Operation, Start } from './operations.ts';
import type { ByteState } from './state.ts';
import type { Step } from './witness.ts';

type Moves = Pick<ByteModel, 'operate' | 'spontaneous'>;

const inner = byteModel('inner');
const state = (number: number) => inner.states[number] as ByteState;
const numberOf = (wanted: ByteState) =>
  inner.states.findIndex(
    ({ line, memory, cached, issued }) =>
      line === wanted.line &&
      memory === wanted.memory &&
      cached === (wanted.line !== 'absent' && wanted.cached) &&
      issued === wanted.issued,
  );

/** Ways to get the moves wrong. Each must make the automaton disagree with the brute-force model. */
const MUTANTS: Record<string, Partial<Moves>> = {
  'a clean forgets to write back': {
    operate: (op, s) =>
      op === Operation.clean && state(s).line === 'dirty'
        ? [numberOf({ ...state(s), line: 'clean' })]
        : inner.operate(op, s),
  },
  'an invalidate never loses data': {
    operate: (op, s) => inner.operate(op === Operation.invalidate ? Operation.cleanInvalidate : op, s),
  },
  'an invalidate always loses data': {
    operate: (op, s) =>
      op === Operation.invalidate ? inner.operate(op, s).slice(0, 1) : inner.operate(op, s),
  },
  'a device write reaches the cache': {
    operate: (op, s) =>
      op === Operation.deviceWrite
        ? inner.operate(op, s).map((to) => numberOf({ ...state(to), cached: true }))
        : inner.operate(op, s),
  },
  'nothing is filled by speculation': {
    spontaneous: (s, mode) => inner.spontaneous(s, mode).filter(({ name }) => name !== 'fill'),
  },
  'dirty lines stay': {
    spontaneous: (s, mode) => (state(s).line === 'dirty' ? [] : inner.spontaneous(s, mode)),
  },
  'an eviction drops dirty data': {
    spontaneous: (s, mode) =>
      inner
        .spontaneous(s, mode)
        .map((move) =>
          move.name === 'evict'
            ? { ...move, to: numberOf({ ...state(move.to), memory: state(s).memory }) }
            : move,
        ),
  },
  'neighbours never write': {
    spontaneous: (s, mode) =>
      inner.spontaneous(s, mode).filter(({ name }) => name !== 'neighbour is written'),
  },
  'issued maintenance waits for its barrier': {
    spontaneous: (s, mode) =>
      inner.spontaneous(s, mode).filter(({ name }) => name !== 'issued maintenance takes effect'),
  },
  'a barrier does nothing': {
    operate: (op, s) => (op === Operation.barrier ? [s] : inner.operate(op, s)),
  },
  'a snooping write leaves the line': {
    operate: (op, s) =>
      op === Operation.snoopWrite
        ? [numberOf({ ...state(s), memory: true, cached: false })]
        : inner.operate(op, s),
  },
  'an uncached store is not the current value': {
    operate: (op, s) => (op === Operation.cpuWriteUncached ? [s] : inner.operate(op, s)),
  },
  'hardware moves are free': {
    spontaneous: (s, mode) => inner.spontaneous(s, mode).map((move) => ({ ...move, cost: 0 as const })),
  },
};

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .integer({ min: 0, max: OPERATIONS - 1 })
      .map((op): Step => ({ operation: op as Operation })),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: MODES - 1 }).map((mode): Step => ({ mode })) },
);

/** Does an automaton over these moves disagree with the brute-force model on some sequence? */
function disagrees(change: Partial<Moves>): boolean {
  const automaton = new Automaton({ ...inner, ...change });
  const result = fc.check(
    fc.property(
      fc.constantFrom(...Object.values(Start)),
      fc.array(step, { minLength: 1, maxLength: 8 }),
      (start, steps) => {
        let node = automaton.start(start);
        const verdicts = steps.map((s) => {
          let stale = Number.POSITIVE_INFINITY;
          if ('mode' in s) node = automaton.withMode(node, s.mode);
          else {
            stale = automaton.staleMoves(node, s.operation);
            node = automaton.step(node, s.operation);
          }
          return {
            staleMoves: Math.min(stale, automaton.deviceStaleMoves(node)),
            lostMoves: automaton.lostMoves(node),
          };
        });
        expect(bruteForce(start, steps)).toMatchObject(verdicts);
      },
    ),
    { numRuns: 10_000, endOnFailure: true },
  );
  return result.failed;
}

describe('an error planted in the moves of the automaton', () => {
  it.each(Object.entries(MUTANTS))('is caught: %s', (_name, change) => {
    expect(disagrees(change)).toBe(true);
  });

  it('is not seen where there is none', () => {
    expect(disagrees({})).toBe(false);
  });
});
