import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimise, smallerNumbers, withoutSome } from './index.ts';

const PLENTY = 100_000;

describe('minimising', () => {
  it('leaves of a list what is needed', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        (list, picks) => {
          const needed = new Set([...picks.take(3)].map((pick) => list[pick % list.length]));
          const fails = (some: readonly number[]) => [...needed].every((one) => some.includes(one as number));
          const { value, minimal } = minimise<readonly number[]>(list, withoutSome, fails, PLENTY);
          expect(value).toEqual(list.filter((one) => needed.has(one)));
          expect(minimal).toBe(true);
        },
      ),
    );
  });
  it('finds the least number that fails, if all above it do', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (a, b, c) => {
        const [least, bound, start] = [a, b, c].sort((one, other) => one - other) as [number, number, number];
        const fails = (value: number) => value >= bound;
        const { value } = minimise(start, (one) => smallerNumbers(one, least), fails, PLENTY);
        expect(value).toBe(bound);
      }),
    );
  });
  it('prefers round numbers', () => {
    expect(
      minimise(
        5003,
        (one) => smallerNumbers(one),
        (one) => one >= 4000,
        PLENTY,
      ).value,
    ).toBe(4000);
    expect([...smallerNumbers(5003)].slice(0, 3)).toEqual([0, 4096, 4608]);
  });
  it('stops at the budget, and says so', () => {
    let asked = 0;
    const fails = () => {
      asked += 1;
      return true;
    };
    const result = minimise(1e9, (one) => [one - 1], fails, 7);
    expect(result).toEqual({ value: 1e9 - 7, tried: 7, minimal: false });
    expect(asked).toBe(7);
  });
  it('gives only smaller numbers, and comes to an end', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (value, least) => {
        const candidates = [...smallerNumbers(value, least)];
        expect(candidates.every((one) => one >= least && one < value)).toBe(true);
        expect(new Set(candidates).size).toBe(candidates.length);
        expect(value <= least || candidates.includes(value - 1)).toBe(true);
      }),
    );
  });
});
