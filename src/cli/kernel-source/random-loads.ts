/** Random kernels and random loads on them, for a design and a source side by side. */
import {
  dmaAddr,
  type MachineAddr,
  type Mfn,
  machineAddr,
  mfnOf,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  physAddr,
} from '../../address/index.ts';
import { type Design, Direction, NO_ATTRIBUTES } from '../../linux/index.ts';
import { type Load, SideBySide, type World } from './differences.ts';

/** How much: `loads` mappings, of four calls each, on each of `worlds` kernels. */
export interface Amount {
  readonly seed: number;
  readonly worlds: number;
  readonly loads: number;
  /** Some bounce for their size: no kernel before 6.5 asks. */
  readonly kmalloc: boolean;
}

const MOST_PAGES = 8;
const KEPT = 5;

/** @returns calls made on each side, and the first differences. */
export function randomLoads(
  ours: Design,
  theirs: Design,
  { seed, worlds, loads, kmalloc }: Amount,
): { readonly calls: number; readonly differences: readonly string[] } {
  const random = generator(seed);
  const differences: string[] = [];
  let calls = 0;
  for (let w = 0; w < worlds; w++) {
    const world = randomWorld(random, kmalloc);
    const both = new SideBySide(ours, theirs, world);
    for (let l = 0; l < loads; l++) {
      const load = randomLoad(random, world);
      const difference = both.run(load);
      if (difference !== undefined && differences.length < KEPT)
        differences.push(`${JSON.stringify({ world, load })}: ${difference}`);
    }
    calls += both.calls;
  }
  return { calls, differences };
}

/** mulberry32: [0, 1). */
type Random = () => number;
function generator(seed: number): Random {
  let state = seed;
  return () => {
    state = Math.imul(state + 0x6d2b79f5, 1);
    const mixed = Math.imul(state, 0x2c1b3c6d) + Math.imul(Math.floor(state / 2 ** 15), 0x297a2d39);
    state = Math.imul(mixed, 1);
    return ((state % 2 ** 31) + 2 ** 31) / 2 ** 32;
  };
}

const upTo = (random: Random, count: number) => Math.floor(random() * count);
const pick = <Value>(random: Random, values: readonly [Value, ...Value[]]): Value =>
  values[upTo(random, values.length)] ?? values[0];

const RAM = [physAddr(0x4000_0000), physAddr(0x8000_0000)] as const;
const SLOTS = physAddr(0x7000_0000);
const BALLOONED = physAddr(0x5000_0000);

function randomWorld(random: Random, kmalloc: boolean): World {
  const architecture = pick<World['architecture']>(random, ['arm64', 'arm']);
  const physBits = architecture === 'arm' && random() < 0.3 ? 32 : 64;
  const wide = physBits === 64;
  const first = machineAddr(
    wide ? pick(random, [0x8000_0000, 0xffff_e000, 0x1_2000_0000, 0x80_0000_0000]) : 0x9000_0000,
  );
  const at = offsetBy(first, upTo(random, 64) * PAGE_SIZE);
  return {
    architecture,
    physBits,
    hasCacheFlush: random() < 0.8,
    ram: RAM,
    foreign: random() < 0.7 ? { at: BALLOONED, frames: randomFrames(random, at) } : undefined,
    validToo: random() < 0.2 ? [at, offsetBy(at, 2 * PAGE_SIZE)] : undefined,
    busOffset: wide ? pick(random, [0, 0, 0x4_0000_0000]) : pick(random, [0, 0x2000_0000]),
    mask: dmaAddr(pick(random, [2 ** 48 - 1, 2 ** 32 - 1, 2 ** 40 - 1])),
    slot: random() < 0.8 ? SLOTS : NO_SLOT,
    forced: random() < 0.1,
    kmallocBounces: kmalloc && random() < 0.1,
  };
}

/** Contiguous for a while. */
function randomFrames(random: Random, first: MachineAddr): Mfn[] {
  const frames: Mfn[] = [];
  let next = first;
  for (let i = 0; i < MOST_PAGES; i++) {
    frames.push(mfnOf(next));
    next = offsetBy(next, random() < 0.85 ? PAGE_SIZE : 16 * PAGE_SIZE);
  }
  return frames;
}

function randomLoad(random: Random, { foreign, busOffset, forced }: World): Load {
  const base: PhysAddr = foreign !== undefined && random() < 0.7 ? BALLOONED : physAddr(0x6000_0000);
  const offset = upTo(random, 4 * PAGE_SIZE);
  return {
    device: { name: 'disk', coherent: random() < 0.15 },
    phys: offsetBy(base, offset),
    size: 1 + upTo(random, pick(random, [64, 4096, 4 * PAGE_SIZE])),
    direction: pick(random, [Direction.bidirectional, Direction.toDevice, Direction.fromDevice]),
    attributes: {
      ...NO_ATTRIBUTES,
      skipCpuSync: random() < 0.1,
      // dma-direct is that of 7.3, which translates registers as well, and bounces none.
      mmio: busOffset === 0 && !forced && random() < 0.05,
    },
  };
}
