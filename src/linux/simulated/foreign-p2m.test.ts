import { describe, expect, test } from 'vitest';
import { mfn, type Pfn, pfn } from '../../address/index.ts';
import { interrupted, testWorld } from '../testing.ts';
import { SimulatedKernel } from './kernel.ts';
import type { Quirk } from './quirks.ts';

const [FIRST, SECOND, THIRD] = [0x101, 0x102, 0x103].map(pfn) as [Pfn, Pfn, Pfn];

/**
 * Two foreign pages are mapped; one CPU looks one of them up while, before its n-th action, another does something.
 * @returns the frame found, and the faults.
 */
function lookUpWhile(n: number, other: (kernel: SimulatedKernel) => void, page: Pfn, ...quirks: Quirk[]) {
  let kernel: SimulatedKernel | undefined;
  let armed = false;
  const scheduler = interrupted(n, () => kernel && other(kernel));
  const world = testWorld(
    { quirks },
    {
      scheduler: {
        atomic: (what, action, ready) => (armed ? scheduler.atomic(what, action, ready) : action()),
      },
    },
  );
  kernel = new SimulatedKernel(world);
  kernel.setForeignFrame(FIRST, mfn(0x901));
  kernel.setForeignFrame(SECOND, mfn(0x902));
  armed = true;
  return { frame: kernel.pfnToBfn(page), faults: world.faults };
}

describe('looking up a foreign page while others come and go', () => {
  const mapThird = (kernel: SimulatedKernel) => kernel.setForeignFrame(THIRD, mfn(0x903));

  test('finds it', () => {
    for (const n of [0, 1, 2]) expect(lookUpWhile(n, mapThird, SECOND).frame).toBe(0x902);
  });

  test('misses it where the root was read outside the lock, and takes the page for a local one', () => {
    const at = (n: number) => lookUpWhile(n, mapThird, SECOND, 'p2m-root-read-outside-lock').frame;
    expect([at(0), at(1), at(2)]).toEqual([0x902, SECOND, 0x902]);
  });

  test('walks freed memory where the root that was read is gone', () => {
    const unmap = (kernel: SimulatedKernel) => kernel.clearForeignFrame(FIRST);
    const { frame, faults } = lookUpWhile(1, unmap, SECOND, 'p2m-root-read-outside-lock');
    expect(frame).toBe(SECOND);
    expect(faults).toMatchObject([{ rule: 'fault', what: 'look up the p2m tree (use after free)' }]);
    expect(lookUpWhile(1, unmap, SECOND)).toEqual({ frame: 0x902, faults: [] });
  });
});

describe('the p2m of foreign pages', () => {
  test('has one entry a page', () => {
    const kernel = new SimulatedKernel(testWorld());
    expect(kernel.setForeignFrame(FIRST, mfn(1))).toBe(true);
    expect(kernel.setForeignFrame(FIRST, mfn(2))).toBe(false);
    expect(kernel.pfnToBfn(FIRST)).toBe(1);
    kernel.clearForeignFrame(FIRST);
    kernel.clearForeignFrame(FIRST);
    expect(kernel.setForeignFrame(FIRST, mfn(2))).toBe(true);
  });

  test('has no more entries than there is memory for', () => {
    const kernel = new SimulatedKernel(testWorld({ p2mEntries: 1 }));
    expect([kernel.setForeignFrame(FIRST, mfn(1)), kernel.setForeignFrame(SECOND, mfn(2))]).toEqual([
      true,
      false,
    ]);
  });

  test('look-ups commute with each other, not with changes', () => {
    const world = testWorld();
    const kernel = new SimulatedKernel(world);
    kernel.setForeignFrame(FIRST, mfn(1));
    kernel.pfnToBfn(FIRST);
    const cell = 'table:dom0:phys_to_mach';
    expect(world.touched).toEqual([
      { cell, write: true },
      { cell, write: false },
    ]);
  });
});

describe('without LPAE', () => {
  const above = mfn(0x12_3456);

  test('a machine frame above 4 GiB is found whole', () => {
    const kernel = new SimulatedKernel(testWorld({ architecture: 'arm' }));
    kernel.setForeignFrame(FIRST, above);
    expect(kernel.pfnToBfn(FIRST)).toBe(above);
  });

  test('it was cut once (machine-address-cut)', () => {
    const cut = (lpae: boolean) => {
      const kernel = new SimulatedKernel(
        testWorld({ architecture: 'arm', lpae, quirks: ['machine-address-cut'] }),
      );
      kernel.setForeignFrame(FIRST, above);
      return kernel.pfnToBfn(FIRST);
    };
    expect([cut(false), cut(true)]).toEqual([0x2_3456, above]);
  });
});
