import { describe, expect, test } from 'vitest';
import { INVALID_P2M_ENTRY, machineAddr, mfn, pfn, physAddr } from '../../address/index.ts';
import { Direction, NO_ATTRIBUTES } from '../dma.ts';
import { CacheFlushOp } from '../kernel.ts';
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
      { rule: 'fault', what: 'invalidate where no memory is mapped for it', at, size: 0x80 },
      { rule: 'fault', what: 'invalidate where no memory is mapped for it', at: 0x1000, size: 0x80 },
    ]);
    expect(world.machine.pieces).toEqual([]);
  });
});

test('a page that has no place in the linear map is reached by a scratch mapping only', () => {
  const world = testWorld();
  const kernel = new SimulatedKernel(world);
  const phys = physAddr(2 * GIB + 0x1000);
  world.p2m.set(phys / 4096, { frame: mfn(0x900), writable: true });
  kernel.syncAliasForCpu({ mapping: 'linear', phys }, 64, Direction.fromDevice);
  expect(world.faults).toHaveLength(1);
  kernel.syncAliasForCpu({ mapping: 'scratch', phys }, 64, Direction.fromDevice);
  expect(world.faults).toHaveLength(1);
  expect(world.machine.deeds).toContainEqual({ what: 'DC IVAC', from: 0x900000, to: 0x900040 });
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

describe('which frames are the kernel\u2019s own', () => {
  const inside = GIB / 4096 + 5;

  test('is decided exactly, ballooned out or not, on Arm', () => {
    const world = testWorld();
    const kernel = new SimulatedKernel(world);
    world.p2m.set(inside, undefined);
    const frames = [inside, GIB / 4096 - 1, (2 * GIB) / 4096];
    expect(frames.map((frame) => kernel.isOwnFrame(mfn(frame)))).toEqual([true, false, false]);
    expect(frames.map((frame) => kernel.machineToPfn(mfn(frame)))).toEqual(frames);
  });

  test('is asked of the machine-to-physical table on x86, where RAM lies anywhere', () => {
    const world = testWorld({ architecture: 'x86', regime: 'EL1' });
    const kernel = new SimulatedKernel(world);
    world.p2m.set(inside, { frame: mfn(0x9999), writable: true });
    expect([kernel.pfnToBfn(pfn(inside)), kernel.machineToPfn(mfn(0x9999))]).toEqual([0x9999, inside]);
    expect([kernel.isOwnFrame(mfn(0x9999)), kernel.isOwnFrame(mfn(0x8888))]).toEqual([true, false]);
    expect([kernel.machineToPfn(mfn(0x8888)), kernel.pfnToBfn(pfn(1))]).toEqual([-1, INVALID_P2M_ENTRY]);
  });

  test('means nothing behind an SMMU, where a device is given pseudo-physical addresses', () => {
    const world = testWorld();
    world.p2m.set(inside, { frame: mfn(0x9999), writable: true });
    expect(new SimulatedKernel(world).pfnToBfn(pfn(inside))).toBe(inside);
  });
});

describe('without LPAE', () => {
  test('an alias above 4 GiB is cut to 32 bits', () => {
    const above = { mapping: 'scratch', phys: physAddr(2 ** 32 + GIB) } as const;
    const cut = (lpae: boolean) => {
      const world = testWorld({ architecture: 'arm', lpae });
      new SimulatedKernel(world).syncAliasForCpu(above, 64, Direction.fromDevice);
      return [world.machine.deeds.at(0)?.from, world.faults.length];
    };
    expect([cut(false), cut(true)]).toEqual([
      [GIB, 0],
      [0, 1],
    ]);
  });

  test('an unsigned long has 32 bits with it and without', () => {
    const bits = (architecture: 'arm' | 'arm64', lpae: boolean) =>
      new SimulatedKernel(testWorld({ architecture, lpae })).longBits;
    expect([bits('arm', false), bits('arm', true), bits('arm64', true)]).toEqual([32, 32, 64]);
  });
});

describe('a core', () => {
  test('maintains through its own cache, by the line size that it believes in', () => {
    const world = testWorld({ believedLineSizes: [64, 32] });
    const kernel = new SimulatedKernel(world);
    for (const cpu of [0, 1]) kernel.onCpu(cpu).archSyncForDevice(at, 64, Direction.toDevice);
    expect(world.machine.deeds.map(({ what }) => what)).toEqual([
      'DC CVAC',
      'DSB',
      'DC CVAC on CPU 1',
      'DSB',
    ]);
    expect(world.machine.options).toEqual([{ stride: 64 }, { stride: 32 }]);
  });

  test('says that a receive buffer may be destroyed, and nothing else', () => {
    const world = testWorld();
    const kernel = new SimulatedKernel(world);
    kernel.archSyncForDevice(at, 64, Direction.fromDevice);
    kernel.archSyncForDevice(at, 64, Direction.bidirectional);
    kernel.archSyncForCpu(at, 64, Direction.fromDevice);
    expect(world.machine.options).toEqual([{ spare: [at, at + 64] }, {}, {}]);
  });

  test('shares everything else with the others', () => {
    const kernel = new SimulatedKernel(testWorld());
    kernel.onCpu(1).setForeignFrame(pfn(0x50000), mfn(0x777));
    expect(kernel.pfnToBfn(pfn(0x50000))).toBe(0x777);
    expect(kernel.onCpu(0)).toBe(kernel);
  });
});

test('a flush without a hypervisor is nobody\u2019s', () => {
  const flush = { devBusAddr: machineAddr(GIB), offset: 0, length: 64, op: CacheFlushOp.clean };
  expect(() => new SimulatedKernel(testWorld()).cacheFlush(flush)).toThrow('without a hypervisor');
});
