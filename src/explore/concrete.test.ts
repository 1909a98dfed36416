/** Whole scenarios on the concrete machine: every byte that comes out wrong was predicted by the adversarial one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dmaDirect } from '../designs/index.ts';
import type { Design } from '../linux/index.ts';
import { ConcreteMachine } from '../machine/concrete/index.ts';
import type { Case } from '../scenario/index.ts';
import { adversarialProgram } from './check-case.ts';
import { explore, replay, type Schedule } from './engine/index.ts';
import type { Found } from './system/found.ts';
import { machineSpec } from './system/machine-spec.ts';
import { makeProgram } from './system/program.ts';
import { shippedCases, smallCase } from './testing.ts';

const BOUNDS = { executions: 10, transitions: 100_000 };

/** Some orders of events, with what the adversarial machine finds in each. */
function predictions(one: Case, design: Design): { schedule: Schedule; found: Found[] }[] {
  const all: { schedule: Schedule; found: Found[] }[] = [];
  explore(adversarialProgram(one, design), BOUNDS, ({ schedule, world }) => {
    all.push({ schedule: [...schedule], found: [...world.found] });
    return undefined;
  });
  return all;
}

function runConcrete(one: Case, design: Design, schedule: Schedule, seed: number): readonly Found[] {
  const program = makeProgram(
    one,
    design,
    (platform, sink) => new ConcreteMachine(machineSpec(platform), sink, { seed }),
  );
  const execution = replay(program, schedule);
  if (execution === undefined) throw new Error('the schedule cannot be run on the concrete machine');
  return execution.world.found;
}

/**
 * Bytes of a concrete finding that were not predicted. A read of the CPU must be predicted itself; what can happen at any
 * moment (a device in its window) is predicted where it first can, and happens there or later.
 */
function unpredicted(wrong: Found, found: readonly Found[]): string | undefined {
  const same = found.filter(
    ({ rule, agent, step, transition }) =>
      rule === wrong.rule &&
      (rule === 'stale-cpu-read'
        ? agent === wrong.agent && step === wrong.step
        : transition <= wrong.transition),
  );
  for (let at: number = wrong.from; at < wrong.to || at === wrong.from; at++)
    if (!same.some(({ from, to }) => (from <= at && at < to) || (from === to && from === wrong.from)))
      return `${wrong.rule} by agent ${wrong.agent} at step ${wrong.step}, byte 0x${at.toString(16)}`;
  return undefined;
}

function compare(one: Case, design: Design, seeds: readonly number[]): number {
  let wrong = 0;
  for (const { schedule, found } of predictions(one, design))
    for (const seed of seeds)
      for (const each of runConcrete(one, design, schedule, seed)) {
        // A loss comes out wrong when somebody reads; the machines' own test compares losses, each where it first can happen.
        if (each.rule === 'lost-write') continue;
        wrong++;
        expect(unpredicted(each, found)).toBeUndefined();
      }
  return wrong;
}

test('random scenarios, thousands of seeds', { timeout: 120_000 }, () => {
  let wrong = 0;
  fc.assert(
    fc.property(smallCase, fc.nat(), (one, seed) => {
      wrong += compare(one, dmaDirect, [seed, seed + 1, seed + 2, seed + 3]);
    }),
    { numRuns: 600 },
  );
  // The comparison means something: things really go wrong there.
  expect(wrong).toBeGreaterThan(250);
});

/** Real bytes are slow: a page of them is enough for nobody's patience. */
const MOST_BYTES = 1024;

test('the scenarios that ship, those of small buffers', { timeout: 120_000 }, () => {
  let wrong = 0;
  for (const { one, design } of shippedCases(1))
    if (one.buffers.every(({ size }) => size <= MOST_BYTES)) wrong += compare(one, design, [1, 2, 3]);
  expect(wrong).toBeGreaterThan(20);
});
