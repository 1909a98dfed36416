/** The designs that 3.19 replaced, deed by deed. */
import { describe, expect, test } from 'vitest';
import { dmaAddr, mfn, type Pfn } from '../address/index.ts';
import { type Design, type Device, Direction, NO_ATTRIBUTES } from '../linux/index.ts';
import { findDesign } from './registry.ts';
import {
  COHERENT,
  DEVICE,
  type Facts,
  FakeKernel,
  FOREIGN_PFN,
  FRAMES,
  foreignShape,
  grant,
  localShape,
  mapped,
  p2mTo,
  type Shape,
  told,
  toldUnlocked,
} from './testing.ts';

const named = (name: string): Design => {
  const design = findDesign(name);
  if (design === undefined) throw new Error(`found no design ${name}`);
  return design;
};
const pages = p2mTo(FRAMES.above);
const foreign = foreignShape(FRAMES.above, 0x340, 0x1000, Direction.fromDevice);
const local = localShape(0x340, 0x1000, Direction.fromDevice);

/** What unmap, sync_for_cpu or sync_for_device does once the pages are granted. */
function later(
  design: Design,
  facts: Facts,
  call: 'unmap' | 'syncForCpu' | 'syncForDevice',
  { bus, size, direction }: Pick<Shape, 'bus' | 'size' | 'direction'>,
  device: Device = DEVICE,
): FakeKernel {
  const kernel = new FakeKernel({ p2m: pages, ...facts });
  grant(design, kernel, facts.p2m ?? pages);
  kernel.deeds.length = 0;
  if (call === 'unmap') design.unmap(kernel, device, dmaAddr(bus), size, direction, NO_ATTRIBUTES);
  else design[call](kernel, device, dmaAddr(bus), size, direction);
  return kernel;
}

describe('linux-3.12', () => {
  const design = named('linux-3.12');

  test('gives the device the pseudo-physical address of a foreign page', () => {
    const { dma, deeds } = mapped(design, { p2m: pages }, foreign);
    expect(dma).toBe(foreign.phys);
    expect(told(deeds)).toEqual(['arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE']);
    expect(told(later(design, {}, 'unmap', { ...foreign, bus: foreign.phys }).deeds)).toEqual([
      'arch_sync_for_cpu 0x4dc15340+0x1000 FROM_DEVICE',
    ]);
  });
});

describe('linux-3.13', () => {
  const design = named('linux-3.13');
  const lookUp = ['lock p2m_lock', 'find machineToPhys 0x13fadf', 'unlock p2m_lock'];

  test('map maintains by the page and gives the machine address', () => {
    const { dma, deeds } = mapped(design, { p2m: pages }, foreign);
    expect([dma, told(deeds)]).toEqual([0x13fadf340, ['arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE']]);
  });

  test('unmap looks the machine frame up, maintains the page, and looks once more for a slot', () => {
    expect(told(later(design, {}, 'unmap', foreign).deeds)).toEqual([
      ...lookUp,
      'arch_sync_for_cpu 0x4dc15340+0x1000 FROM_DEVICE',
      ...lookUp,
    ]);
  });

  test('a frame that is not in the tree is taken for a local one', () => {
    const { deeds } = later(design, { p2m: new Map() }, 'unmap', foreign);
    expect(toldUnlocked(deeds)[1]).toBe('arch_sync_for_cpu 0x13fadf340+0x1000 FROM_DEVICE');
  });

  test('looks frames up for coherent devices, too', () => {
    expect(told(later(design, {}, 'unmap', foreign, COHERENT).deeds)).toEqual([...lookUp, ...lookUp]);
  });

  test('sync_for_device does what sync_for_cpu should: nothing is cleaned', () => {
    const sent = { ...foreign, direction: Direction.bidirectional };
    expect(told(later(design, {}, 'syncForDevice', sent).maintenance)).toEqual([
      'arch_sync_for_cpu 0x4dc15340+0x1000 BIDIRECTIONAL',
    ]);
    expect(told(later(design, {}, 'syncForCpu', sent).maintenance)).toEqual([
      'arch_sync_for_cpu 0x4dc15340+0x1000 BIDIRECTIONAL',
    ]);
  });

  test('refuses a second grant of a frame until the first is gone', () => {
    const kernel = new FakeKernel();
    const frame = mfn(0x13fadf);
    const at = (page: number) => page as Pfn;
    expect(design.grantMapped?.(kernel, at(FOREIGN_PFN), frame)).toBe(true);
    expect(design.grantMapped?.(kernel, at(FOREIGN_PFN + 1), frame)).toBe(false);
    expect(kernel.tables.machineToPhys.find(frame)).toEqual([FOREIGN_PFN]);
    design.grantUnmapped?.(kernel, at(FOREIGN_PFN), frame);
    expect(design.grantMapped?.(kernel, at(FOREIGN_PFN + 1), frame)).toBe(true);
    expect(kernel.tables.machineToPhys.find(frame)).toEqual([FOREIGN_PFN + 1]);
  });
});

