/** The kernel's source does what the design of its release does, operation by operation. */
import { describe, expect, it } from 'vitest';
import { dmaAddr, type MachineAddr, machineAddr, NO_SLOT, PAGE_SIZE, physAddr } from '../../address/index.ts';
import { designOfRelease, dmaDirect } from '../../designs/index.ts';
import { type Design, Direction, NO_ATTRIBUTES } from '../../linux/index.ts';
import { openTree } from './build.ts';
import { framesFrom, SideBySide, type World } from './differences.ts';
import { randomLoads } from './random-loads.ts';
import { designsOf, MISSING, TREE, treeFolder } from './testing.ts';

const STEP = 64;
const PAGES = 4;
const LOCAL = physAddr(0xc000_0000);
/** Where dom0 sees the foreign pages. */
const BALLOONED = physAddr(0xd000_0000);
const BELOW = machineAddr(0x5000_0000);
const ABOVE = machineAddr(0x1_5000_0000);
const RAM = [LOCAL, physAddr(0x1_0000_0000)] as const;
/** dom0's RAM above 4 GiB. */
const HIGH = [physAddr(0x8_0000_0000), physAddr(0x9_0000_0000)] as const;

const world = (architecture: 'arm64' | 'arm', ram: World['ram'], frames?: MachineAddr): World => ({
  architecture,
  physBits: 64,
  hasCacheFlush: true,
  ram,
  foreign: frames === undefined ? undefined : { at: BALLOONED, frames: framesFrom(frames, PAGES) },
  validToo: undefined,
  busOffset: 0,
  mask: dmaAddr(2 ** 48 - 1),
  slot: NO_SLOT,
  forced: false,
  kmallocBounces: false,
});

const BUFFERS = [
  { name: 'local, below 4 GiB', at: LOCAL, world: (a: 'arm64' | 'arm') => world(a, RAM) },
  { name: 'local, above', at: HIGH[0], world: (a: 'arm64' | 'arm') => world(a, HIGH) },
  { name: 'foreign, below', at: BALLOONED, world: (a: 'arm64' | 'arm') => world(a, RAM, BELOW) },
  { name: 'foreign, above', at: BALLOONED, world: (a: 'arm64' | 'arm') => world(a, RAM, ABOVE) },
] as const;
const DEVICES = [
  { name: 'disk', coherent: false },
  { name: 'nic', coherent: true },
];

/** Every offset and size over the pages, with every direction. @returns the first differences. */
function enumerate(ours: Design, theirs: Design, architecture: 'arm64' | 'arm', most = 3) {
  const differences: string[] = [];
  let calls = 0;
  for (const buffer of BUFFERS) {
    const both = new SideBySide(ours, theirs, buffer.world(architecture));
    for (const device of DEVICES)
      for (const direction of Object.values(Direction))
        for (let offset = 0; offset < PAGES * PAGE_SIZE; offset += STEP)
          for (let size = STEP; offset + size <= PAGES * PAGE_SIZE; size += STEP) {
            const phys = physAddr(buffer.at + offset);
            const difference = both.run({ device, phys, size, direction, attributes: NO_ATTRIBUTES });
            if (difference !== undefined)
              differences.push(`${buffer.name} ${device.name} ${direction} ${offset}+${size}: ${difference}`);
            if (differences.length >= most) return { differences, calls };
          }
    calls += both.calls;
  }
  return { differences, calls };
}

describe.skipIf('missing' in TREE)(`the source does what the design of its release does ${MISSING}`, () => {
  const { xen, direct } = 'missing' in TREE ? { xen: dmaDirect, direct: dmaDirect } : designsOf();
  const release = 'missing' in TREE ? ([6, 1] as const) : openTree(treeFolder()).release;
  const onXen = designOfRelease(release, true) ?? dmaDirect;

  it.each(['arm64', 'arm'] as const)(
    'all offsets, sizes and directions over four pages, on %s',
    { timeout: 60_000 },
    (architecture) => {
      const { differences, calls } = enumerate(onXen, xen, architecture);
      expect(differences).toEqual([]);
      expect(calls).toBe(4 * 2 * 3 * ((256 * 257) / 2) * 4);
    },
  );

  it('the same without Xen', { timeout: 60_000 }, () => {
    const { differences } = enumerate(dmaDirect, direct, 'arm64');
    expect(differences).toEqual([]);
  });

  it.each([
    ['on Xen', onXen, xen],
    ['without Xen', dmaDirect, direct],
  ] as const)(
    'random calls, pools, masks, buses and classifiers, %s',
    { timeout: 60_000 },
    (_, ours, theirs) => {
      expect(
        randomLoads(ours, theirs, { seed: 1, worlds: 4000, loads: 20, kmalloc: false }).differences,
      ).toEqual([]);
    },
  );

  it('another design is told from it', { timeout: 60_000 }, () => {
    const other = designOfRelease([5, 3], true) ?? dmaDirect;
    expect(enumerate(other, xen, 'arm64').differences.length).toBeGreaterThan(0);
  });
});
