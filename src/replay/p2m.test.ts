import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mfn, type Pfn, pfn } from '../address/index.ts';
import { P2m } from './p2m.ts';

type Change = { readonly page: number; readonly count: number; readonly frame: number | undefined };

/** The same changes to a Map; after each, some pages are asked for, the last of them remembered by the table. */
function expectAgreement<C extends Change>(
  changes: readonly C[],
  asked: (change: C) => readonly number[],
): void {
  const p2m = new P2m();
  const expected = new Map<number, number>();
  for (const change of changes) {
    const { page, count, frame } = change;
    if (frame === undefined) p2m.remove(pfn(page), count);
    else p2m.set(pfn(page), mfn(frame), count);
    for (let i = 0; i < count; i++)
      if (frame === undefined) expected.delete(page + i);
      else expected.set(page + i, frame + i);
    for (const one of asked(change))
      if (p2m.get(one as Pfn) !== expected.get(one)) expect(one).toBe('as the Map');
  }
  for (const [page, frame] of expected) if (p2m.get(pfn(page)) !== frame) expect(page).toBe('as the Map');
}

const frames = fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined });

it('says of every page what was said of it last', () => {
  const near = fc.integer({ min: 0, max: 100 });
  const change = fc.record({
    page: fc.oneof(
      near,
      near.map((page) => page + 2 ** 40),
    ),
    count: fc.integer({ min: 1, max: 40 }),
    frame: frames,
    ask: fc.array(fc.oneof(near, fc.integer({ min: -40, max: -1 })), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      expectAgreement(changes, ({ ask }) => ask);
    }),
    { numRuns: 1000 },
  );
});

it('and after leaves were swept', () => {
  const change = fc.record({
    page: fc.integer({ min: 0, max: 60_000 }),
    count: fc.constant(8),
    frame: frames,
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 5000, maxLength: 6000, size: 'max' }), (changes) => {
      const freed = changes.map((c): Change => ({ ...c, frame: undefined }));
      expectAgreement([...changes, ...freed, ...changes], ({ page }) => [page, page + 7, page + 8]);
    }),
    { numRuns: 10 },
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