describe.each(['linux-3.13', 'linux-3.17', 'series-v7'])('%s: the hidden second bounce', (name) => {
  const design = named(name);
  // The page lies high in dom0, the frame behind it low enough for the device.
  const mask = 0x3fff_ffff;
  const frame = FRAMES.below;
  const low = foreignShape(frame, 0x340, 0x1000, Direction.toDevice);
  const facts: Facts = { p2m: p2mTo(frame), mask, slot: 0xc0800000 };

  test('on arm64 the pseudo-physical address is tested: a slot that nobody uses is maintained', () => {
    const { dma, deeds } = mapped(design, facts, low);
    expect([dma, told(deeds)]).toEqual([
      0x3fadf340,
      ['swiotlbMap 0x4dc15340', 'arch_sync_for_device 0xc0800000+0x1000 TO_DEVICE'],
    ]);
  });

  test('on arm it is not', () => {
    const { dma, deeds } = mapped(design, { ...facts, architecture: 'arm' }, low);
    expect([dma, told(deeds)]).toEqual([0x3fadf340, ['arch_sync_for_device 0x4dc15340+0x1000 TO_DEVICE']]);
  });

  test('where the pool is full nothing of the buffer is maintained', () => {
    const { slot: _, ...full } = facts;
    expect(told(mapped(design, full, low).deeds)).toEqual(['swiotlbMap 0x4dc15340']);
  });
});

describe('linux-3.17', () => {
  const design = named('linux-3.17');
  const arm: Facts = { architecture: 'arm', longBits: 32 };
  const identity: Facts = { ...arm, hasGrantMapIdentity: true };

  test('on arm64 nothing is done after map, on local and on foreign pages', () => {
    for (const call of ['unmap', 'syncForCpu', 'syncForDevice'] as const)
      for (const { bus, size, direction } of [local, foreign])
        expect(later(design, { hasGrantMapIdentity: true }, call, { bus, size, direction }).deeds).toEqual(
          [],
        );
  });

  test('without the feature foreign pages are maintained at map only', () => {
    expect(told(mapped(design, { ...arm, p2m: pages }, foreign).deeds)).toEqual([
      'arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE',
    ]);
    expect(later(design, arm, 'unmap', foreign).deeds).toEqual([]);
  });

  test('with it they are maintained through a scratch mapping of the first page, over the whole length', () => {
    expect(told(later(design, identity, 'unmap', foreign).deeds)).toEqual([
      'syncAliasForCpu scratch 0x13fadf340+0x1000 FROM_DEVICE',
    ]);
  });

  test('local pages go by their own alias, page by page', () => {
    expect(told(later(design, arm, 'unmap', local).deeds)).toEqual([
      'syncAliasForCpu linear 0xc1000340+0xcc0 FROM_DEVICE',
      'syncAliasForCpu linear 0xc1001000+0x340 FROM_DEVICE',
    ]);
  });

  test('a later page without a struct page is maintained where the first one is', () => {
    const end = 0x1_0000_0000;
    const across = { bus: end - 0x100, size: 0x300, direction: Direction.fromDevice };
    expect(told(later(design, identity, 'unmap', across).deeds)).toEqual([
      'syncAliasForCpu linear 0xffffff00+0x100 FROM_DEVICE',
      'syncAliasForCpu scratch 0xfffff000+0x200 FROM_DEVICE',
    ]);
  });

  test('the outer cache is invalidated after TO_DEVICE and after nothing else', () => {
    const outer = (direction: Direction) =>
      told(later(design, arm, 'unmap', { ...foreign, direction }).deeds).filter((t) => t.startsWith('outer'));
    expect(outer(Direction.toDevice)).toEqual(['outerSyncForCpu 0x13fadf340+0x1000 FROM_DEVICE']);
    expect([outer(Direction.fromDevice), outer(Direction.bidirectional)]).toEqual([[], []]);
  });

  test('sync_for_device does what sync_for_cpu should', () => {
    const sent = { ...local, direction: Direction.bidirectional };
    expect(told(later(design, arm, 'syncForDevice', sent).deeds)).toEqual(
      told(later(design, arm, 'syncForCpu', sent).deeds),
    );
  });
});

