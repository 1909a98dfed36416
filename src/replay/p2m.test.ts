import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mfn, pfn } from '../address/index.ts';
import { P2m } from './p2m.ts';

it('says of every page what was said of it last', () => {
  const first = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 50, max: 300 }));
  const far = first.map((page) => page + 2 ** 40 - 512);
  const change = fc.record({
    page: fc.oneof(first, far),
    count: fc.integer({ min: 1, max: 30 }),
    frame: fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const p2m = new P2m();
      const expected = new Map<number, number>();
      for (const { page, count, frame } of changes) {
        if (frame === undefined) p2m.remove(pfn(page), count);
        else p2m.set(pfn(page), mfn(frame), count);
        for (let i = 0; i < count; i++)
          if (frame === undefined) expected.delete(page + i);
          else expected.set(page + i, frame + i);
        for (const asked of [page - 1, page, page + count - 1, page + count, 512])
          if (asked >= 0) expect(p2m.get(pfn(asked))).toBe(expected.get(asked));
      }
      for (const [page, frame] of expected) expect(p2m.get(pfn(page))).toBe(frame);
    }),
  );
});

it('pages that are granted once do not stay', () => {
  const p2m = new P2m();
  p2m.set(pfn(7), mfn(9), 1);
  let wrong = 0;
  for (let page = 1000; page < 2 ** 30; page += 10_000) {
    p2m.set(pfn(page), mfn(page + 5), 1);
    if (p2m.get(pfn(page)) !== page + 5) wrong++;
    p2m.remove(pfn(page), 1);
    if (p2m.get(pfn(page)) !== undefined) wrong++;
  }
  expect(wrong).toBe(0);
  expect(p2m.size).toBeLessThan(100_000);
  expect(p2m.get(pfn(7))).toBe(9);
});

it('a page that is granted again and again is held memory for once', () => {
  const p2m = new P2m();
  const sizes = new Set<number>();
  for (let i = 0; i < 20_000; i++) {
    p2m.set(pfn(1), mfn(i + 1), 1);
    p2m.remove(pfn(1), 1);
    sizes.add(p2m.size);
  }
  expect([sizes.size, p2m.get(pfn(1))]).toEqual([1, undefined]);
});
