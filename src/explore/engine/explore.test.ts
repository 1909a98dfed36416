import { describe, expect, it } from 'vitest';
import { bruteForce, type Exploration, explore, type Program, replay } from './index.ts';
import { type Atom, type Code, outcomeOf, program, programOf } from './testing.ts';

const BOUNDS = { executions: 100_000, transitions: 10_000_000 };

const read = (cell: number): Atom => ({ do: 'read', cell });
const write = (cell: number, value: number): Atom => ({ do: 'write', cell, value });
const add = (cell: number): Atom => ({ do: 'add', cell, value: 1 });
const locked = (cell: number, ...atoms: Atom[]): Atom[] => [
  { do: 'lock', cell },
  ...atoms,
  { do: 'unlock', cell },
];

function outcomes(code: Code): Exploration & { found: Set<string> } {
  const found = new Set<string>();
  const exploration = explore(programOf(code), BOUNDS, (execution) => {
    found.add(outcomeOf(execution));
    return undefined;
  });
  return { ...exploration, found };
}

describe('how much is executed', () => {
  it('one execution where nobody touches what another does', () => {
    const agent = (cell: number): Code[number] =>
      Array.from({ length: 10 }, () => [add(cell), read(cell), add(cell), add(cell), read(cell)]);
    const result = outcomes([agent(0), agent(1), agent(2), agent(3), agent(4)]);
    expect(result).toMatchObject({ outcome: 'complete', executions: 1, abandoned: 0, transitions: 250 });
  });
  it('one execution where all only read', () => {
    expect(outcomes([[[read(0), read(1)]], [[read(1), read(0)]], [[read(0)]]]).executions).toBe(1);
  });
  it('each order of critical sections once', () => {
    const agent = [locked(0, add(1), read(1))];
    expect(outcomes([agent, agent, agent, agent])).toMatchObject({ executions: 24, abandoned: 0 });
  });
  it('no reversal of a signal and its wait', () => {
    const result = outcomes([[[write(0, 1), add(1)]], [[{ do: 'wait', cell: 0 }, add(2)]], [[add(3)]]]);
    expect(result).toMatchObject({ executions: 1, abandoned: 0 });
  });
  it('one execution of one agent, or of none', () => {
    expect(outcomes([[[add(0)], [add(0), read(0)]]])).toMatchObject({ executions: 1, transitions: 3 });
    expect(outcomes([])).toMatchObject({ outcome: 'complete', executions: 1, transitions: 0 });
    expect(outcomes([[], [[]]])).toMatchObject({ outcome: 'complete', executions: 1, transitions: 0 });
  });
});

describe('replaying', () => {
  const code: Code = [[[add(0), add(1)]], [[{ do: 'wait', cell: 1 }, add(2)]]];
  it('stops where the schedule does, or where it is told to', () => {
    expect(replay(programOf(code), [0])).toMatchObject({ end: 'cut', blocked: [{ agent: 1 }] });
    expect(replay(programOf(code), [0, 0])).toMatchObject({ end: 'cut', blocked: [] });
    const told: string[] = [];
    const stopped = replay(programOf(code), [0, 0, 1, 1], ({ agent, what }, world) => {
      told.push(`${agent} ${what} ${world.cells.slice(0, 3)}`);
      return told.length === 2 ? 'stop' : undefined;
    });
    expect(stopped?.world.cells.slice(0, 3)).toEqual([1, 1, 0]);
    expect(told).toEqual([`0 ${JSON.stringify(add(0))} 1,0,0`, `0 ${JSON.stringify(add(1))} 1,1,0`]);
  });
  it('knows a schedule that cannot be', () => {
    expect(replay(programOf(code), [1])).toBeUndefined();
    expect(replay(programOf(code), [0, 0, 0])).toBeUndefined();
    expect(replay(programOf(code), [2])).toBeUndefined();
  });
});

