import { describe, expect, it } from 'vitest';
import type { Footprint, Scheduler } from '../../machine/index.ts';
import { explore, type Program, ProgramError } from './index.ts';
import { program } from './testing.ts';

const BOUNDS = { executions: 1000, transitions: 100_000 };

describe('programs that break the rules are refused', () => {
  const two = (call: Parameters<typeof program<{ n: number }>>[1]) => program(() => ({ n: 0 }), call, call);
  const refused = (broken: Program<unknown>, how: RegExp) => {
    expect(() => explore(broken, BOUNDS, () => undefined)).toThrow(ProgramError);
    expect(() => explore(broken, BOUNDS, () => undefined)).toThrow(how);
  };
  it('touching outside atomics', () => {
    refused(
      two((_world, _atomic, touch) => touch('n', false)),
      /n is touched outside/,
    );
  });
  it('catching what ends a call', () => {
    refused(
      two((world, atomic, touch) => {
        for (let i = 0; i < 2; i++) {
          try {
            atomic('a', () => {
              touch('n', true);
              world.n += 1;
            });
          } catch {}
        }
      }),
      /caught/,
    );
  });
  it('a world that is never the same', () => {
    let made = 0;
    const broken = program(
      () => ({ made: made++ }),
      ...[1, 2].map(
        () =>
          ({ made }: { made: number }, atomic: Scheduler['atomic'], touch: Footprint['touch']) => {
            for (let i = 0; i < 2; i++) atomic(`in world ${made}`, () => touch('n', true));
          },
      ),
    );
    expect(() => explore(broken, BOUNDS, () => undefined)).toThrow(/made again is another/);
  });
  it('a call that goes another way on the same answers', () => {
    let calls = 0;
    refused(
      two((_, atomic, touch) => {
        for (let i = 0; i < 2; i++) atomic(`in call ${calls++}`, () => touch('n', true));
      }),
      /did otherwise/,
    );
  });
  it('a condition that names now these cells, now those', () => {
    refused(
      program(
        () => ({ a: 0, b: 0 }),
        (world, atomic, touch) =>
          atomic(
            'wait',
            () => touch('a', false),
            () => {
              touch('a', false);
              if (world.a === 0) return false;
              touch('b', false);
              return world.b !== 0;
            },
          ),
        (world, atomic, touch) => {
          for (const name of ['a', 'b'] as const) {
            atomic(name, () => {
              touch(name, true);
              world[name] = 1;
            });
          }
        },
      ),
      /same cells/,
    );
  });
  it('a footprint that hides what enables another', () => {
    refused(
      program(
        () => ({ go: false }),
        (world, atomic, touch) => {
          atomic(
            'wait',
            () => touch('own', true),
            () => world.go,
          );
          atomic('read', () => touch('common', false));
        },
        (world, atomic, touch) =>
          atomic('go', () => {
            touch('common', true);
            world.go = true;
          }),
      ),
      /footprint is incomplete/,
    );
  });
});
