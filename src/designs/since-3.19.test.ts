/** Designs since 3.19: local pages natively, foreign ones by hypercall. */
import { describe, expect, test } from 'vitest';
import { dmaAddr, PAGE_SIZE, physAddr } from '../address/index.ts';
import { type Design, Direction } from '../linux/index.ts';
import { DESIGNS } from './registry.ts';
import {
  DEVICE,
  type Facts,
  FakeKernel,
  FOREIGN_PFN,
  FRAMES,
  flushed,
  foreignShapes,
  mapped,
  p2mTo,
  type Shape,
  unmapped,
} from './testing.ts';

const family = DESIGNS.filter(({ name }) => /^(linux-3.19|linux-[567].*|repaired)$/.test(name));
const brokenLoop = family.filter(({ name }) => /^linux-(5|6|7)/.test(name));
const rightLoop = family.filter(({ name }) => name === 'linux-3.19' || name === 'repaired');
const sinceOffset = family.filter(({ name }) => !/^linux-(3.19|5.4)$/.test(name));

const needsForCpu = (direction: Direction) => direction !== Direction.toDevice;
const crosses = ({ bus, size }: Shape) => (bus % PAGE_SIZE) + size > PAGE_SIZE;

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

  test.each(family)('$name hands every byte count to Xen once, page by page', (design) => {
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

  test.each(family)('$name gives the device the machine address', (design) => {
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

describe.each(family)('$name on Xen', (design) => {
  const foreign: Shape = {
    phys: physAddr(FOREIGN_PFN * PAGE_SIZE + 0x100),
    bus: FRAMES.above * PAGE_SIZE + 0x100,
    size: 0x1800,
    direction: Direction.toDevice,
  };

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
    design.syncForCpu(kernel, DEVICE, part, 0x80, Direction.bidirectional);
    design.syncForDevice(kernel, DEVICE, part, 0x80, Direction.bidirectional);
    expect(flushed(kernel.deeds, 2)).toEqual([[part, part + 0x80]]);
    expect(flushed(kernel.deeds, 1)).toEqual([[part, part + 0x80]]);
  });

  test('does nothing on a foreign page for the CPU where the device only read', () => {
    const kernel = new FakeKernel({ p2m: p2mTo(FRAMES.above) });
    design.syncForCpu(kernel, DEVICE, dmaAddr(foreign.bus), 64, Direction.toDevice);
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

  test.each(family.filter((design) => !sinceOffset.includes(design)))(
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

  test.each(family.filter(({ name }) => name !== 'repaired'))(
    '$name cuts the machine address to 32 bits',
    (design) => {
      const cut = foreign.bus - 2 ** 32;
      expect(flushed(mapped(design, facts, foreign).deeds, 1)).toEqual([[cut, cut + PAGE_SIZE]]);
    },
  );

  test.each(family.filter(({ name }) => name === 'repaired'))('$name keeps all its bits', (design) => {
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

  test.each(family.filter(({ name }) => name !== 'repaired'))(
    '$name takes it for local at unmap and maintains an alias of its own',
    (design) => {
      expect(unmapped(design, facts, dmaAddr(at), foreign)).toEqual([
        { what: 'arch_sync_for_cpu', at, size: PAGE_SIZE, direction: Direction.fromDevice },
      ]);
    },
  );

  test.each(family.filter(({ name }) => name === 'repaired'))('$name asks Xen', (design) => {
    expect(flushed(unmapped(design, facts, dmaAddr(at), foreign), 2)).toEqual([[at, at + PAGE_SIZE]]);
  });

  test('linux-3.19 still asks Xen at map: it compares P with M there', () => {
    const design = family.find(({ name }) => name === 'linux-3.19') as Design;
    expect(flushed(mapped(design, facts, foreign).deeds, 2)).toEqual([[at, at + PAGE_SIZE]]);
  });
});
