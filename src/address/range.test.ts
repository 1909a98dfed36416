import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DmaAddr, dmaAddr } from './kinds.ts';
import { type ByteRange, commonRanges, joinRanges, RangeSet, rangesWithout } from './range.ts';

const BASE = 2 ** 40;
const SPAN = 40;
const range = (from: number, to: number): ByteRange<DmaAddr> => [dmaAddr(BASE + from), dmaAddr(BASE + to)];
const someRanges = fc.array(
  fc.tuple(fc.nat(SPAN), fc.nat(SPAN)).map(([from, to]) => range(from, to)),
  { maxLength: 8 },
);
const bytes = Array.from({ length: SPAN + 2 }, (_, i) => dmaAddr(BASE + i));
const holds = (ranges: readonly ByteRange<DmaAddr>[], at: DmaAddr) =>
  ranges.some(([from, to]) => from <= at && at < to);

test('joining keeps exactly the bytes', () => {
  fc.assert(
    fc.property(someRanges, (ranges) => {
      const joined = joinRanges(ranges);
      expect(bytes.filter((at) => holds(joined, at))).toEqual(bytes.filter((at) => holds(ranges, at)));
    }),
  );
});

test('joined ranges are ascending and have gaps between them', () => {
  fc.assert(
    fc.property(someRanges, (ranges) => {
      const joined = joinRanges(ranges);
      for (const [from, to] of joined) expect(from).toBeLessThan(to);
      joined.slice(1).forEach(([from], i) => {
        expect(from).toBeGreaterThan((joined[i] as ByteRange<DmaAddr>)[1]);
      });
    }),
  );
});

test('joining leaves its input as it was', () => {
  const ranges = [range(8, 16), range(0, 9)];
  joinRanges(ranges);
  expect(ranges).toEqual([range(8, 16), range(0, 9)]);
});

test('a set finds the joined range of a byte, and none for other bytes', () => {
  fc.assert(
    fc.property(someRanges, (ranges) => {
      const set = new RangeSet(ranges);
      for (const at of bytes) {
        const found = set.find(at);
        expect(found).toEqual(joinRanges(ranges).find(([from, to]) => from <= at && at < to));
        expect(set.has(at)).toBe(holds(ranges, at));
      }
    }),
  );
});

test('common and remaining bytes of two sets are those that a byte by byte look gives', () => {
  fc.assert(
    fc.property(someRanges, someRanges, (some, others) => {
      const [common, rest] = [commonRanges(some, others), rangesWithout(some, others)];
      for (const at of bytes) {
        expect(holds(common, at)).toBe(holds(some, at) && holds(others, at));
        expect(holds(rest, at)).toBe(holds(some, at) && !holds(others, at));
      }
      for (const [from, to] of [...common, ...rest]) expect(from).toBeLessThan(to);
    }),
  );
});
