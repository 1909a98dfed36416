import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bruteForce } from './brute-force.ts';
import type { Exploration, Program, Visit } from './contract.ts';
import { explore } from './explore.ts';
import { type CellWorld, type Code, classOf, codes, type Options, outcomeOf, programOf } from './testing.ts';

const BOUNDS = { executions: 100_000, transitions: 10_000_000 };

type Explorer = (program: Program<CellWorld>, bounds: typeof BOUNDS, visit: Visit<CellWorld>) => Exploration;

function found(explorer: Explorer, code: Code, options: Options = {}) {
  const outcomes = new Set<string>();
  const classes: string[] = [];
  const exploration = explorer(programOf(code, options), BOUNDS, (execution) => {
    outcomes.add(outcomeOf(execution));
    classes.push(classOf(execution));
    return undefined;
  });
  return { outcomes: [...outcomes].sort(), classes: classes.sort(), exploration };
}

/** The reduced exploration executes every class of interleavings, and each once. */
function compare(code: Code, options: Options): void {
  const all = found(bruteForce, code);
  const reduced = found(explore, code, options);
  expect(all.exploration.outcome).toBe('complete');
  expect(reduced.exploration.outcome).toBe('complete');
  expect(reduced.outcomes).toEqual(all.outcomes);
  expect(reduced.classes).toEqual([...new Set(all.classes)]);
}

describe('the reduced exploration', () => {
  it('finds what brute force finds, executing each class of interleavings once', () => {
    fc.assert(
      fc.property(codes(3, 3), fc.boolean(), (code, named) => compare(code, { named })),
      { numRuns: Number(process.env['RUNS'] ?? 500) },
    );
  });
});
