import { describe, expect, test } from 'vitest';
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  dmaAddr,
  joinRanges,
  type MachineAddr,
  machineAddr,
  PAGE_SIZE,
  type PhysAddr,
  physAddr,
} from '../address/index.ts';
import { type Design, type Device, Direction, NO_ATTRIBUTES } from '../linux/index.ts';
import { DESIGNS } from './registry.ts';
import { type Deed, type Facts, FakeKernel } from './testing.ts';

const device: Device = { name: 'nvme', coherent: false };
const coherent: Device = { name: 'nvme', coherent: true };
const SKIP = { ...NO_ATTRIBUTES, skipCpuSync: true };
const onXen = DESIGNS.filter(({ on }) => on === 'xen');
const brokenLoop = onXen.filter(({ name }) => /^linux-(5|6|7)/.test(name));
const rightLoop = onXen.filter(({ name }) => name === 'linux-3.19' || name === 'repaired');
const sinceOffset = onXen.filter(({ name }) => !/^linux-(3.19|5.4)$/.test(name));

const offsets = Array.from({ length: 64 }, (_, i) => i * 64);
const sizes = [1, 63, 64, 512, 2048, 4095, 4096, 4097, 6000, 8192, 12_288, 16_384];
const directions = Object.values(Direction);

/** Four foreign pages in a row, at pseudo-physical page `pfn` and machine page `mfn`. */
const LOCAL_PAGE = 0xc1000;
const FOREIGN_PFN = 0x4dc15;
const FRAMES = { below: 0x3fadf, above: 0x13fadf };
const p2mTo = (frame: number) => new Map([0, 1, 2, 3, 4].map((i) => [FOREIGN_PFN + i, frame + i]));

/** Bytes that hypercalls reach: Xen drops the low bits of the bus address. */
function flushed(deeds: readonly Deed[], op: number): (readonly [number, number])[] {
  return joinRanges<MachineAddr>(
    deeds.flatMap((deed) => {
      if (deed.what !== 'cacheFlush' || deed.op !== op) return [];
      const from = deed.devBusAddr - (deed.devBusAddr % PAGE_SIZE) + deed.offset;
      return [[machineAddr(from), machineAddr(from + deed.length)] as const];
    }),
  );
}

interface Shape {
  readonly phys: PhysAddr;
  readonly bus: number;
  readonly size: number;
  readonly direction: Direction;
}
function* foreignShapes(frame: number): Generator<Shape> {
  for (const offset of offsets)
    for (const size of sizes)
      for (const direction of directions)
        yield {
          phys: physAddr(FOREIGN_PFN * PAGE_SIZE + offset),
          bus: frame * PAGE_SIZE + offset,
          size,
          direction,
        };
}
const needsForCpu = (direction: Direction) => direction !== Direction.toDevice;
const crosses = ({ bus, size }: Shape) => (bus % PAGE_SIZE) + size > PAGE_SIZE;

function mapped(design: Design, facts: Facts, { phys, size, direction }: Shape, attributes = NO_ATTRIBUTES) {
  const kernel = new FakeKernel(facts);
  const dma = design.map(kernel, device, phys, size, direction, attributes);
  return { dma, deeds: kernel.deeds };
}
function unmapped(design: Design, facts: Facts, dma: DmaAddr, { size, direction }: Shape) {
  const kernel = new FakeKernel(facts);
  design.unmap(kernel, device, dma, size, direction, NO_ATTRIBUTES);
  return kernel.deeds;
}

