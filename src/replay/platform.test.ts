import { expect, it } from 'vitest';
import { mfn, pfn } from '../address/index.ts';
import { P2m } from './platform.ts';

it('pages that are granted once do not stay in the p2m', () => {
  const p2m = new P2m();
  p2m.set(pfn(7), mfn(9), 1);
  let wrong = 0;
  for (let page = 100; page < 100_100; page++) {
    p2m.set(pfn(page), mfn(page + 5), 1);
    if (p2m.get(pfn(page)) !== page + 5) wrong++;
    p2m.remove(pfn(page), 1);
    if (p2m.get(pfn(page)) !== undefined) wrong++;
  }
  expect(wrong).toBe(0);
  expect(p2m.size).toBeLessThan(10_000);
  expect(p2m.get(pfn(7))).toBe(9);
});

it('a page that is granted again and again is one entry, and no sweep is due for it', () => {
  const p2m = new P2m();
  let swept = 0;
  for (let i = 0; i < 20_000; i++) {
    p2m.set(pfn(1), mfn(i + 1), 1);
    p2m.remove(pfn(1), 1);
    if (p2m.size !== 1) swept++;
  }
  expect([swept, p2m.get(pfn(1))]).toEqual([0, undefined]);
});
