/** The kernel on a machine whose caches do their worst: what its rules and its bugs mean for data. */
import { describe, expect, test } from 'vitest';
import { type DmaAddr, machineAddr, offsetBy, PAGE_SIZE, type PhysAddr, physAddr } from '../address/index.ts';
import { AdversarialMachine } from '../machine/adversarial/index.ts';
import type { MachineFault, MachineSpec } from '../machine/index.ts';
import { allocCoherent } from './api/coherent.ts';
import { DmaApi } from './api/dma-api.ts';
import { Direction, NO_ATTRIBUTES } from './dma.ts';
import type { DmaOps } from './kernel.ts';
import type { SimulatedDevice } from './simulated/device.ts';
import { SimulatedKernel } from './simulated/kernel.ts';
import type { LinuxPlatform } from './simulated/platform.ts';
import type { Quirk } from './simulated/quirks.ts';
import { DOM0, GIB, NIC, testWorld } from './testing.ts';

const { toDevice, fromDevice } = Direction;
const DMA = { name: 'nic', snoops: false } as const;
const BUFFER = physAddr(GIB + 0x1_0000);
const SIZE = 256;
const FORCED: SimulatedDevice = { ...NIC, forceBounce: true };

/** Native operations, as dma-direct has them, on RAM that is where it is. */
const native: DmaOps = {
  map(kernel, device, phys, size, direction) {
    const owned = kernel.swiotlbForced(device)
      ? kernel.swiotlbMap(device, phys, size, direction, NO_ATTRIBUTES)
      : phys;
    kernel.archSyncForDevice(owned, size, direction);
    return kernel.busToDma(device, machineAddr(owned));
  },
  unmap(kernel, device, dma, size, direction) {
    const phys = physAddr(dma);
    kernel.archSyncForCpu(phys, size, direction);
    if (kernel.inSwiotlb(device, phys)) kernel.swiotlbUnmap(device, phys, size, direction, NO_ATTRIBUTES);
  },
  syncForCpu(kernel, device, dma, size, direction) {
    kernel.archSyncForCpu(physAddr(dma), size, direction);
    if (kernel.inSwiotlb(device, physAddr(dma)))
      kernel.swiotlbSyncForCpu(device, physAddr(dma), size, direction);
  },
  syncForDevice(kernel, device, dma, size, direction) {
    if (kernel.inSwiotlb(device, physAddr(dma)))
      kernel.swiotlbSyncForDevice(device, physAddr(dma), size, direction);
    kernel.archSyncForDevice(physAddr(dma), size, direction);
  },
};

function boot(platform: Partial<LinuxPlatform> = {}, hardware: Partial<MachineSpec> = {}) {
  const faults: MachineFault[] = [];
  const spec: MachineSpec = {
    lineSizes: [64],
    outerCache: false,
    localMaintenance: false,
    explicitBarriers: false,
    cpus: 1,
    ...hardware,
  };
  const machine = new AdversarialMachine(spec, (fault) => faults.push(fault));
  const kernel = new SimulatedKernel({ ...testWorld(platform), machine });
  const span = (at: DmaAddr | PhysAddr, size: number) => [machineAddr(at), machineAddr(at + size)] as const;
  return {
    machine,
    kernel,
    api: new DmaApi(kernel, native),
    deviceReads: (at: DmaAddr | PhysAddr, size: number) => machine.deviceRead(DMA, ...span(at, size)),
    deviceWrites: (at: DmaAddr | PhysAddr, size: number) => machine.deviceWrite(DMA, ...span(at, size)),
    /** Rules that were broken, each once. */
    broken: () => [...new Set(faults.splice(0).map(({ rule }) => rule))],
  };
}

/** The CPU writes a buffer, the device reads it. */
function transmit(
  { kernel, api, deviceReads, broken }: ReturnType<typeof boot>,
  device: SimulatedDevice = NIC,
) {
  kernel.cpuWrite(BUFFER, SIZE);
  const dma = api.map(device, BUFFER, SIZE, toDevice);
  deviceReads(dma, SIZE);
  api.unmap(device, dma, SIZE, toDevice);
  return broken();
}
/** The device writes a buffer that is to be received into, and the CPU reads it. */
function receive(system: ReturnType<typeof boot>, device: SimulatedDevice = NIC) {
  system.machine.initialise(machineAddr(BUFFER), machineAddr(BUFFER + SIZE), 'anything');
  return received(system, SIZE, device);
}
/** The CPU has written all of the buffer, the device writes the first half, and the CPU reads all of it. */
function receiveHalf(system: ReturnType<typeof boot>, device: SimulatedDevice = NIC) {
  system.kernel.cpuWrite(BUFFER, SIZE);
  return received(system, SIZE / 2, device);
}
function received(
  { kernel, api, deviceWrites, broken }: ReturnType<typeof boot>,
  bytes: number,
  device: SimulatedDevice,
) {
  const dma = api.map(device, BUFFER, SIZE, fromDevice);
  deviceWrites(dma, bytes);
  api.unmap(device, dma, SIZE, fromDevice);
  kernel.cpuRead(BUFFER, SIZE);
  return broken();
}

const quirk = (name: Quirk) => ({ quirks: [name] });