describe.each(Object.entries(FRAMES))('a foreign buffer %s 4 GiB', (_where, frame) => {
  const facts: Facts = { p2m: p2mTo(frame) };

  test.each(rightLoop)('$name cleans or invalidates exactly the buffer', (design) => {
    for (const shape of foreignShapes(frame)) {
      const { dma, deeds } = mapped(design, facts, shape);
      const whole = [[shape.bus, shape.bus + shape.size]];
      const atMap = shape.direction === Direction.fromDevice && design.name !== 'repaired' ? 2 : 1;
      expect(flushed(deeds, atMap)).toEqual(whole);
      expect(flushed(unmapped(design, facts, dma, shape), 2)).toEqual(
        needsForCpu(shape.direction) ? whole : [],
      );
    }
  });

  test.each(brokenLoop)(
    '$name reaches all of it if and only if it begins a page or stays in one',
    (design) => {
      for (const shape of foreignShapes(frame)) {
        const { dma, deeds } = mapped(design, facts, shape);
        const whole = [[shape.bus, shape.bus + shape.size]];
        const right = shape.bus % PAGE_SIZE === 0 || !crosses(shape);
        const atMap = shape.direction === Direction.fromDevice ? 2 : 1;
        expect([shape, JSON.stringify(flushed(deeds, atMap)) === JSON.stringify(whole)]).toEqual([
          shape,
          right,
        ]);
        if (needsForCpu(shape.direction)) {
          const after = flushed(unmapped(design, facts, dma, shape), 2);
          expect([shape, JSON.stringify(after) === JSON.stringify(whole)]).toEqual([shape, right]);
        }
      }
    },
  );

  test.each(onXen)('$name hands every byte count to Xen once, page by page', (design) => {
    for (const shape of foreignShapes(frame)) {
      let total = 0;
      for (const deed of mapped(design, facts, shape).deeds) {
        if (deed.what !== 'cacheFlush') throw new Error(`found ${deed.what}, expected cacheFlush only`);
        expect(deed.offset + deed.length).toBeLessThanOrEqual(PAGE_SIZE);
        total += deed.length;
      }
      expect(total).toBe(shape.size);
    }
  });

  test.each(onXen)('$name gives the device the machine address', (design) => {
    for (const shape of foreignShapes(frame)) expect(mapped(design, facts, shape).dma).toBe(shape.bus);
  });
});

test('the loop since 5.4 lands its second chunk one page early, at offset 0', () => {
  const shape = { phys: physAddr(FOREIGN_PFN * PAGE_SIZE + 0x200), bus: 0x13fadf200, size: 0x4000 };
  for (const design of brokenLoop) {
    const { deeds } = mapped(design, { p2m: p2mTo(0x13fadf) }, { ...shape, direction: Direction.toDevice });
    // [0x200, 0x1000) [0, 0x1000) [0x1000, 0x2000) [0x2000, 0x3000) [0x3000, 0x3200)
    expect(flushed(deeds, 1)).toEqual([[0x13fadf000, 0x13fadf000 + 0x3200]]);
  }
});

