import { describe, expect, test } from 'vitest';
import { mfn, pfn, physAddr } from '../../address/index.ts';
import { Direction, NO_ATTRIBUTES } from '../dma.ts';
import { GIB, MIB, NARROW, NIC, testWorld } from '../testing.ts';
import { SimulatedKernel } from './kernel.ts';

const at = physAddr(GIB + 0x1040);

describe('native maintenance on arm64 under a hypervisor', () => {
  test('cleans for the device and invalidates for the CPU, at the machine address, each with its barrier', () => {
    const world = testWorld();
    const kernel = new SimulatedKernel(world);
    kernel.archSyncForDevice(at, 0x80, Direction.fromDevice);
    kernel.archSyncForCpu(at, 0x80, Direction.fromDevice);
    expect(world.machine.deeds).toEqual([
      { what: 'DC CVAC', from: at, to: at + 0x80 },
      { what: 'DSB', from: 0, to: 0 },
      { what: 'DC IVAC', from: at, to: at + 0x80 },
      { what: 'DSB', from: 0, to: 0 },
    ]);
  });

  test('goes where stage 2 leads, in pieces where frames are not contiguous', () => {
    const world = testWorld();
    world.p2m.set(GIB / 4096 + 1, { frame: mfn(0x900), writable: true });
    new SimulatedKernel(world).archSyncForCpu(physAddr(GIB + 0xf80), 0x1100, Direction.bidirectional);
    expect(world.machine.deeds.filter(({ what }) => what !== 'DSB')).toEqual([
      { what: 'DC IVAC', from: GIB + 0xf80, to: GIB + 0x1000 },
      { what: 'DC IVAC', from: 0x900000, to: 0x901000 },
      { what: 'DC IVAC', from: GIB + 0x2000, to: GIB + 0x2080 },
    ]);
  });

  test('faults on an alias behind which there is nothing', () => {
    const world = testWorld();
    world.p2m.set(GIB / 4096 + 1, undefined);
    const kernel = new SimulatedKernel(world);
    kernel.archSyncForCpu(at, 0x80, Direction.fromDevice);
    kernel.archSyncForCpu(physAddr(0x1000), 0x80, Direction.fromDevice);
    expect(world.faults).toEqual([
      { rule: 'fault', what: 'invalidate', at, size: 0x80 },
      { rule: 'fault', what: 'invalidate', at: 0x1000, size: 0x80 },
    ]);
    expect(world.machine.pieces).toEqual([]);
  });
});

test('a bounced receive: slot filled, and copied back when it is unmapped', () => {
  const world = testWorld();
  const kernel = new SimulatedKernel(world);
  const slot = kernel.swiotlbMap(NIC, at, 0x100, Direction.fromDevice);
  expect(slot).toBe(GIB + 256 * MIB);
  kernel.swiotlbUnmap(NIC, slot, 0x100, Direction.fromDevice, NO_ATTRIBUTES);
  expect(world.machine.deeds).toEqual([
    { what: 'copy', from: at, to: at + 0x100, target: slot },
    { what: 'copy', from: slot, to: slot + 0x100, target: at },
  ]);
});

test('frames are 1:1 but for those in the p2m', () => {
  const kernel = new SimulatedKernel(testWorld());
  kernel.setForeignFrame(pfn(0x50000), mfn(0x123456));
  expect([kernel.pfnToBfn(pfn(0x50000)), kernel.pfnToBfn(pfn(0x50001))]).toEqual([0x123456, 0x50001]);
  kernel.clearForeignFrame(pfn(0x50000));
  expect(kernel.pfnToBfn(pfn(0x50000))).toBe(0x50000);
});

test('a mask of 32 bits reaches the last byte below 4 GiB and none above', () => {
  const kernel = new SimulatedKernel(testWorld());
  const last = kernel.busToDma(NARROW, 0xfffff000 as Parameters<typeof kernel.busToDma>[1]);
  expect([kernel.dmaCapable(NARROW, last, 4096), kernel.dmaCapable(NARROW, last, 4097)]).toEqual([
    true,
    false,
  ]);
});
