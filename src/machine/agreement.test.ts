import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NONE, unplayable, unpredicted } from './agreement.ts';
import { BENCHES, type Bench, type Deed, stories } from './testing.ts';

const RIGHT = { adversarial: NONE, concrete: NONE };
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** A copy within one line: what a device may have written to the one end touches the line of the other. */
function isEntangled({ spec }: Bench, deed: Deed): boolean {
  if (deed.do !== 'copy') return false;
  const granule = spec.lineSizes.at(-1) as number;
  const lines = ([from, to]: readonly [number, number]) => [
    Math.floor(from / granule),
    Math.floor((to - 1) / granule),
  ];
  const [first = 0, last = 0] = lines(deed.span);
  const [low = 0, high = 0] = lines([deed.target, deed.target + deed.span[1] - deed.span[0]]);
  return first <= high && low <= last;
}
const isSnoopingWindow = (deed: Deed): boolean => deed.do === 'open' && deed.snoops && deed.writes;

describe.each(BENCHES)('with $name', (one) => {
  test('every byte that comes out wrong was predicted, with no more hardware moves', () => {
    fc.assert(
      fc.property(stories(one, 10), (deeds) => {
        expect(unpredicted(one, deeds, SEEDS, RIGHT)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('every execution that is claimed can be played, and goes wrong', () => {
    fc.assert(
      fc.property(stories(one, 10), fc.nat(one.size - 1), (deeds, byte) => {
        fc.pre(!deeds.some((deed) => isEntangled(one, deed)) || !deeds.some(isSnoopingWindow));
        expect(unplayable(one, deeds, byte, RIGHT)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
