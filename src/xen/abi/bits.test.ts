import fc from 'fast-check';
import { expect, test } from 'vitest';
import { has, only, withBit, withoutBit } from './bits.ts';

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bit = fc.integer({ min: 0, max: 31 });

/** The oracle: a word as 32 binary digits, bit 0 last. */
const digits = (value: number) => [...value.toString(2).padStart(32, '0')];
const withDigit = (value: number, n: number, digit: string) =>
  Number.parseInt(
    digits(value)
      .with(31 - n, digit)
      .join(''),
    2,
  );

test('flag words are handled as unsigned 32-bit ones', () => {
  fc.assert(
    fc.property(word, bit, (value, n) => {
      expect(has(value, 2 ** n)).toBe(digits(value)[31 - n] === '1');
      expect(withBit(value, 2 ** n)).toBe(withDigit(value, n, '1'));
      expect(withoutBit(value, 2 ** n)).toBe(withDigit(value, n, '0'));
    }),
  );
});

test('only: no bit beside those named', () => {
  fc.assert(
    fc.property(word, fc.uniqueArray(bit, { maxLength: 4 }), (value, bits) => {
      const others = digits(value).filter((digit, i) => digit === '1' && !bits.includes(31 - i));
      expect(only(value, ...bits.map((n) => 2 ** n))).toBe(others.length === 0);
    }),
  );
});
