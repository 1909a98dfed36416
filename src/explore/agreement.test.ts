import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dmaDirect } from '../designs/index.ts';
import type { Case } from '../scenario/index.ts';
import { adversarialProgram } from './check-case.ts';
import { bruteForce, type Execution, explore, type Program } from './engine/index.ts';
import type { System } from './system/system.ts';
import { smallCase } from './testing.ts';

const BOUNDS = { executions: 50_000, transitions: 2_000_000 };

/**
 * What can be found anywhere: which rule, at which step, of which bytes, after how many hardware moves. Two reads of one byte
 * commute: which of them counts as the consequence of the other is not an outcome.
 */
function outcomes(run: (visit: (execution: Execution<System>) => undefined) => unknown): string[] {
  const found = new Set<string>();
  run((execution) => {
    for (const { rule, agent, step, from, to, moves } of execution.world.found)
      found.add(`${rule} ${agent}.${step} [${from}, ${to}) ${moves}`);
    found.add(execution.end);
    return undefined;
  });
  return [...found].sort();
}

function program(one: Case): Program<System> {
  return adversarialProgram(one, dmaDirect);
}

test('the reduced exploration finds what naive enumeration finds, no more and no less', {
  timeout: 300_000,
}, () => {
  let executions = 0;
  let naive = 0;
  let violated = 0;
  fc.assert(
    fc.property(smallCase, (one) => {
      const reduced = outcomes((visit) => {
        executions += explore(program(one), BOUNDS, visit).executions;
      });
      const all = outcomes((visit) => {
        naive += bruteForce(program(one), BOUNDS, visit).executions;
      });
      if (all.length > 1) violated++;
      expect(reduced).toEqual(all);
    }),
    { numRuns: 2000 },
  );
  // The comparison means something: things go wrong often, and the reduction reduces.
  expect(violated).toBeGreaterThan(200);
  expect(executions).toBeLessThan(naive / 2);
});
