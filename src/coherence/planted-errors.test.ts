import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bruteForce } from './brute-force.ts';
import type * as Moves from './moves.ts';
import { MODES, OPERATIONS, Operation, Start } from './operations.ts';
import type { ByteState } from './state.ts';
import type { Step } from './witness.ts';

type MovesModule = typeof Moves;

/** Ways to get the moves wrong. Each must make the automaton disagree with the brute-force model. */
const MUTANTS: Record<string, (real: MovesModule) => Partial<MovesModule>> = {
  'a clean forgets to write back': (real) => ({
    operate: (op, s) =>
      op === Operation.clean && s.line === 'dirty' ? [{ ...s, line: 'clean' }] : real.operate(op, s),
  }),
  'an invalidate never loses data': (real) => ({
    operate: (op, s) => real.operate(op === Operation.invalidate ? Operation.cleanInvalidate : op, s),
  }),
  'an invalidate always loses data': (real) => ({
    operate: (op, s) => (op === Operation.invalidate ? real.operate(op, s).slice(0, 1) : real.operate(op, s)),
  }),
  'a device write reaches the cache': (real) => ({
    operate: (op, s) =>
      op === Operation.deviceWrite
        ? real.operate(op, s).map((to) => ({ ...to, cached: to.line !== 'absent' }))
        : real.operate(op, s),
  }),
  'nothing is filled by speculation': (real) => ({
    spontaneous: (s, mode) => real.spontaneous(s, mode).filter(({ name }) => name !== 'fill'),
  }),
  'dirty lines stay': (real) => ({
    spontaneous: (s, mode) => (s.line === 'dirty' ? [] : real.spontaneous(s, mode)),
  }),
  'an eviction drops dirty data': (real) => ({
    spontaneous: (s, mode) =>
      real
        .spontaneous(s, mode)
        .map((move) => (move.name === 'evict' ? { ...move, to: { ...move.to, memory: s.memory } } : move)),
  }),
  'neighbours never write': (real) => ({
    spontaneous: (s, mode) => real.spontaneous(s, mode).filter(({ name }) => name !== 'neighbour is written'),
  }),
  'issued maintenance waits for its barrier': (real) => ({
    spontaneous: (s, mode) =>
      real.spontaneous(s, mode).filter(({ name }) => name !== 'issued maintenance takes effect'),
  }),
  'a barrier does nothing': (real) => ({
    operate: (op, s) => (op === Operation.barrier ? [s] : real.operate(op, s)),
  }),
  'a snooping write leaves the line': (real) => ({
    operate: (op, s: ByteState) =>
      op === Operation.snoopWrite ? [{ ...s, memory: true, cached: false }] : real.operate(op, s),
  }),
  'an uncached store is not the current value': (real) => ({
    operate: (op, s) => (op === Operation.cpuWriteUncached ? [s] : real.operate(op, s)),
  }),
  'hardware moves are free': (real) => ({
    spontaneous: (s, mode) => real.spontaneous(s, mode).map((move) => ({ ...move, cost: 0 as const })),
  }),
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
async function disagrees(change: (real: MovesModule) => Partial<MovesModule>): Promise<boolean> {
  vi.resetModules();
  vi.doMock('./moves.ts', async (importOriginal) => {
    const real = await importOriginal<MovesModule>();
    return { ...real, ...change(real) };
  });
  const { Automaton } = await import('./automaton.ts');
  const automaton = new Automaton();
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
        expect(verdicts).toEqual(bruteForce(start, steps));
      },
    ),
    { numRuns: 5000, endOnFailure: true },
  );
  return result.failed;
}

describe('an error planted in the moves of the automaton', () => {
  afterEach(() => {
    vi.doUnmock('./moves.ts');
  });

  it.each(Object.entries(MUTANTS))('is caught: %s', async (_name, change) => {
    expect(await disagrees(change)).toBe(true);
  });

  it('is not seen where there is none', async () => {
    expect(await disagrees(() => ({}))).toBe(false);
  });
});
