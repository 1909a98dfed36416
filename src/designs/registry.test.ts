import { expect, test } from 'vitest';
import type { Release } from '../linux/index.ts';
import { DESIGNS, designOfRelease, findDesign } from './registry.ts';

const nameOf = (release: Release, xen = true) => designOfRelease(release, xen)?.name;

test.each<[Release, string]>([
  [[3, 13], 'linux-3.13'],
  [[3, 16], 'linux-3.13'],
  [[3, 17], 'linux-3.17'],
  [[3, 18], 'linux-3.17'],
  [[3, 19], 'linux-3.19'],
  [[4, 0], 'linux-3.19'],
  [[5, 3], 'linux-3.19'],
  [[5, 4], 'linux-5.4'],
  [[5, 8], 'linux-5.4'],
  [[5, 9], 'linux-5.9'],
  [[5, 10], 'linux-5.9'],
  [[6, 1], 'linux-5.9'],
  [[6, 11], 'linux-5.9'],
  [[6, 12], 'linux-6.12'],
  [[7, 3], 'linux-7.3'],
  [[8, 0], 'linux-7.3'],
])('release %j on Xen runs %s', (release, name) => {
  expect(nameOf(release)).toBe(name);
});

test('a release before 3.13 has no design of its own: swiotlb-xen came with 3.13', () => {
  expect(nameOf([3, 12])).toBeUndefined();
});

test('releases come oldest first', () => {
  const from = DESIGNS.flatMap(({ releases }) => (releases ? [releases.from] : []));
  expect(from).toEqual([...from].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
});

test('every release without Xen runs dma-direct', () => {
  expect([nameOf([3, 10], false), nameOf([7, 3], false)]).toEqual(['dma-direct', 'dma-direct']);
});

test('every design is found by its name, and no other name is', () => {
  for (const design of DESIGNS) expect(findDesign(design.name)).toBe(design);
  expect(findDesign('linux-5.5')).toBeUndefined();
});

test('names are unique', () => {
  expect(new Set(DESIGNS.map(({ name }) => name)).size).toBe(DESIGNS.length);
});

test('no release belongs to two designs', () => {
  const released = DESIGNS.filter(({ releases }) => releases);
  for (let major = 3; major < 9; major++)
    for (let minor = 0; minor < 25; minor++) {
      const earlier = (a: Release, b: Release) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
      const holders = released.filter(
        ({ releases }) =>
          releases &&
          !earlier([major, minor], releases.from) &&
          (!releases.before || earlier([major, minor], releases.before)),
      );
      expect(holders.length).toBeLessThanOrEqual(1);
    }
});