describe('ends', () => {
  const stuck: Code = [[[{ do: 'wait', cell: 0 }]], [[read(1)]]];
  it('a deadlock that only some orders lead into', () => {
    const code: Code = [[locked(0, ...locked(1, add(2)))], [locked(1, ...locked(0, add(2)))]];
    const ends = new Map<string, readonly number[]>();
    explore(programOf(code), BOUNDS, ({ end, schedule, blocked }) => {
      ends.set(end, schedule);
      if (end === 'deadlock') expect(blocked.map(({ agent }) => agent)).toEqual([0, 1]);
      return undefined;
    });
    expect([...ends.keys()].sort()).toEqual(['deadlock', 'finished']);
    expect(replay(programOf(code), ends.get('deadlock') ?? [])?.end).toBe('deadlock');
  });
  it('a deadlock of everybody, and of one agent alone', () => {
    for (const code of [stuck, stuck.slice(0, 1)]) {
      explore(programOf(code), BOUNDS, ({ end, blocked }) => {
        expect(end).toBe('deadlock');
        expect(blocked).toEqual([{ agent: 0, what: JSON.stringify({ do: 'wait', cell: 0 }) }]);
        return undefined;
      });
    }
  });
  it('a crash is told, and the others run on', () => {
    const code: Code = [[[write(0, 1)], [{ do: 'throwIf', cell: 0 }], [add(1)]], [[add(2), add(2)]]];
    for (const explorer of [explore, bruteForce]) {
      explorer(programOf(code), BOUNDS, ({ end, crashes, world }) => {
        expect(end).toBe('crash');
        expect(crashes).toMatchObject([{ agent: 0, call: 1, message: 'cell 0' }]);
        expect(world.cells.slice(0, 3)).toEqual([1, 0, 2]);
        return undefined;
      });
    }
  });
});

describe('bounds', () => {
  const code: Code = [[[add(0), add(0)]], [[add(0), add(0)]]];
  it.each([explore, bruteForce])('make it inconclusive when hit', (explorer) => {
    const nothing = () => undefined;
    expect(explorer(programOf(code), { ...BOUNDS, executions: 5 }, nothing)).toMatchObject({
      outcome: 'executions',
      executions: 5,
    });
    expect(explorer(programOf(code), { ...BOUNDS, executions: 6 }, nothing)).toMatchObject({
      outcome: 'complete',
      executions: 6,
    });
    expect(explorer(programOf(code), { ...BOUNDS, transitions: 6 }, nothing)).toMatchObject({
      outcome: 'transitions',
      executions: 1,
    });
    expect(explorer(programOf(code), { executions: 0, transitions: 0 }, nothing).outcome).toBe('executions');
  });
  it('end a program that does not end', () => {
    const forever = program(
      () => ({ n: 0 }),
      (world, atomic) => {
        for (;;) atomic('on', () => world.n++);
      },
    );
    expect(explore(forever, { ...BOUNDS, transitions: 1000 }, () => undefined)).toMatchObject({
      outcome: 'transitions',
      executions: 0,
    });
    const two: Program<object> = {
      make: (footprint) => {
        const { world, agents } = forever.make(footprint);
        return { world, agents: [...agents, ...agents] };
      },
    };
    expect(explore(two, { ...BOUNDS, transitions: 1000 }, () => undefined)).toMatchObject({
      outcome: 'transitions',
      transitions: 1000,
    });
  });
  it('visit() can stop it', () => {
    for (const explorer of [explore, bruteForce]) {
      expect(explorer(programOf(code), BOUNDS, () => 'stop')).toMatchObject({
        outcome: 'stopped',
        executions: 1,
      });
    }
  });
});

describe('a call that is made again', () => {
  it('has the answers and the errors that it had', () => {
    const seen: number[][] = [];
    const explored = program(
      () => ({ value: 0, thrown: 0 }),
      (world, atomic, touch) => {
        const found = atomic('read', () => {
          touch('value', false);
          return world.value;
        });
        let caught = 0;
        try {
          atomic('fail', () => {
            touch('value', false);
            throw new RangeError(`${world.value}`);
          });
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          caught = Number(error.message);
        }
        atomic('tell', () => {
          touch('told', true);
          seen.push([found, caught]);
        });
      },
      (world, atomic, touch) => {
        for (let i = 0; i < 2; i++) {
          atomic('write', () => {
            touch('value', true);
            world.value += 1;
          });
        }
      },
    );
    expect(explore(explored, BOUNDS, () => undefined).executions).toBe(6);
    expect(seen.map(String).sort()).toEqual(['0,0', '0,1', '0,2', '1,1', '1,2', '2,2']);
  });
  it('may have atomics within atomics: they are part of them', () => {
    const nested = program(
      () => ({ n: 0 }),
      (world, atomic, touch) =>
        atomic('outer', () => {
          touch('n', true);
          atomic('inner', () => world.n++);
        }),
      (world, atomic, touch) =>
        atomic('other', () => {
          touch('n', true);
          world.n *= 2;
        }),
    );
    for (const explorer of [explore, bruteForce]) {
      const found: number[] = [];
      explorer(nested, BOUNDS, ({ world, schedule }) => {
        expect(schedule.length).toBe(2);
        found.push(world.n);
        return undefined;
      });
      expect(found.sort()).toEqual([1, 2]);
    }
  });
});
