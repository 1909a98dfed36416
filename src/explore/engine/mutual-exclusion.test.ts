import { describe, expect, it } from 'vitest';
import type { Footprint, Scheduler } from '../../machine/index.ts';
import { explore, type Program, replay } from './index.ts';
import { program } from './testing.ts';

const BOUNDS = { executions: 1000, transitions: 100_000 };

/** Mutual exclusion of two agents by Peterson: `order` is what each says first. */
function peterson(
  order: 'flag first' | 'turn first',
): Program<{ flags: boolean[]; turn: number; inside: number; both: boolean }> {
  return program(
    () => ({ flags: [false, false], turn: 0, inside: 0, both: false }),
    ...[0, 1].map(
      (me) =>
        (
          world: { flags: boolean[]; turn: number; inside: number; both: boolean },
          atomic: Scheduler['atomic'],
          touch: Footprint['touch'],
        ) => {
          const other = 1 - me;
          const flag = () =>
            atomic('flag', () => {
              touch(`flag ${me}`, true);
              world.flags[me] = true;
            });
          const turn = () =>
            atomic('turn', () => {
              touch('turn', true);
              world.turn = other;
            });
          if (order === 'flag first') [flag(), turn()];
          else [turn(), flag()];
          atomic(
            'enter',
            () => {
              touch(`flag ${other}`, false);
              touch('turn', false);
              touch('inside', true);
              world.inside += 1;
              if (world.inside > 1) world.both = true;
            },
            () => !world.flags[other] || world.turn === me,
          );
          atomic('leave', () => {
            touch('inside', true);
            world.inside -= 1;
          });
          atomic('flag down', () => {
            touch(`flag ${me}`, true);
            world.flags[me] = false;
          });
        },
    ),
  );
}

describe('mutual exclusion', () => {
  const holds = (explored: ReturnType<typeof peterson>): boolean => {
    let both = false;
    const { outcome } = explore(explored, BOUNDS, ({ world, end }) => {
      expect(end).toBe('finished');
      both ||= world.both;
      return undefined;
    });
    expect(outcome).toBe('complete');
    return !both;
  };
  it('holds by Peterson', () => expect(holds(peterson('flag first'))).toBe(true));
  it('does not if the turn is given before the flag is raised', () =>
    expect(holds(peterson('turn first'))).toBe(false));
  it.each([
    ['without a lock updates get lost', false, [1, 2]],
    ['with one they do not', true, [2]],
  ])('%s', (_, locks, values) => {
    const increment = (world: Counter, atomic: Scheduler['atomic'], touch: Footprint['touch']): void => {
      const setLock = (held: boolean) => (): void => {
        touch('lock', true);
        world.held = held;
      };
      if (locks) atomic('lock', setLock(true), () => !world.held);
      const seen = atomic('read', () => {
        touch('value', false);
        return world.value;
      });
      atomic('write', () => {
        touch('value', true);
        world.value = seen + 1;
      });
      if (locks) atomic('unlock', setLock(false));
    };
    const found = new Map<number, readonly number[]>();
    const counter = program<Counter>(() => ({ value: 0, held: false }), increment, increment);
    explore(counter, BOUNDS, ({ world, schedule, transitions }) => {
      expect(transitions.map(({ agent }) => agent)).toEqual(schedule);
      found.set(world.value, schedule);
      return undefined;
    });
    expect([...found.keys()].sort()).toEqual(values);
    for (const [value, schedule] of found) expect(replay(counter, schedule)?.world.value).toBe(value);
  });
});

interface Counter {
  value: number;
  held: boolean;
}
