/** What designs have in common: local pages natively, coherent devices not at all, and the order of bouncing. */
import { describe, expect, test } from 'vitest';
import { DMA_MAPPING_ERROR, dmaAddr, PAGE_SIZE, physAddr } from '../address/index.ts';
import { Direction, NO_ATTRIBUTES } from '../linux/index.ts';
import { DESIGNS } from './registry.ts';
import {
  COHERENT,
  DEVICE,
  DIRECTIONS,
  FakeKernel,
  FOREIGN_PFN,
  FRAMES,
  foreignShape,
  grant,
  localShape,
  mapped,
  OFFSETS,
  p2mTo,
  SIZES,
  SKIP,
  told,
} from './testing.ts';

const local = localShape(0x340, 5000, Direction.fromDevice);
const SLOT = 0xc0800000;

/** These do something else to local pages, which their own tests spell out. */
const OTHERWISE = ['linux-3.13', 'linux-3.17', 'series-v7', 'x86-pv'];
const native = DESIGNS.filter(({ name }) => !OTHERWISE.includes(name));

describe.each(DESIGNS)('$name', (design) => {
  test('maintains nothing for a coherent device, whatever it keeps in its tables', () => {
    for (const phys of [local.phys, physAddr(FOREIGN_PFN * PAGE_SIZE)])
      for (const direction of DIRECTIONS) {
        const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
        grant(design, kernel, p2mTo(FRAMES.above));
        const dma = design.map(kernel, COHERENT, phys, 5000, direction, NO_ATTRIBUTES);
        design.syncForCpu(kernel, COHERENT, dma, 5000, direction);
        design.syncForDevice(kernel, COHERENT, dma, 5000, direction);
        design.unmap(kernel, COHERENT, dma, 5000, direction, NO_ATTRIBUTES);
        expect(kernel.maintenance).toEqual([]);
      }
  });

  test('maintains nothing at map and unmap with SKIP_CPU_SYNC', () => {
    for (const { phys } of [local, foreignShape(FRAMES.above, 0x340, 5000, Direction.fromDevice)])
      for (const direction of DIRECTIONS) {
        const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
        grant(design, kernel, p2mTo(FRAMES.above));
        const dma = design.map(kernel, DEVICE, phys, 1000, direction, SKIP);
        design.unmap(kernel, DEVICE, dma, 1000, direction, SKIP);
        expect(kernel.maintenance).toEqual([]);
      }
  });

  test('maintains nothing for MMIO at map; at unmap only map_phys, which takes it for memory', () => {
    const kernel = new FakeKernel();
    const attributes = { ...NO_ATTRIBUTES, mmio: true };
    const dma = design.map(kernel, DEVICE, physAddr(0x9030000), 64, Direction.bidirectional, attributes);
    // swiotlb-xen of 5.9 to 6.17 has no map_resource.
    const refuses = ['linux-5.9', 'linux-6.12'].includes(design.name);
    expect([dma, kernel.deeds]).toEqual([refuses ? DMA_MAPPING_ERROR : 0x9030000, []]);
    design.unmap(kernel, DEVICE, dma, 64, Direction.bidirectional, attributes);
    expect(told(kernel.deeds)).toEqual(
      design.name === 'linux-7.3' ? ['cacheFlush INVAL 0x9030000 off 0x0 len 0x40'] : [],
    );
  });

  test('bounces where it is forced to', () => {
    const { dma, deeds } = mapped(design, { forced: true, slot: SLOT }, local);
    expect([dma, deeds[0]?.what]).toEqual([SLOT, 'swiotlbMap']);
  });

  test('reports a mapping error where the pool is full, and maintains nothing', () => {
    const { dma, deeds } = mapped(design, { forced: true }, local);
    expect([dma, deeds.map(({ what }) => what)]).toEqual([DMA_MAPPING_ERROR, ['swiotlbMap']]);
  });

  test('copies a slot back at unmap, not with SKIP_CPU_SYNC', () => {
    const kernel = new FakeKernel({ mask: 0xc0ffffff, slot: SLOT });
    design.unmap(kernel, DEVICE, dmaAddr(SLOT), 64, Direction.fromDevice, NO_ATTRIBUTES);
    expect(told(kernel.deeds).at(-1)).toBe('swiotlbUnmap 0xc0800000');
  });
});

