import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore, replay, type Schedule, shorten } from './index.ts';
import { type Atom, type CellWorld, type Code, codes, outcomeOf, programOf } from './testing.ts';

const BOUNDS = { executions: 10_000, transitions: 1_000_000 };

const switches = (schedule: Schedule) => schedule.filter((one, i) => i > 0 && one !== schedule[i - 1]).length;
const read = (cell: number): Atom => ({ do: 'read', cell });
const write = (cell: number, value: number): Atom => ({ do: 'write', cell, value });

describe('shortening', () => {
  it('drops what is not needed and switches once', () => {
    // Agent 1 must write before agent 0 looks; all else is idle.
    const code: Code = [
      [[read(1), read(1), { do: 'throwIf', cell: 0 }, read(1)]],
      [[read(2), write(0, 1), read(2), read(2)]],
      [[read(3), write(3, 1), read(3)]],
    ];
    const crashed = ({ crashes }: { crashes: readonly unknown[] }) => crashes.length > 0;
    const long = [2, 0, 1, 0, 2, 1, 1, 2, 0, 1];
    expect(shorten(programOf(code), long, crashed)).toEqual([1, 1, 0, 0, 0]);
  });
  it('keeps the switches that are needed', () => {
    // Agent 0 must see cell 0 change between its two looks at it.
    const code: Code = [[[read(0), read(0)]], [[read(1), write(0, 1), read(1)]]];
    const changed = ({ world }: { world: CellWorld }) => world.seen[0] === 1 * 7 + 2;
    expect(shorten(programOf(code), [1, 0, 1, 0, 1], changed)).toEqual([0, 1, 1, 0]);
  });
  it('refuses what does not violate', () => {
    const code: Code = [[[read(0)]], [[read(0)]]];
    expect(() => shorten(programOf(code), [0, 1], () => false)).toThrow(RangeError);
    expect(() => shorten(programOf(code), [0, 0], ({ schedule }) => schedule.length === 2)).toThrow(
      RangeError,
    );
  });
  it('finds the shortest way into a deadlock', () => {
    const nested = (one: number, other: number): Code[number] => [
      [read(5), { do: 'lock', cell: one }, { do: 'lock', cell: other }],
      [
        { do: 'unlock', cell: other },
        { do: 'unlock', cell: one },
      ],
    ];
    const code: Code = [nested(0, 1), nested(1, 0)];
    const stuck = ({ end }: { end: string }) => end === 'deadlock';
    const found: Schedule[] = [];
    explore(programOf(code), BOUNDS, (execution) => {
      if (execution.end === 'deadlock') found.push(execution.schedule);
      return undefined;
    });
    expect(found.length).toBeGreaterThan(0);
    for (const schedule of found) expect(shorten(programOf(code), schedule, stuck)).toEqual([0, 0, 1, 1]);
  });
  it('never makes it worse, and what it gives violates', () => {
    fc.assert(
      fc.property(codes(3, 3), fc.nat(), (code, pick) => {
        const program = programOf(code);
        const executions: { schedule: Schedule; outcome: string }[] = [];
        explore(program, BOUNDS, (execution) => {
          executions.push({ schedule: execution.schedule, outcome: outcomeOf(execution) });
          return undefined;
        });
        const chosen = executions[pick % executions.length];
        if (!chosen) throw new Error('no execution');
        const same = (execution: Parameters<typeof outcomeOf>[0]) => outcomeOf(execution) === chosen.outcome;
        const shorter = shorten(program, chosen.schedule, same, 50);
        const again = replay(program, shorter);
        expect(again && outcomeOf(again)).toBe(chosen.outcome);
        expect(switches(shorter)).toBeLessThanOrEqual(switches(chosen.schedule));
        expect(shorten(program, chosen.schedule, same, 50)).toEqual(shorter);
      }),
      { numRuns: 200 },
    );
  });
});