describe('linux-3.18-bounce', () => {
  const design = named('linux-3.18-bounce');
  const facts: Facts = { p2m: pages, slot: 0xc0800000 };

  test('every foreign buffer of a non-coherent device goes through a slot', () => {
    const { dma, deeds } = mapped(design, facts, foreign);
    expect([dma, told(deeds)]).toEqual([
      0xc0800000,
      ['swiotlbMap 0x4dc15340', 'arch_sync_for_device 0xc0800000+0x1000 FROM_DEVICE'],
    ]);
    expect(told(later(design, facts, 'unmap', { ...foreign, bus: dma }).deeds)).toEqual([
      'arch_sync_for_cpu 0xc0800000+0x1000 FROM_DEVICE',
      'swiotlbUnmap 0xc0800000',
    ]);
  });

  test('a coherent device gets the machine address', () => {
    const kernel = new FakeKernel(facts);
    const { phys, bus, size, direction } = foreign;
    expect(design.map(kernel, COHERENT, phys, size, direction, NO_ATTRIBUTES)).toBe(bus);
    expect(kernel.deeds).toEqual([]);
  });
});

describe('series-v7', () => {
  const design = named('series-v7');

  test('map maintains by the page, foreign or local', () => {
    expect(told(mapped(design, { p2m: pages }, foreign).deeds)).toEqual([
      'arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE',
    ]);
  });

  test('unmap of a foreign page is hypercalls, page by page', () => {
    expect(told(later(design, {}, 'unmap', foreign).deeds)).toEqual([
      'cacheFlush INVAL 0x13fadf000 off 0x340 len 0xcc0',
      'cacheFlush INVAL 0x13fae0000 off 0x0 len 0x340',
    ]);
    expect(later(design, {}, 'unmap', { ...foreign, direction: Direction.toDevice }).deeds).toEqual([]);
  });

  test('unmap of a local page is maintenance by VA, page by page', () => {
    expect(told(later(design, {}, 'unmap', local).deeds)).toEqual([
      'syncAliasForCpu linear 0xc1000340+0xcc0 FROM_DEVICE',
      'syncAliasForCpu linear 0xc1001000+0x340 FROM_DEVICE',
    ]);
  });

  test('sync_for_device cleans nothing', () => {
    const sent = { ...foreign, direction: Direction.bidirectional };
    expect(told(later(design, {}, 'syncForDevice', sent).deeds)).toEqual([
      'cacheFlush INVAL 0x13fadf000 off 0x340 len 0xcc0',
      'cacheFlush INVAL 0x13fae0000 off 0x0 len 0x340',
    ]);
  });

  test('32 bits cut the machine address', () => {
    const facts: Facts = { architecture: 'arm', longBits: 32 };
    expect(told(later(design, facts, 'unmap', foreign).deeds)[0]).toBe(
      'cacheFlush INVAL 0x3fadf000 off 0x340 len 0xcc0',
    );
  });

  test('bounces foreign pages where Xen has no cache flush', () => {
    const facts: Facts = { p2m: pages, hasCacheFlush: false, slot: 0xc0800000 };
    expect(mapped(design, facts, foreign).dma).toBe(0xc0800000);
  });
});
