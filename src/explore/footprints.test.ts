/** What atomics of the whole system say that they touch is all that matters: nothing is found that the reduction would miss. */
import { expect, test } from 'vitest';
import type { Design } from '../linux/index.ts';
import type { Case } from '../scenario/index.ts';
import { adversarialProgram } from './check-case.ts';
import { bruteForce, explore } from './engine/index.ts';
import { shippedCases } from './testing.ts';

/** Naive enumeration is cut there; what it found until then is compared. */
const NAIVE = { executions: 200, transitions: 20_000 };
const ALL = { executions: 100_000, transitions: 10_000_000 };

function outcomes(run: typeof explore, one: Case, design: Design, bounds: typeof ALL) {
  const found = new Set<string>();
  const { executions } = run(adversarialProgram(one, design), bounds, ({ end, world }) => {
    const lines = world.found.map(({ rule, moves, from, to, agent, step }) =>
      [rule, moves, from, to, agent, step].join(' '),
    );
    found.add([end, ...lines.sort()].join('; '));
    return undefined;
  });
  return { found, executions };
}

test('naive enumeration of the scenarios that ship finds nothing that the explorer missed', {
  timeout: 120_000,
}, () => {
  let naive = 0;
  let reduced = 0;
  for (const { file, one, design } of shippedCases(1)) {
    if (one.agents.length < 2) continue;
    const explored = outcomes(explore, one, design, ALL);
    const enumerated = outcomes(bruteForce, one, design, NAIVE);
    reduced += explored.executions;
    naive += enumerated.executions;
    for (const outcome of enumerated.found)
      expect(explored.found.has(outcome), `${file}, ${design.name}: ${outcome}`).toBe(true);
  }
  expect(naive).toBeGreaterThan(reduced * 5);
});
