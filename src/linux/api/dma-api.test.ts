import { describe, expect, test } from 'vitest';
import { DMA_MAPPING_ERROR, type DmaAddr, dmaAddr, machineAddr, physAddr } from '../../address/index.ts';
import { Direction, NO_ATTRIBUTES } from '../dma.ts';
import type { DmaOps } from '../kernel.ts';
import type { SimulatedDevice } from '../simulated/device.ts';
import { SimulatedKernel } from '../simulated/kernel.ts';
import type { LinuxPlatform } from '../simulated/platform.ts';
import { COHERENT_NIC, NIC, testWorld } from '../testing.ts';
import { DmaApi } from './dma-api.ts';

const { toDevice, fromDevice, bidirectional } = Direction;
const AT = physAddr(0x4000_1000);

/** Writes down what it is asked to do; the DMA address is the physical one, and some pages cannot be mapped. */
function setUp(platform: Partial<LinuxPlatform> = {}, unmappable: readonly number[] = []) {
  const asked: string[] = [];
  const note = (what: string, dma: number, size: number, direction: number, skip = false) =>
    asked.push(`${what} ${dma.toString(16)} ${size} ${direction}${skip ? ' skip' : ''}`);
  const ops: DmaOps = {
    map(kernel, device, phys, size, direction, attributes) {
      note('map', phys, size, direction, attributes.skipCpuSync);
      if (unmappable.includes(phys)) return DMA_MAPPING_ERROR;
      if (!device.coherent) kernel.archSyncForDevice(phys, size, direction);
      return kernel.busToDma(device, machineAddr(phys));
    },
    unmap: (kernel, device, dma, size, direction, attributes) => {
      note('unmap', dma, size, direction, attributes.skipCpuSync);
      if (!device.coherent && !attributes.skipCpuSync) kernel.archSyncForCpu(physAddr(dma), size, direction);
    },
    syncForCpu: (_kernel, _device, dma, size, direction) => void note('for cpu', dma, size, direction),
    syncForDevice: (_kernel, _device, dma, size, direction) => void note('for device', dma, size, direction),
  };
  const world = testWorld(platform);
  return { api: new DmaApi(new SimulatedKernel(world), ops), asked, world };
}

const LIST = [
  { phys: AT, size: 100 },
  { phys: physAddr(0x4000_3000), size: 200 },
  { phys: physAddr(0x4000_5000), size: 300 },
];

describe('a scatterlist', () => {
  test('is mapped, synced and unmapped entry by entry', () => {
    const { api, asked } = setUp();
    const mapped = api.mapSg(NIC, LIST, fromDevice);
    expect(mapped).toEqual(LIST.map(({ phys, size }) => ({ dma: phys, size })));
    if (mapped === undefined) throw new Error('not mapped');
    api.syncSgForCpu(NIC, mapped.slice(1), fromDevice);
    api.syncSgForDevice(NIC, mapped.slice(1), fromDevice);
    api.unmapSg(NIC, mapped, fromDevice);
    expect(asked).toEqual([
      'map 40001000 100 2',
      'map 40003000 200 2',
      'map 40005000 300 2',
      'for cpu 40003000 200 2',
      'for cpu 40005000 300 2',
      'for device 40003000 200 2',
      'for device 40005000 300 2',
      'unmap 40001000 100 2',
      'unmap 40003000 200 2',
      'unmap 40005000 300 2',
    ]);
  });

  test('is mapped whole or not at all: what was mapped is undone, without maintenance', () => {
    const { api, asked, world } = setUp({}, [0x4000_5000]);
    expect(api.mapSg(NIC, LIST, fromDevice)).toBeUndefined();
    expect(asked.slice(3)).toEqual(['unmap 40001000 100 2 skip', 'unmap 40003000 200 2 skip']);
    expect(world.machine.deeds.filter(({ what }) => what === 'DC IVAC')).toEqual([]);
  });
});