describe.each(DESIGNS)('$name', (design) => {
  const shape: Shape = {
    phys: physAddr(LOCAL_PAGE * PAGE_SIZE + 0x340),
    bus: LOCAL_PAGE * PAGE_SIZE + 0x340,
    size: 5000,
    direction: Direction.fromDevice,
  };

  test('maintains local pages natively, with the arguments it was given', () => {
    for (const offset of offsets)
      for (const size of sizes)
        for (const direction of directions) {
          const at = physAddr(LOCAL_PAGE * PAGE_SIZE + offset);
          const { dma, deeds } = mapped(design, {}, { phys: at, bus: at, size, direction });
          expect([dma, deeds]).toEqual([at, [{ what: 'arch_sync_for_device', at, size, direction }]]);
          const after = unmapped(design, {}, dma, { phys: at, bus: at, size, direction });
          expect(after).toEqual([{ what: 'arch_sync_for_cpu', at, size, direction }]);
        }
  });

  test('does nothing for a coherent device', () => {
    for (const phys of [shape.phys, physAddr(FOREIGN_PFN * PAGE_SIZE)])
      for (const direction of directions) {
        const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
        const dma = design.map(kernel, coherent, phys, 5000, direction, NO_ATTRIBUTES);
        design.syncForCpu(kernel, coherent, dma, 5000, direction);
        design.syncForDevice(kernel, coherent, dma, 5000, direction);
        design.unmap(kernel, coherent, dma, 5000, direction, NO_ATTRIBUTES);
        expect(kernel.deeds).toEqual([]);
      }
  });

  test('maintains nothing at map and unmap with SKIP_CPU_SYNC', () => {
    for (const direction of directions) {
      const kernel = new FakeKernel();
      const dma = design.map(kernel, device, shape.phys, 5000, direction, SKIP);
      design.unmap(kernel, device, dma, 5000, direction, SKIP);
      expect(kernel.deeds).toEqual([]);
    }
  });

  test('maintains nothing for MMIO', () => {
    const kernel = new FakeKernel();
    const attributes = { ...NO_ATTRIBUTES, mmio: true };
    const dma = design.map(kernel, device, physAddr(0x9030000), 64, Direction.bidirectional, attributes);
    design.unmap(kernel, device, dma, 64, Direction.bidirectional, attributes);
    expect([dma, kernel.deeds]).toEqual([0x9030000, []]);
  });

  test('maintains the part that is synced', () => {
    const part = dmaAddr(shape.bus + 128);
    const kernel = new FakeKernel();
    design.syncForCpu(kernel, device, part, 256, Direction.fromDevice);
    design.syncForDevice(kernel, device, part, 256, Direction.fromDevice);
    const same = { at: part as number, size: 256, direction: Direction.fromDevice };
    expect(kernel.deeds).toEqual([
      { what: 'arch_sync_for_cpu', ...same },
      { what: 'arch_sync_for_device', ...same },
    ]);
  });

  test('bounces what the device does not reach: slot first, maintained, copied back after', () => {
    const kernel = new FakeKernel({ mask: 0xc0ffffff, slot: 0xc0800000 });
    const dma = design.map(kernel, device, shape.phys, 5000, Direction.fromDevice, NO_ATTRIBUTES);
    design.syncForCpu(kernel, device, dma, 5000, Direction.fromDevice);
    design.syncForDevice(kernel, device, dma, 5000, Direction.fromDevice);
    design.unmap(kernel, device, dma, 5000, Direction.fromDevice, NO_ATTRIBUTES);
    expect(dma).toBe(0xc0800000);
    const steps = kernel.deeds.map(({ what }) => what);
    expect(steps.slice(0, 6)).toEqual([
      'swiotlbMap',
      'arch_sync_for_device',
      'arch_sync_for_cpu',
      'swiotlbSyncForCpu',
      'swiotlbSyncForDevice',
      'arch_sync_for_device',
    ]);
    expect(steps.slice(6).filter((what) => what !== 'swiotlbSyncForCpu')).toEqual([
      'arch_sync_for_cpu',
      'swiotlbUnmap',
    ]);
    for (const deed of kernel.maintenance) expect(deed).toMatchObject({ at: 0xc0800000 });
  });

  test('bounces where it is forced to', () => {
    const { dma, deeds } = mapped(design, { forced: true, slot: 0xc0800000 }, shape);
    expect([dma, deeds[0]?.what]).toEqual([0xc0800000, 'swiotlbMap']);
  });

  test('reports a mapping error where the pool is full, and maintains nothing', () => {
    const { dma, deeds } = mapped(design, { forced: true }, shape);
    expect([dma, deeds.map(({ what }) => what)]).toEqual([DMA_MAPPING_ERROR, ['swiotlbMap']]);
  });
});

describe.each(onXen)('$name on Xen', (design) => {
  const foreign: Shape = {
    phys: physAddr(FOREIGN_PFN * PAGE_SIZE + 0x100),
    bus: FRAMES.above * PAGE_SIZE + 0x100,
    size: 0x1800,
    direction: Direction.toDevice,
  };

  test('bounces a buffer whose machine frames are not contiguous', () => {
    const p2m = new Map([...p2mTo(FRAMES.above), [FOREIGN_PFN + 1, 0x15000]]);
    const { dma } = mapped(design, { p2m, slot: 0xc0800000 }, foreign);
    expect(dma).toBe(0xc0800000);
  });

  test('does not look at frames past the buffer', () => {
    const p2m = new Map([...p2mTo(FRAMES.above), [FOREIGN_PFN + 2, 0x15000]]);
    expect(mapped(design, { p2m, slot: 0xc0800000 }, foreign).dma).toBe(foreign.bus);
  });

  test('bounces foreign pages where the hypervisor has no cache flush', () => {
    const facts = { p2m: p2mTo(FRAMES.above), slot: 0xc0800000, hasCacheFlush: false };
    const { dma, deeds } = mapped(design, facts, foreign);
    expect([dma, deeds.map(({ what }) => what)]).toEqual([
      0xc0800000,
      ['swiotlbMap', 'arch_sync_for_device'],
    ]);
  });

  test('syncs a foreign part by hypercall: INVAL for the CPU, CLEAN for the device', () => {
    const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
    const part = dmaAddr(foreign.bus + 0x40);
    design.syncForCpu(kernel, device, part, 0x80, Direction.bidirectional);
    design.syncForDevice(kernel, device, part, 0x80, Direction.bidirectional);
    expect(flushed(kernel.deeds, 2)).toEqual([[part, part + 0x80]]);
    expect(flushed(kernel.deeds, 1)).toEqual([[part, part + 0x80]]);
  });

  test('does nothing on a foreign page for the CPU where the device only read', () => {
    const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
    design.syncForCpu(kernel, device, dmaAddr(foreign.bus), 64, Direction.toDevice);
    expect(kernel.deeds).toEqual([]);
  });
});

