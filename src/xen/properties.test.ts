/** What holds after any sequence of hypercalls, and under any interleaving of two. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gfn, physAddr } from '../address/index.ts';
import { ARGUMENTS, DOM0_RAM, GUEST_MFN, GUEST_RAM_GFN, Host, type HostOptions, struct } from './testing.ts';
import { action, World } from './testing-world.ts';

describe.each<[string, HostOptions]>([
  ['without an IOMMU', {}],
  ['with an IOMMU', { dom0: { iommu: true } }],
])('%s', (_name, options) => {
  test('after any sequence pins and references are what is mapped, and no frame has two owners', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const world = new World(options);
        for (const one of actions) {
          world.run(one);
          world.check();
        }
        world.end();
      }),
      { numRuns: 100 },
    );
  });

  test('so they are after any interleaving of two domains, wherever hypercalls stop', () => {
    const program = fc.array(action, { maxLength: 12 });
    fc.assert(
      fc.property(program, program, fc.infiniteStream(fc.boolean()), (first, second, schedule) => {
        const world = new World({ ...options, preempt: () => true });
        const agents = [first, second].map((actions, i) =>
          actions.map((one) => () => world.start(one, physAddr(ARGUMENTS + 4096 * (i + 1)))),
        );
        const running: (Generator<unknown, void, void> | undefined)[] = [undefined, undefined];
        while (agents.some((left) => left.length > 0) || running.some(Boolean)) {
          const i = schedule.next().value ? 1 : 0;
          running[i] ??= agents[i]?.shift()?.();
          if (running[i]?.next().done) running[i] = undefined;
        }
        world.check();
        world.end();
      }),
      { numRuns: 100 },
    );
  });
});

describe('garbage', () => {
  const u32 = fc.oneof(
    fc.nat(20),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(2 ** 31, 2 ** 32 - 1),
  );
  const argument = fc.oneof(
    fc.constant(ARGUMENTS),
    fc.constantFrom(0, 0x90000 * 4096, DOM0_RAM.to * 4096 - 20, 2 ** 53 - 1, 2 ** 52).map(physAddr),
  );
  // Few elements, or a count that is refused: a long array of garbage is only slow.
  const count = fc.oneof(fc.nat(40), fc.constantFrom(-1, 2 ** 31, 2 ** 32 - 1));
  // Bytes as they come, and words that mean something here and there.
  const word = fc.oneof(
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    fc
      .constantFrom(0, 1, 2, 9, 0x7ff0, 0x40200, GUEST_MFN[1] * 4096, 0x90000 * 4096)
      .map((value) => struct(8, [0, 8, value])),
  );
  const bytes = fc
    .array(word, { minLength: 40, maxLength: 40 })
    .map((words) => Uint8Array.from(words.flatMap((one) => [...one])));

  test('gets error codes: nothing throws, nothing is left pinned, no BUG() is reached', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom('grant_table_op' as const, 'memory_op' as const, 'xen_version' as const),
            fc.constantFrom(0, 1, 2),
            u32,
            argument,
            count,
            bytes,
          ),
          { maxLength: 8 },
        ),
        (calls) => {
          const host = new Host({ dom0: { iommu: true } });
          host.writeGrant(1, 9, struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 5]));
          for (const [name, domid, cmd, at, elements, content] of calls) {
            if (host.xen.translate(domid, gfn(ARGUMENTS / 4096))) host.poke(domid, ARGUMENTS, content);
            const rc = host.xen.hypercall(domid, name, cmd, at, elements);
            expect(Number.isInteger(rc)).toBe(true);
            expect(rc).toBeGreaterThan(-200);
            if (name === 'grant_table_op') expect(rc).toBeLessThanOrEqual(0);
          }
          expect(host.xen.bugs).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });
});
