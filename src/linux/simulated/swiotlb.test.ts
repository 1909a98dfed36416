import { describe, expect, test } from 'vitest';
import { mfn, NO_SLOT, offsetBy, PAGE_SIZE, pfnOf, physAddr } from '../../address/index.ts';
import { Direction, NO_ATTRIBUTES } from '../dma.ts';
import { DOM0, GIB, MIB, NIC, type TestWorld, testWorld } from '../testing.ts';
import type { SimulatedDevice } from './device.ts';
import { SimulatedKernel } from './kernel.ts';
import type { Quirk } from './quirks.ts';
import type { BounceCopy } from './world.ts';

const { toDevice, fromDevice, bidirectional } = Direction;
const DIRECTIONS = [toDevice, fromDevice, bidirectional];
const POOL = GIB + 256 * MIB;
const BUFFER = physAddr(GIB + 0x3200);
const ALIGNED: SimulatedDevice = { ...NIC, minAlignMask: 4095 };
const FORCED: SimulatedDevice = { ...NIC, forceBounce: true };
const SKIP = { ...NO_ATTRIBUTES, skipCpuSync: true };

function boot(...quirks: Quirk[]): { world: TestWorld; kernel: SimulatedKernel } {
  const world = testWorld({ quirks });
  return { world, kernel: new SimulatedKernel(world) };
}
/** Copies since the last call, as source, target and bytes. */
function copies({ machine }: TestWorld): [number, number | undefined, number][] {
  return machine.deeds
    .splice(0)
    .flatMap(({ what, from, to, target }) =>
      what === 'copy' ? [[from, target, to - from] as [number, number | undefined, number]] : [],
    );
}