describe('a bus with an offset (Raspberry Pi 4)', () => {
  const facts: Facts = { busOffset: 0x4_0000_0000, p2m: p2mTo(FRAMES.above) };
  const foreign: Shape = {
    phys: physAddr(FOREIGN_PFN * PAGE_SIZE),
    bus: FRAMES.above * PAGE_SIZE,
    size: PAGE_SIZE,
    direction: Direction.bidirectional,
  };

  test.each(sinceOffset)('$name adds it for the device and takes it off for the hypercall', (design) => {
    const { dma, deeds } = mapped(design, facts, foreign);
    expect(dma).toBe(foreign.bus + 0x4_0000_0000);
    expect(flushed(deeds, 1)).toEqual([[foreign.bus, foreign.bus + PAGE_SIZE]]);
    expect(flushed(unmapped(design, facts, dma, foreign), 2)).toEqual([
      [foreign.bus, foreign.bus + PAGE_SIZE],
    ]);
  });

  test.each(onXen.filter((design) => !sinceOffset.includes(design)))(
    '$name gives the device the machine address as it is',
    (design) => {
      expect(mapped(design, facts, foreign).dma).toBe(foreign.bus);
    },
  );
});

describe('32-bit Arm with LPAE, a frame above 4 GiB', () => {
  const facts: Facts = { longBits: 32, p2m: p2mTo(FRAMES.above) };
  const foreign: Shape = {
    phys: physAddr(FOREIGN_PFN * PAGE_SIZE),
    bus: FRAMES.above * PAGE_SIZE,
    size: PAGE_SIZE,
    direction: Direction.toDevice,
  };

  test.each(brokenLoop)('$name cuts the machine address to 32 bits', (design) => {
    const cut = foreign.bus - 2 ** 32;
    expect(flushed(mapped(design, facts, foreign).deeds, 1)).toEqual([[cut, cut + PAGE_SIZE]]);
  });

  test.each(rightLoop)('$name keeps all its bits', (design) => {
    expect(flushed(mapped(design, facts, foreign).deeds, 1)).toEqual([
      [foreign.bus, foreign.bus + PAGE_SIZE],
    ]);
  });
});

describe('a foreign frame with a struct page in dom0', () => {
  const at = FRAMES.above * PAGE_SIZE;
  const facts: Facts = { p2m: p2mTo(FRAMES.above), pfnValidToo: [at, at + PAGE_SIZE] };
  const foreign: Shape = {
    phys: physAddr(FOREIGN_PFN * PAGE_SIZE),
    bus: at,
    size: PAGE_SIZE,
    direction: Direction.fromDevice,
  };

  test.each(onXen.filter(({ name }) => name !== 'repaired'))(
    '$name takes it for local at unmap and maintains an alias of its own',
    (design) => {
      expect(unmapped(design, facts, dmaAddr(at), foreign)).toEqual([
        { what: 'arch_sync_for_cpu', at, size: PAGE_SIZE, direction: Direction.fromDevice },
      ]);
    },
  );

  test.each(onXen.filter(({ name }) => name === 'repaired'))('$name asks Xen', (design) => {
    expect(flushed(unmapped(design, facts, dmaAddr(at), foreign), 2)).toEqual([[at, at + PAGE_SIZE]]);
  });

  test('linux-3.19 still asks Xen at map: it compares P with M there', () => {
    const design = onXen.find(({ name }) => name === 'linux-3.19') as Design;
    expect(flushed(mapped(design, facts, foreign).deeds, 2)).toEqual([[at, at + PAGE_SIZE]]);
  });
});
