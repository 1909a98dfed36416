import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RangeTable } from './range-table.ts';

it('finds what going through the list finds, overlaps and empty ranges included', () => {
  const entry = fc.record({ start: fc.bigInt(0n, 20n), end: fc.bigInt(0n, 20n) });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
      const table = new RangeTable(entries);
      for (let address = 0n; address <= 21n; address += 1n)
        expect(table.find(address)).toBe(entries.find(({ start, end }) => address >= start && address < end));
    }),
    { numRuns: 500 },
  );
});

it('takes a list of many thousand ranges that all overlap', () => {
  const entries = Array.from({ length: 20_000 }, (_, i) => ({
    start: 20_000n - BigInt(i),
    end: 40_000n + BigInt(i),
  }));
  const table = new RangeTable(entries);
  expect(table.find(20_000n)).toBe(entries[0]);
  expect(table.find(1n)).toBe(entries[19_999]);
  expect(table.find(40_000n)).toBe(entries[1]);
  expect(table.find(60_000n)).toBeUndefined();
});