describe('a bounced mapping', () => {
  test('is filled in every direction when it is mapped', () => {
    for (const direction of DIRECTIONS) {
      const { world, kernel } = boot();
      const slot = kernel.swiotlbMap(NIC, BUFFER, 0x300, direction);
      expect(copies(world)).toEqual([[BUFFER, slot, 0x300]]);
    }
  });

  test('is copied back when it is unmapped, if the device may have written and nobody says skip', () => {
    for (const direction of DIRECTIONS)
      for (const attributes of [NO_ATTRIBUTES, SKIP]) {
        const { world, kernel } = boot();
        const slot = kernel.swiotlbMap(NIC, BUFFER, 0x300, direction);
        copies(world);
        kernel.swiotlbUnmap(NIC, slot, 0x300, direction, attributes);
        const back = direction !== toDevice && !attributes.skipCpuSync;
        expect(copies(world)).toEqual(back ? [[slot, BUFFER, 0x300]] : []);
        expect(kernel.swiotlbMap(NIC, BUFFER, 0x80000, direction)).toBe(-1);
      }
  });

  test('is copied the way a sync goes, part by part', () => {
    for (const direction of DIRECTIONS) {
      const { world, kernel } = boot();
      const slot = kernel.swiotlbMap(NIC, BUFFER, 0x3000, direction);
      copies(world);
      const part = offsetBy(slot, 0x1234);
      kernel.swiotlbSyncForCpu(NIC, part, 0x100, direction);
      expect(copies(world)).toEqual(direction === toDevice ? [] : [[part, BUFFER + 0x1234, 0x100]]);
      kernel.swiotlbSyncForDevice(NIC, part, 0x100, direction);
      expect(copies(world)).toEqual(direction === fromDevice ? [] : [[BUFFER + 0x1234, part, 0x100]]);
    }
  });

  test('is never copied past its end', () => {
    const { world, kernel } = boot();
    const slot = kernel.swiotlbMap(NIC, BUFFER, 0x300, fromDevice);
    copies(world);
    kernel.swiotlbSyncForCpu(NIC, offsetBy(slot, 0x200), 0x1000, fromDevice);
    expect(copies(world)).toEqual([[slot + 0x200, BUFFER + 0x200, 0x100]]);
  });

  test('is copied in pieces where machine frames are not contiguous', () => {
    const { world, kernel } = boot();
    world.p2m.set(pfnOf(offsetBy(BUFFER, PAGE_SIZE)), { frame: mfn(0x999), writable: true });
    const slot = kernel.swiotlbMap(NIC, BUFFER, 0x1000, toDevice);
    expect(copies(world)).toEqual([
      [BUFFER, slot, 0xe00],
      [0x999000, slot + 0xe00, 0x200],
    ]);
  });

  test('keeps the bits of the address that the device minds', () => {
    const { kernel } = boot();
    const slot = kernel.swiotlbMap(ALIGNED, BUFFER, 64, toDevice);
    expect(slot % PAGE_SIZE).toBe(0x200);
  });

  test('gets the slots of the CPU\u2019s own area first, and of the others then', () => {
    const { swiotlb } = DOM0;
    if (swiotlb === undefined) throw new Error('DOM0 has a pool');
    const kernel = new SimulatedKernel(testWorld({ swiotlb: { ...swiotlb, areas: 4 } }));
    const map = (cpu: number) => kernel.onCpu(cpu).swiotlbMap(NIC, BUFFER, 0x40000, toDevice);
    expect([2, 0, 2, 2, 1].map(map)).toEqual([POOL + 0x80000, POOL, POOL + 0xc0000, POOL + 0x40000, NO_SLOT]);
  });

  test('is refused where there is no pool', () => {
    const { swiotlb: _, ...platform } = testWorld().platform;
    const kernel = new SimulatedKernel({ ...testWorld(), platform });
    expect(kernel.swiotlbMap(NIC, BUFFER, 64, toDevice)).toBe(-1);
    expect([kernel.swiotlbActive, kernel.inSwiotlb(NIC, BUFFER), kernel.swiotlbForced(NIC)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('is forced by the command line or for a device', () => {
    const { kernel } = boot();
    expect([kernel.swiotlbForced(NIC), kernel.swiotlbForced(FORCED)]).toEqual([false, true]);
    const { swiotlb } = DOM0;
    if (swiotlb === undefined) throw new Error('DOM0 has a pool');
    expect(new SimulatedKernel(testWorld({ swiotlb: { ...swiotlb, force: true } })).swiotlbForced(NIC)).toBe(
      true,
    );
  });
});

describe('a slot that somebody had before', () => {
  test('holds somebody else\u2019s bytes when it is taken again', () => {
    const world = testWorld({ swiotlb: { base: physAddr(POOL), size: 0x40000 } });
    const kernel = new SimulatedKernel(world);
    const owners = () => world.machine.deeds.splice(0).filter(({ what }) => what === 'new owner');
    const slot = kernel.swiotlbMap(NIC, BUFFER, 0x900, toDevice);
    expect(owners()).toEqual([]);
    kernel.swiotlbUnmap(NIC, slot, 0x900, toDevice, NO_ATTRIBUTES);
    // Next-fit: the first two slots come round when the pool has been gone through.
    for (let i = 0; i < 126; i++) kernel.swiotlbMap(NIC, BUFFER, 0x800, toDevice);
    owners();
    expect(kernel.swiotlbMap(NIC, BUFFER, 0x900, fromDevice)).toBe(slot);
    expect(owners()).toEqual([
      { what: 'new owner', from: slot, to: slot + 0x800 },
      { what: 'new owner', from: slot + 0x800, to: slot + 0x1000 },
    ]);
  });
});

describe('with the bug', () => {
  test('slot-not-cleared a receive slot is not filled, a transmit slot is', () => {
    const { world, kernel } = boot('slot-not-cleared');
    kernel.swiotlbMap(NIC, BUFFER, 64, fromDevice);
    expect(copies(world)).toEqual([]);
    kernel.swiotlbMap(NIC, BUFFER, 64, bidirectional);
    expect(copies(world)).toHaveLength(1);
  });

  test('slot-leaks-on-unmap the pool is full after a while', () => {
    const { kernel } = boot('slot-leaks-on-unmap');
    for (let i = 0; i < 4; i++) {
      const slot = kernel.swiotlbMap(NIC, BUFFER, 0x40000, toDevice);
      kernel.swiotlbUnmap(NIC, slot, 0x40000, toDevice, NO_ATTRIBUTES);
    }
    expect(kernel.swiotlbMap(NIC, BUFFER, 1, toDevice)).toBe(-1);
  });

  test('bounce-without-sync a sync copies nothing', () => {
    const { world, kernel } = boot('bounce-without-sync');
    const slot = kernel.swiotlbMap(NIC, BUFFER, 64, bidirectional);
    copies(world);
    kernel.swiotlbSyncForCpu(NIC, slot, 64, bidirectional);
    kernel.swiotlbSyncForDevice(NIC, slot, 64, bidirectional);
    expect(copies(world)).toEqual([]);
  });

  test('partial-sync-loses-offset a sync inside a slot copies to where the slot\u2019s bytes begin', () => {
    const { world, kernel } = boot('partial-sync-loses-offset');
    const slot = kernel.swiotlbMap(NIC, BUFFER, 0x3000, fromDevice);
    copies(world);
    kernel.swiotlbSyncForCpu(NIC, offsetBy(slot, 0x123), 0x40, fromDevice);
    kernel.swiotlbSyncForCpu(NIC, offsetBy(slot, 0x1000), 0x40, fromDevice);
    kernel.swiotlbSyncForCpu(NIC, offsetBy(slot, 0x1a00), 0x40, fromDevice);
    expect(copies(world)).toEqual([
      [slot + 0x123, BUFFER, 0x40],
      [slot + 0x1000, BUFFER + 0x1000, 0x40],
      [slot + 0x1a00, BUFFER + 0x1800, 0x40],
    ]);
  });
});

test('who wants to know is told which bytes go where', () => {
  const told: BounceCopy[] = [];
  const kernel = new SimulatedKernel(testWorld({}, { bounced: (copy) => told.push(copy) }));
  const slot = kernel.swiotlbMap(NIC, BUFFER, 0x300, bidirectional);
  kernel.swiotlbSyncForCpu(NIC, offsetBy(slot, 0x80), 0x40, bidirectional);
  expect(told).toEqual([
    { way: 'to slot', slot, buffer: BUFFER, size: 0x300 },
    { way: 'from slot', slot: slot + 0x80, buffer: BUFFER + 0x80, size: 0x40 },
  ]);
});

test('searches of one area exclude each other, those of two do not', () => {
  const { swiotlb } = DOM0;
  if (swiotlb === undefined) throw new Error('DOM0 has a pool');
  const world = testWorld({ swiotlb: { ...swiotlb, areas: 2 } });
  const kernel = new SimulatedKernel(world);
  const areaCells = (cpu: number) => {
    world.touched.length = 0;
    kernel.onCpu(cpu).swiotlbMap(NIC, BUFFER, 64, toDevice);
    return world.touched.filter(({ cell }) => cell.startsWith('swiotlb:'));
  };
  expect(areaCells(0)).toEqual([{ cell: 'swiotlb:dom0:0', write: true }]);
  expect(areaCells(1)).toEqual([{ cell: 'swiotlb:dom0:1', write: true }]);
});
