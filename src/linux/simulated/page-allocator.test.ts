import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, type PhysAddr, physAddr } from '../../address/index.ts';
import { GIB, testWorld } from '../testing.ts';
import { PageAllocator } from './page-allocator.ts';

const FROM = physAddr(GIB + PAGE_SIZE);
const allocator = (pages: number) =>
  new PageAllocator(testWorld(), 'heap', [[FROM, physAddr(FROM + pages * PAGE_SIZE)]]);
const anywhere = () => true;

describe('the page allocator', () => {
  test('never gives a page twice, and aligns as the buddy allocator does', () => {
    const steps = fc.array(
      fc.record({ size: fc.integer({ min: 1, max: 5 * PAGE_SIZE }), free: fc.boolean() }),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const pages = allocator(33);
        const taken: { at: PhysAddr; size: number }[] = [];
        for (const { size, free } of all) {
          const given = free ? taken.shift() : undefined;
          if (given) pages.free(given.at, given.size);
          const at = pages.allocate(size, anywhere);
          if (at === undefined) continue;
          const count = Math.ceil(size / PAGE_SIZE);
          expect(at % (2 ** Math.ceil(Math.log2(count)) * PAGE_SIZE)).toBe(0);
          for (const other of taken)
            expect(at + count * PAGE_SIZE <= other.at || other.at + other.size <= at).toBe(true);
          taken.push({ at, size: count * PAGE_SIZE });
        }
      }),
    );
  });

  test('skips what does not suit, and says when there is nothing left', () => {
    const pages = allocator(3);
    expect(pages.allocate(PAGE_SIZE, (at) => at > FROM)).toBe(FROM + PAGE_SIZE);
    expect(pages.allocate(2 * PAGE_SIZE, anywhere)).toBeUndefined();
    expect([1, 2, 3].map(() => pages.allocate(1, anywhere))).toEqual([FROM, FROM + 2 * PAGE_SIZE, undefined]);
    pages.free(FROM, PAGE_SIZE);
    expect(pages.allocate(1, anywhere)).toBe(FROM);
  });
});
