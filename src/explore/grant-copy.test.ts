/** GNTTABOP_copy finds its grant by the buffer, and whoever grants may come before it or after it. */
import { expect, test } from 'vitest';
import { findDesign } from '../designs/index.ts';
import { parseScenario } from '../scenario/index.ts';
import { adversarialProgram } from './check-case.ts';
import { bruteForce, explore } from './engine/index.ts';

const SCENARIO = `
title: A buffer is copied while it is granted
platform: { xen: 4.17, linux: 6.12, preemption: true }
domains: { dom0: {}, domU: {} }
buffers:
  theirs: { domain: domU, size: 64 }
  ours: { domain: dom0, size: 64 }
agents:
  frontend: { domain: domU, steps: [{ grant: { buffer: theirs, to: dom0, as: lent } }] }
  backend: { domain: dom0, cpu: 1, steps: [{ grant-copy: { from: theirs, to: ours } }] }
`;

test('in every order, and both are found', () => {
  const parsed = parseScenario(SCENARIO, 'copy.yaml');
  if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
  const [one] = parsed.scenario.cases;
  const design = findDesign('linux-6.12');
  if (one === undefined || design === undefined) throw new Error('no case, or no design');
  const outcomesBy = (run: typeof explore) => {
    const found = new Set<string>();
    const bounds = { executions: 100_000, transitions: 1_000_000 };
    const { outcome } = run(adversarialProgram(one, design), bounds, ({ world }) => {
      found.add(world.found.map(({ what }) => what).join('; '));
      return undefined;
    });
    return { found, outcome };
  };
  const explored = outcomesBy(explore);
  expect(explored).toEqual(outcomesBy(bruteForce));
  expect(explored.found).toEqual(new Set(['', 'GNTTABOP_copy failed (-3)']));
});