describe('the barrier after maintenance', () => {
  const deeds = (platform: Partial<LinuxPlatform>, device: SimulatedDevice = NIC) => {
    const { api, world } = setUp(platform);
    api.mapSg(device, LIST, toDevice);
    return world.machine.deeds.map(({ what }) => what);
  };

  test('is each operation\u2019s own before 7.1, and 32-bit Arm\u2019s to this day', () => {
    const each = ['DC CVAC', 'DSB', 'DC CVAC', 'DSB', 'DC CVAC', 'DSB'];
    expect(deeds({ release: [6, 19] })).toEqual(each);
    expect(deeds({ release: [7, 3], architecture: 'arm' })).toEqual(each.map((what) => what));
  });

  test('is one for a whole list since', () => {
    expect(deeds({ release: [7, 1] })).toEqual(['DC CVAC', 'DC CVAC', 'DC CVAC', 'DSB']);
  });

  test('is not there for a coherent device', () => {
    expect(deeds({ release: [7, 1] }, COHERENT_NIC)).toEqual([]);
  });

  test('can be forgotten where it stands alone (dsb-missing)', () => {
    expect(deeds({ release: [7, 3], quirks: ['dsb-missing'] })).toEqual(['DC CVAC', 'DC CVAC', 'DC CVAC']);
    expect(deeds({ release: [6, 12], quirks: ['dsb-missing'] })).toContain('DSB');
  });

  test('comes before the copy back from a bounce slot', () => {
    const world = testWorld({ release: [7, 3] });
    const kernel = new SimulatedKernel(world);
    const slot = kernel.swiotlbMap(NIC, AT, 64, fromDevice);
    world.machine.deeds.length = 0;
    kernel.archSyncForCpu(slot, 64, fromDevice);
    kernel.swiotlbUnmap(NIC, slot, 64, fromDevice, NO_ATTRIBUTES);
    expect(world.machine.deeds.map(({ what }) => what)).toEqual(['DC IVAC', 'DSB', 'copy']);
  });
});

describe('one buffer', () => {
  test('goes to the design as it is', () => {
    const { api, asked } = setUp();
    const skip = { ...NO_ATTRIBUTES, skipCpuSync: true };
    const dma = api.map(NIC, AT, 64, bidirectional, skip);
    api.syncForCpu(NIC, dmaAddr(dma + 16), 8, bidirectional);
    api.syncForDevice(NIC, dmaAddr(dma + 16), 8, bidirectional);
    api.unmap(NIC, dma, 64, bidirectional, skip);
    expect(asked).toEqual([
      'map 40001000 64 0 skip',
      'for cpu 40001010 8 0',
      'for device 40001010 8 0',
      'unmap 40001000 64 0 skip',
    ]);
  });

  test('that must be coherent is refused for a device that is not', () => {
    const { api, asked } = setUp();
    const attributes = { ...NO_ATTRIBUTES, requireCoherent: true };
    expect(api.map(NIC, AT, 64, toDevice, attributes)).toBe(DMA_MAPPING_ERROR);
    expect(asked).toEqual([]);
    expect(api.map(COHERENT_NIC, AT, 64, toDevice, attributes)).toBe(AT);
  });

  test('is synced for the CPU where it should be for the device, with the bug of that name', () => {
    const { api, asked } = setUp({ quirks: ['for-device-calls-for-cpu-helper'] });
    api.syncForDevice(NIC, dmaAddr(AT), 64, bidirectional);
    api.syncSgForDevice(NIC, [{ dma: dmaAddr(AT), size: 64 }], bidirectional);
    expect(asked).toEqual(['for cpu 40001000 64 0', 'for cpu 40001000 64 0']);
  });
});

describe('registers of another device', () => {
  const behindBus: SimulatedDevice = {
    ...NIC,
    dmaMask: 0xf_ffff_ffff as DmaAddr,
    windows: [{ busFrom: dmaAddr(0x4_0000_0000), machineFrom: machineAddr(0), size: 2 ** 32 }],
  };
  const registers = physAddr(0xfe00_0000);

  test('are mapped through the bus', () => {
    const { api, asked } = setUp();
    const dma = api.mapResource(behindBus, registers, 64, bidirectional);
    api.unmapResource(behindBus, dma, 64, bidirectional);
    expect(dma).toBe(0x4_fe00_0000);
    expect(asked).toHaveLength(2);
  });

  test('were given by the CPU\u2019s address once (mmio-map-ignores-dma-ranges)', () => {
    const { api } = setUp({ quirks: ['mmio-map-ignores-dma-ranges'] });
    expect(api.mapResource(behindBus, registers, 64, bidirectional)).toBe(registers);
    const narrow = { ...behindBus, dmaMask: dmaAddr(0xffff) };
    expect(api.mapResource(narrow, registers, 64, bidirectional)).toBe(DMA_MAPPING_ERROR);
  });
});
