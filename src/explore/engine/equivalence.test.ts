import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bruteForce } from './brute-force.ts';
import type { Exploration, Program, Visit } from './contract.ts';
import { explore } from './explore.ts';
import {
  type Atom,
  type CellWorld,
  type Code,
  classOf,
  codes,
  type Options,
  outcomeOf,
  plainCodes,
  programOf,
} from './testing.ts';

/** Milliseconds; brute force takes its time where others work too. */
const PATIENCE = 60_000;

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
  expect(exploration.outcome).toBe('complete');
  expect(exploration.executions).toBe(classes.length);
  return { outcomes: [...outcomes].sort(), classes: classes.sort() };
}

/** The reduced exploration executes every class of interleavings, and each once. */
function compare(code: Code, options: Options): void {
  const all = found(bruteForce, code);
  const reduced = found(explore, code, options);
  expect(reduced.outcomes).toEqual(all.outcomes);
  expect(reduced.classes).toEqual([...new Set(all.classes)]);
}

/** One call of each agent. Each program was found by leaving the rule that it is about out of the algorithm. */
const RARE: Readonly<Record<string, readonly (readonly Atom[])[]>> = {
  'everybody is chosen where an agent that sleeps would touch less after another has acted': [
    [{ do: 'readUnless', cell: 2, other: 1 }],
    [{ do: 'write', cell: 1, value: 1 }],
    [{ do: 'read', cell: 1 }],
    [{ do: 'write', cell: 2, value: 1 }],
  ],
  'who wakes an agent that sleeps is chosen': [
    [{ do: 'readIf', cell: 1, other: 2 }],
    [{ do: 'write', cell: 2, value: 1 }],
    [{ do: 'write', cell: 1, value: 1 }],
    [{ do: 'readIf', cell: 1, other: 0 }],
  ],
  'who else enables an agent that is blocked is chosen': [
    [{ do: 'write', cell: 0, value: 0 }],
    [{ do: 'write', cell: 1, value: 1 }],
    [
      { do: 'waitEither', cell: 0, other: 1 },
      { do: 'readIf', cell: 0, other: 0 },
    ],
  ],
  'agents still blocked when an execution is abandoned count': [
    [{ do: 'write', cell: 3, value: 0 }],
    [
      { do: 'write', cell: 1, value: 1 },
      { do: 'write', cell: 1, value: 0 },
    ],
    [{ do: 'waitEither', cell: 1, other: 3 }],
  ],
  'what comes before the later event is chosen, not its agent': [
    [
      { do: 'write', cell: 2, value: 0 },
      { do: 'read', cell: 0 },
    ],
    [{ do: 'lock', cell: 0 }],
    [
      { do: 'waitEither', cell: 0, other: 0 },
      { do: 'lock', cell: 2 },
      { do: 'read', cell: 0 },
    ],
  ],
  'of those only who can be first': [
    [
      { do: 'readIf', cell: 0, other: 0 },
      { do: 'read', cell: 2 },
    ],
    [{ do: 'lock', cell: 0 }],
    [
      { do: 'read', cell: 0 },
      { do: 'write', cell: 2, value: 0 },
    ],
  ],
};

describe('the reduced exploration finds what brute force finds, executing each class of interleavings once', () => {
  it(
    'with three agents that read, write, wait, lock, branch and throw',
    () => {
      fc.assert(
        fc.property(codes(3, 3), fc.boolean(), (code, named) => compare(code, { named })),
        { numRuns: 700 },
      );
    },
    PATIENCE,
  );
  it(
    'with two agents and more atomics',
    () => {
      fc.assert(
        fc.property(codes(2, 4), fc.boolean(), (code, named) => compare(code, { named })),
        { numRuns: 700 },
      );
    },
    PATIENCE,
  );
  it(
    'with four agents whose footprints depend on what they find',
    () => {
      fc.assert(
        fc.property(plainCodes(4, 1), (code) => compare(code, {})),
        { numRuns: 700 },
      );
    },
    PATIENCE,
  );
  it.each(Object.entries(RARE))('%s', (_, agents) => {
    const code = agents.map((atoms) => [atoms]);
    for (const named of [false, true]) compare(code, { named });
  });
});

describe('the comparison notices', () => {
  const options: Readonly<Record<string, Options>> = {
    'a write of which the explorer is not told': { hide: (cell, write) => cell === 1 && write },
    'a read of which the explorer is not told': { hide: (cell, write) => cell === 1 && !write },
    'a condition of which the explorer is not told': { hide: (_, __, { do: kind }) => kind === 'wait' },
    'races on one cell that are ignored': { hide: (cell) => cell === 2 },
  };
  it.each(Object.entries(options))(
    '%s',
    (_, planted) => {
      const result = fc.check(
        fc.property(codes(3, 3), (code) => compare(code, planted)),
        { numRuns: 1000, seed: 1 },
      );
      expect(result.failed).toBe(true);
    },
    PATIENCE,
  );
});
