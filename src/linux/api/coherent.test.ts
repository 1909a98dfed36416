import { describe, expect, test } from 'vitest';
import { dmaAddr, machineAddr, mfn, PAGE_SIZE, physAddr } from '../../address/index.ts';
import type { SimulatedDevice } from '../simulated/device.ts';
import { SimulatedKernel } from '../simulated/kernel.ts';
import type { LinuxPlatform } from '../simulated/platform.ts';
import { COHERENT_NIC, GIB, NIC, testWorld } from '../testing.ts';
import { allocCoherent, type CoherentBuffer, freeCoherent } from './coherent.ts';
import { maxMappingSize } from './max-mapping-size.ts';

const device = (facts: Partial<SimulatedDevice>): SimulatedDevice => ({ ...NIC, ...facts });
const HEAP = 1.5 * GIB;

function allocated(platform: Partial<LinuxPlatform> = {}, nic: SimulatedDevice = NIC) {
  const world = testWorld(platform);
  const kernel = new SimulatedKernel(world);
  return { kernel, world, buffer: allocCoherent(kernel, nic, 5000) };
}

describe('coherent memory', () => {
  test('is whole pages, zeroed and cleaned through the cacheable alias, and not cacheable then', () => {
    const { buffer, world } = allocated();
    expect(buffer).toEqual({ phys: HEAP, dma: HEAP, size: 8192, cacheable: false });
    expect(world.machine.deeds).toEqual([
      { what: 'write', from: HEAP, to: HEAP + 8192 },
      { what: 'DC CVAC', from: HEAP, to: HEAP + 8192 },
      { what: 'DSB', from: 0, to: 0 },
    ]);
  });

  test('of a device that snoops is ordinary memory', () => {
    const { buffer, world } = allocated({}, COHERENT_NIC);
    expect(buffer?.cacheable).toBe(true);
    expect(world.machine.deeds.map(({ what }) => what)).toEqual(['write']);
  });

  test('is flushed from the outer cache too', () => {
    const { world } = allocated({ architecture: 'arm', outerCacheDriver: true });
    expect(world.machine.deeds.map(({ what }) => what)).toEqual([
      'write',
      'DC CIVAC',
      'DSB',
      'outer cleanInvalidate',
    ]);
  });

  test('stayed dirty with the bug coherent-not-cleaned', () => {
    const { world } = allocated({ quirks: ['coherent-not-cleaned'] });
    expect(world.machine.deeds.map(({ what }) => what)).toEqual(['write']);
  });

  test('is where the device reaches it, or not given at all', () => {
    const kernel = new SimulatedKernel(testWorld());
    const reaching = (last: number) => allocCoherent(kernel, device({ dmaMask: dmaAddr(last) }), 4096);
    expect(reaching(HEAP + 8191)?.phys).toBe(HEAP);
    expect(reaching(HEAP + 8191)?.phys).toBe(HEAP + 4096);
    expect(reaching(HEAP + 8191)).toBeUndefined();
  });

  test('is known to the device by its bus address', () => {
    const windows = [
      { busFrom: dmaAddr(0), machineFrom: machineAddr(HEAP + PAGE_SIZE), size: 2 * PAGE_SIZE },
    ];
    const kernel = new SimulatedKernel(testWorld());
    expect(allocCoherent(kernel, device({ windows }), 4096)).toMatchObject({
      phys: HEAP + PAGE_SIZE,
      dma: 0,
    });
  });

  test('can be had again after it is freed', () => {
    const { kernel, buffer } = allocated();
    freeCoherent(kernel, buffer as CoherentBuffer);
    expect(allocCoherent(kernel, NIC, 5000)?.phys).toBe(HEAP);
  });

  test('is contiguous in the machine on x86, where RAM is not', () => {
    const world = testWorld({ architecture: 'x86', regime: 'EL1' });
    for (let i = 0; i < 4; i++)
      world.p2m.set(HEAP / PAGE_SIZE + i, { frame: mfn(0x900 + i * 2), writable: true });
    for (let i = 4; i < 6; i++)
      world.p2m.set(HEAP / PAGE_SIZE + i, { frame: mfn(0xa00 + i), writable: true });
    const buffer = allocCoherent(new SimulatedKernel(world), COHERENT_NIC, 8192);
    expect(buffer).toMatchObject({ phys: HEAP + 4 * PAGE_SIZE, dma: 0xa04000 });
  });
});

describe('the largest mapping', () => {
  test('is what a bounce slot can hold, less what alignment may cost', () => {
    const kernel = new SimulatedKernel(testWorld());
    const of = (minAlignMask: number) => maxMappingSize(kernel, device({ minAlignMask }));
    expect([of(0), of(511), of(4095)]).toEqual([0x40000, 0x40000 - 2048, 0x40000 - 4096]);
    for (const mask of [0, 511, 4095]) {
      expect(
        kernel.swiotlbMap(device({ minAlignMask: mask }), physAddr(GIB + 4096 + mask), of(mask), 1),
      ).toBeGreaterThan(0);
    }
  });

  test('has no limit without a pool, nor with the bug no-max-mapping-size', () => {
    const { swiotlb: _, ...platform } = testWorld().platform;
    expect(maxMappingSize(new SimulatedKernel({ ...testWorld(), platform }), NIC)).toBe(
      Number.POSITIVE_INFINITY,
    );
    const quirky = new SimulatedKernel(testWorld({ quirks: ['no-max-mapping-size'] }));
    expect(maxMappingSize(quirky, NIC)).toBe(Number.POSITIVE_INFINITY);
  });
});