describe('a native transfer', () => {
  const kernels: [string, Partial<LinuxPlatform>, Partial<MachineSpec>][] = [
    ['arm64 5.10', { release: [5, 10] }, {}],
    ['arm64 7.3', { release: [7, 3] }, { explicitBarriers: true }],
    ['arm64 without a hypervisor', { regime: 'EL1' }, {}],
    ['arm', { architecture: 'arm' }, {}],
    [
      'arm with an outer cache',
      { architecture: 'arm', outerCacheDriver: true },
      { lineSizes: [32], outerCache: true },
    ],
  ];
  test.each(kernels)('is right in both directions on %s', (_name, platform, hardware) => {
    const system = boot(platform, hardware);
    expect([transmit(system), receive(system)]).toEqual([[], []]);
  });

  test.each(kernels)('is right through a bounce slot on %s', (_name, platform, hardware) => {
    const system = boot(platform, hardware);
    expect([transmit(system, FORCED), receive(system, FORCED)]).toEqual([[], []]);
  });

  test('goes wrong where an outer cache is left alone', () => {
    const unattended = () => boot({ architecture: 'arm' }, { lineSizes: [32], outerCache: true });
    expect(transmit(unattended())).toEqual(['stale-device-read']);
    expect(receive(unattended())).toContain('stale-cpu-read');
  });

  test('goes wrong where the native operations are lost', () => {
    expect(transmit(boot(quirk('null-dma-ops')))).toEqual(['stale-device-read']);
    expect(receive(boot(quirk('null-dma-ops')))).toContain('stale-cpu-read');
  });

  test('goes wrong where the batched barrier is forgotten', () => {
    const release = [7, 3] as const;
    expect(transmit(boot({ release, ...quirk('dsb-missing') }, { explicitBarriers: true }))).toEqual([
      'stale-device-read',
    ]);
  });

  test('goes wrong where a core steps by a line size that is not the hardware\u2019s', () => {
    expect(transmit(boot({ believedLineSizes: [128] }))).toEqual(['stale-device-read']);
    expect(transmit(boot({ believedLineSizes: [32] }))).toEqual([]);
  });
});

describe('what the device does not write of a receive buffer', () => {
  const bare = { regime: 'EL1' } as const;

  test('keeps what the CPU had stored, on arm64 since 5.19', () => {
    expect(receiveHalf(boot({ ...bare, release: [5, 19] }))).toEqual([]);
    expect(receiveHalf(boot({ ...bare, release: [5, 19] }), FORCED)).toEqual([]);
  });

  test('may be lost before, and on 32-bit Arm to this day', () => {
    expect(receiveHalf(boot({ ...bare, release: [5, 18] }))).toEqual(['stale-cpu-read']);
    expect(receiveHalf(boot({ ...bare, architecture: 'arm' }))).toEqual(['stale-cpu-read']);
    expect(receiveHalf(boot({ ...bare, architecture: 'arm' }), FORCED)).toContain('stale-cpu-read');
  });

  test('is kept where stage 2 makes every invalidate clean as well, but for an outer cache', () => {
    expect(receiveHalf(boot({ release: [5, 18] }))).toEqual([]);
    const outer = { architecture: 'arm', outerCacheDriver: true } as const;
    expect(receiveHalf(boot(outer, { lineSizes: [32], outerCache: true }))).toContain('stale-cpu-read');
  });
});

describe('a bounce slot', () => {
  test('hands an earlier user\u2019s bytes over with the bug slot-not-cleared, where the device writes less', () => {
    const twice = (...args: Parameters<typeof boot>) => {
      const system = boot(...args);
      // A pool of one segment: mappings as large as it come back to the same slots.
      transmitWhole(system);
      return receiveWhole(system);
    };
    const platform = { swiotlb: { base: DOM0.swiotlb?.base ?? physAddr(0), size: 0x40000 } };
    expect(twice(platform)).toEqual([]);
    expect(twice({ ...platform, ...quirk('slot-not-cleared') })).toContain('disclosure');
  });

  const WHOLE = 0x40000;
  function transmitWhole({ kernel, api }: ReturnType<typeof boot>) {
    kernel.cpuWrite(BUFFER, WHOLE);
    api.unmap(FORCED, api.map(FORCED, BUFFER, WHOLE, toDevice), WHOLE, toDevice);
  }
  function receiveWhole({ kernel, api, deviceWrites, broken }: ReturnType<typeof boot>) {
    const other = offsetBy(BUFFER, 2 * WHOLE);
    kernel.cpuWrite(other, WHOLE);
    const dma = api.map(FORCED, other, WHOLE, fromDevice);
    deviceWrites(dma, 512);
    api.unmap(FORCED, dma, WHOLE, fromDevice);
    kernel.cpuRead(other, WHOLE);
    return broken();
  }
});

describe('coherent memory', () => {
  const useAfterwards = (...args: Parameters<typeof boot>) => {
    const { kernel, deviceReads, deviceWrites, broken } = boot(...args);
    const buffer = allocCoherent(kernel, NIC, PAGE_SIZE);
    if (buffer === undefined) throw new Error('no memory');
    const { phys, dma, cacheable } = buffer;
    deviceReads(dma, 64);
    kernel.cpuWrite(phys, 64, cacheable);
    deviceReads(dma, 64);
    deviceWrites(dma, 64);
    kernel.cpuRead(phys, 64, cacheable);
    return broken();
  };

  test('needs no maintenance once it is mapped non-cacheable', () => {
    expect(useAfterwards()).toEqual([]);
    const outer = { architecture: 'arm', outerCacheDriver: true } as const;
    expect(useAfterwards(outer, { lineSizes: [32], outerCache: true })).toEqual([]);
  });

  test('is overwritten by its own zeroes with the bug coherent-not-cleaned', () => {
    expect(useAfterwards(quirk('coherent-not-cleaned'))).toContain('stale-device-read');
  });
});
