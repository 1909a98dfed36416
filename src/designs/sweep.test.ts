/**
 * Every two designs do something different somewhere, or it is written down here why they do not. Over all offsets, sizes and
 * directions, local and foreign, coherent or not, at every entry point.
 */
import { expect, test } from 'vitest';
import { type Design, NO_ATTRIBUTES } from '../linux/index.ts';
import { DESIGNS } from './registry.ts';
import {
  COHERENT,
  DEVICE,
  DIRECTIONS,
  type Facts,
  FakeKernel,
  FRAMES,
  foreignShape,
  grant,
  localShape,
  OFFSETS,
  p2mTo,
  type Shape,
  SIZES,
  told,
} from './testing.ts';

/** Designs whose operations are the same, and what they differ in. */
const ALIKE: readonly { readonly names: readonly string[]; readonly because: string }[] = [
  {
    names: ['dma-direct', 'linux-3.12', 'smmu'],
    because:
      'all three are the native operations on the address that Linux has: right on bare metal, right behind an SMMU that translates it, wrong for foreign pages without one; what differs is the machine',
  },
  {
    names: ['linux-5.4', 'linux-5.9'],
    because: 'they differ where the bus has an offset (dma-ranges), see below; here it has none',
  },
  {
    names: ['linux-5.9', 'linux-6.12', 'linux-7.3'],
    because:
      'entry points were renamed and MMIO became an attribute; the maintenance of foreign pages has not changed since 5.9',
  },
];

function* shapes(): Generator<Shape> {
  for (const offset of OFFSETS)
    for (const size of SIZES)
      for (const direction of DIRECTIONS) {
        yield localShape(offset, size, direction);
        yield foreignShape(FRAMES.above, offset, size, direction);
      }
}

/** Everything that a design does over one life of the buffer. */
function* livesOf(design: Design, facts: Facts): Generator<string> {
  for (const device of [DEVICE, COHERENT])
    for (const { phys, size, direction } of shapes()) {
      const kernel = new FakeKernel(facts);
      grant(design, kernel, facts.p2m ?? new Map());
      const dma = design.map(kernel, device, phys, size, direction, NO_ATTRIBUTES);
      design.syncForCpu(kernel, device, dma, size, direction);
      design.syncForDevice(kernel, device, dma, size, direction);
      design.unmap(kernel, device, dma, size, direction, NO_ATTRIBUTES);
      yield `${dma} ${told(kernel.deeds).join('; ')}`;
    }
}

/** Designs by what they do, in the registry's order. */
function groups(facts: Facts): string[][] {
  const byLives = new Map<string, string[]>();
  for (const design of DESIGNS) {
    const lives = [...livesOf(design, facts)].join('\n');
    byLives.set(lives, [...(byLives.get(lives) ?? []), design.name]);
  }
  return [...byLives.values()];
}

const areSaidToBeAlike = (a: string, b: string): boolean => {
  const reached = new Set([a]);
  for (const _ of ALIKE)
    for (const { names } of ALIKE)
      if (names.some((name) => reached.has(name))) for (const name of names) reached.add(name);
  return reached.has(b);
};

const pages: Facts = { p2m: p2mTo(FRAMES.above) };

test('no two designs do the same everywhere but those that are said to, and those do', () => {
  const expected = new Set(
    DESIGNS.map(({ name }) =>
      DESIGNS.map((other) => other.name)
        .filter((other) => areSaidToBeAlike(name, other))
        .join(' '),
    ),
  );
  expect(new Set(groups(pages).map((names) => names.join(' ')))).toEqual(expected);
});

test('behind a bus with an offset 5.4 and 5.9 do not do the same', () => {
  const names = groups({ ...pages, busOffset: 0x4_0000_0000 });
  expect(names.find((group) => group.includes('linux-5.9'))).toEqual([
    'linux-5.9',
    'linux-6.12',
    'linux-7.3',
  ]);
});