describe.each(native)('$name', (design) => {
  test('maintains local pages natively, with the arguments it was given', () => {
    for (const offset of OFFSETS)
      for (const size of SIZES)
        for (const direction of DIRECTIONS) {
          const { phys: at, bus } = localShape(offset, size, direction);
          const kernel = new FakeKernel();
          const dma = design.map(kernel, DEVICE, at, size, direction, NO_ATTRIBUTES);
          design.unmap(kernel, DEVICE, dma, size, direction, NO_ATTRIBUTES);
          expect([dma, kernel.maintenance]).toEqual([
            bus,
            [
              { what: 'arch_sync_for_device', at, size, direction },
              { what: 'arch_sync_for_cpu', at, size, direction },
            ],
          ]);
        }
  });

  test('maintains the part that is synced', () => {
    const part = dmaAddr(local.bus + 128);
    const kernel = new FakeKernel();
    design.syncForCpu(kernel, DEVICE, part, 256, Direction.fromDevice);
    design.syncForDevice(kernel, DEVICE, part, 256, Direction.fromDevice);
    expect(told(kernel.maintenance)).toEqual([
      'arch_sync_for_cpu 0xc10003c0+0x100 FROM_DEVICE',
      'arch_sync_for_device 0xc10003c0+0x100 FROM_DEVICE',
    ]);
  });

  test('bounces what the device does not reach: slot first, maintained, copied back after', () => {
    const kernel = new FakeKernel({ mask: 0xc0ffffff, slot: SLOT });
    const dma = design.map(kernel, DEVICE, local.phys, 5000, Direction.fromDevice, NO_ATTRIBUTES);
    design.syncForCpu(kernel, DEVICE, dma, 5000, Direction.fromDevice);
    design.syncForDevice(kernel, DEVICE, dma, 5000, Direction.fromDevice);
    design.unmap(kernel, DEVICE, dma, 5000, Direction.fromDevice, NO_ATTRIBUTES);
    expect(dma).toBe(SLOT);
    const steps = kernel.deeds.map(({ what }) => what).filter((what) => /arch|swiotlb/.test(what));
    expect(steps.slice(0, 6)).toEqual([
      'swiotlbMap',
      'arch_sync_for_device',
      'arch_sync_for_cpu',
      'swiotlbSyncForCpu',
      'swiotlbSyncForDevice',
      'arch_sync_for_device',
    ]);
    // dma-direct copies back with the sync that is part of its unmap, swiotlb-xen with the release of the slot.
    expect(steps.slice(6).filter((what) => what !== 'swiotlbSyncForCpu')).toEqual([
      'arch_sync_for_cpu',
      'swiotlbUnmap',
    ]);
    for (const deed of kernel.maintenance) expect(deed).toMatchObject({ at: SLOT });
  });
});

// 3.12, dma-direct and smmu know no machine address.
const ownBody = ['dma-direct', 'linux-3.12', 'smmu'];
describe.each(DESIGNS.filter(({ name }) => !ownBody.includes(name)))('$name', (design) => {
  const foreign = foreignShape(FRAMES.above, 0x100, 0x1800, Direction.toDevice);

  test('bounces a buffer whose machine frames are not contiguous', () => {
    const p2m = new Map([...p2mTo(FRAMES.above), [FOREIGN_PFN + 1, 0x15000]]);
    expect(mapped(design, { p2m, slot: SLOT }, foreign).dma).toBe(SLOT);
  });

  test('does not look at frames past the buffer', () => {
    const p2m = new Map([...p2mTo(FRAMES.above), [FOREIGN_PFN + 2, 0x15000]]);
    const straight = mapped(design, { p2m: p2mTo(FRAMES.above), slot: SLOT }, foreign).dma;
    expect(mapped(design, { p2m, slot: SLOT }, foreign).dma).toBe(straight);
  });
});
