import { describe, expect, it } from 'vitest';
import { explore, type Program, replay } from './index.ts';

const BOUNDS = { executions: 1000, transitions: 100_000 };

/** Two agents that add to a counter by a read and a write. */
const counter: Program<{ value: number }> = {
  make: (footprint) => {
    const world = { value: 0 };
    const agent = {
      calls: 1,
      step: (_: number, scheduler: { atomic<T>(what: string, action: () => T): T }) => {
        const seen = scheduler.atomic('read', () => {
          footprint.touch('counter', false);
          return world.value;
        });
        scheduler.atomic('write', () => {
          footprint.touch('counter', true);
          world.value = seen + 1;
        });
      },
    };
    return { world, agents: [agent, agent] };
  },
};

describe('exploring', () => {
  it('finds the lost update, and its schedule replays', () => {
    const seen = new Map<number, readonly number[]>();
    const result = explore(counter, BOUNDS, (execution) => {
      seen.set(execution.world.value, execution.schedule);
      return undefined;
    });
    expect(result.outcome).toBe('complete');
    expect([...seen.keys()].sort()).toEqual([1, 2]);
    for (const [value, schedule] of seen) expect(replay(counter, schedule)?.world.value).toBe(value);
  });
  it('is inconclusive when a bound is hit', () => {
    expect(explore(counter, { ...BOUNDS, executions: 1 }, () => undefined).outcome).toBe('executions');
    expect(explore(counter, { ...BOUNDS, transitions: 3 }, () => undefined).outcome).toBe('transitions');
  });
});
