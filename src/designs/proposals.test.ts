/** Designs that no release has had, deed by deed. */
import { describe, expect, test } from 'vitest';
import { dmaAddr, mfn, type Pfn } from '../address/index.ts';
import { type Device, Direction, NO_ATTRIBUTES } from '../linux/index.ts';
import { foreignIndex } from './foreign-index.ts';
import { smmu } from './smmu.ts';
import {
  COHERENT,
  DEVICE,
  FakeKernel,
  FOREIGN_PFN,
  FRAMES,
  foreignShape,
  grant,
  localShape,
  mapped,
  p2mTo,
  type Shape,
  SKIP,
  told,
  toldUnlocked,
} from './testing.ts';
import { vaTable } from './va-table.ts';
import { x86Pv } from './x86-pv.ts';

const pages = p2mTo(FRAMES.above);
const foreign = foreignShape(FRAMES.above, 0x340, 0x1000, Direction.fromDevice);
const local = localShape(0x340, 0x1000, Direction.fromDevice);

describe('va-table', () => {
  const map = (kernel: FakeKernel, shape: Shape, device: Device = DEVICE, attributes = NO_ATTRIBUTES) =>
    vaTable.map(kernel, device, shape.phys, shape.size, shape.direction, attributes);
  const unmap = (kernel: FakeKernel, { bus, size, direction }: Shape, attributes = NO_ATTRIBUTES) =>
    vaTable.unmap(kernel, DEVICE, dmaAddr(bus), size, direction, attributes);

  test('keeps an alias for every page of a foreign buffer, and maintains by it at unmap', () => {
    const kernel = new FakeKernel({ p2m: pages });
    expect(map(kernel, foreign)).toBe(0x13fadf340);
    unmap(kernel, foreign);
    expect(toldUnlocked(kernel.deeds)).toEqual([
      'syncAliasForDevice linear 0x4dc15340+0x1000 FROM_DEVICE',
      'insert aliasOfMapping 0x13fadf000 linear 0x4dc15000',
      'insert aliasOfMapping 0x13fae0000 linear 0x4dc16000',
      'find aliasOfMapping 0x13fadf000',
      'remove aliasOfMapping 0x13fadf000 linear 0x4dc15000',
      'syncAliasForCpu linear 0x4dc15340+0xcc0 FROM_DEVICE',
      'find aliasOfMapping 0x13fae0000',
      'remove aliasOfMapping 0x13fae0000 linear 0x4dc16000',
      'syncAliasForCpu linear 0x4dc16000+0x340 FROM_DEVICE',
    ]);
  });

  test('a local buffer needs no entry: one look-up finds none', () => {
    const kernel = new FakeKernel();
    map(kernel, local);
    unmap(kernel, local);
    expect(toldUnlocked(kernel.deeds)).toEqual([
      'arch_sync_for_device 0xc1000340+0x1000 FROM_DEVICE',
      'find aliasOfMapping 0xc1000000',
      'arch_sync_for_cpu 0xc1000340+0x1000 FROM_DEVICE',
    ]);
  });

  test('a sync in the middle finds the alias of its own page', () => {
    const kernel = new FakeKernel({ p2m: pages });
    map(kernel, { ...foreign, direction: Direction.bidirectional });
    kernel.deeds.length = 0;
    vaTable.syncForCpu(kernel, DEVICE, dmaAddr(0x13fae0080), 0x40, Direction.bidirectional);
    vaTable.syncForDevice(kernel, DEVICE, dmaAddr(0x13fae0080), 0x40, Direction.bidirectional);
    expect(told(kernel.maintenance)).toEqual([
      'syncAliasForCpu linear 0x4dc16080+0x40 BIDIRECTIONAL',
      'syncAliasForDevice linear 0x4dc16080+0x40 BIDIRECTIONAL',
    ]);
  });

  test('with SKIP_CPU_SYNC the entry comes and goes all the same', () => {
    const kernel = new FakeKernel({ p2m: pages });
    map(kernel, foreign, DEVICE, SKIP);
    unmap(kernel, foreign, SKIP);
    expect(kernel.deeds.filter(({ what }) => what === 'insert' || what === 'remove').length).toBe(4);
    expect(kernel.tables.aliasOfMapping.find(dmaAddr(0x13fadf000))).toEqual([]);
  });

  test('two pages of one frame: unmap takes the older alias, whoever\u2019s it is', () => {
    const other = 0x50000;
    const kernel = new FakeKernel({ p2m: new Map([...pages, [other, FRAMES.above]]) });
    const first = foreignShape(FRAMES.above, 0, 0x1000, Direction.fromDevice);
    const second = { ...first, phys: (other * 0x1000) as Shape['phys'] };
    map(kernel, first);
    map(kernel, second);
    kernel.deeds.length = 0;
    unmap(kernel, second);
    unmap(kernel, first);
    expect(told(kernel.maintenance)).toEqual([
      'syncAliasForCpu linear 0x4dc15000+0x1000 FROM_DEVICE',
      'syncAliasForCpu linear 0x50000000+0x1000 FROM_DEVICE',
    ]);
  });

  test('coherent devices cost nothing', () => {
    const kernel = new FakeKernel({ p2m: pages });
    map(kernel, foreign, COHERENT);
    expect(kernel.deeds).toEqual([]);
  });
});

describe('foreign-index', () => {
  test('every grant is entered, whatever it is for, and its page found from the machine frame', () => {
    const kernel = new FakeKernel({ p2m: pages });
    expect(grant(foreignIndex, kernel, pages)).toEqual([true, true, true, true, true]);
    expect(told(kernel.deeds).slice(0, 3)).toEqual([
      'lock pages_of_frame',
      'insert pagesOfFrame 0x13fadf 0x4dc15',
      'unlock pages_of_frame',
    ]);
    kernel.deeds.length = 0;
    const { bus, size, direction } = foreign;
    foreignIndex.unmap(kernel, DEVICE, dmaAddr(bus), size, direction, NO_ATTRIBUTES);
    expect(told(kernel.deeds)).toEqual([
      'lock pages_of_frame',
      'find pagesOfFrame 0x13fadf',
      'arch_sync_for_cpu 0x4dc15340+0xcc0 FROM_DEVICE',
      'unlock pages_of_frame',
      'lock pages_of_frame',
      'find pagesOfFrame 0x13fae0',
      'arch_sync_for_cpu 0x4dc16000+0x340 FROM_DEVICE',
      'unlock pages_of_frame',
    ]);
  });

  test('map has the page at hand', () => {
    const { dma, deeds } = mapped(foreignIndex, { p2m: pages }, foreign);
    expect([dma, told(deeds)]).toEqual([0x13fadf340, ['arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE']]);
  });

  test('one frame at many pages: any live one will do', () => {
    const kernel = new FakeKernel();
    const frame = mfn(FRAMES.above);
    const at = (page: number) => page as Pfn;
    expect(foreignIndex.grantMapped?.(kernel, at(0x50000), frame)).toBe(true);
    expect(foreignIndex.grantMapped?.(kernel, at(0x50007), frame)).toBe(true);
    foreignIndex.grantUnmapped?.(kernel, at(0x50000), frame);
    foreignIndex.syncForDevice(kernel, DEVICE, dmaAddr(0x13fadf080), 0x40, Direction.toDevice);
    expect(told(kernel.maintenance)).toEqual(['arch_sync_for_device 0x50007080+0x40 TO_DEVICE']);
  });

  test('a local buffer is one look-up and one piece', () => {
    const kernel = new FakeKernel();
    const { bus, size, direction } = local;
    foreignIndex.unmap(kernel, DEVICE, dmaAddr(bus), size, direction, NO_ATTRIBUTES);
    expect(toldUnlocked(kernel.deeds)).toEqual([
      'find pagesOfFrame 0xc1000',
      'arch_sync_for_cpu 0xc1000340+0x1000 FROM_DEVICE',
    ]);
  });
});

describe('smmu', () => {
  test('gives the device the pseudo-physical address, and maintains by it', () => {
    const { dma, deeds } = mapped(smmu, { p2m: pages }, foreign);
    expect([dma, told(deeds)]).toEqual([
      FOREIGN_PFN * 0x1000 + 0x340,
      ['arch_sync_for_device 0x4dc15340+0x1000 FROM_DEVICE'],
    ]);
  });
});

describe('x86-pv', () => {
  // Pseudo-physical pages of dom0's own in any order; the machine-to-physical table knows them all.
  const frame = 0x7700;
  const facts = { p2m: new Map([[0xc1000, frame]]), slot: 0xc0800000 };
  const one = { ...local, size: 0x100 };

  test('gives the machine address and maintains nothing', () => {
    const { dma, deeds } = mapped(x86Pv, facts, one);
    expect([dma, deeds]).toEqual([frame * 0x1000 + 0x340, []]);
  });

  test('a slot is found again through the machine-to-physical table', () => {
    const kernel = new FakeKernel({ ...facts, p2m: new Map([[0xc0800, 0x9900]]), forced: true });
    const dma = x86Pv.map(kernel, DEVICE, one.phys, one.size, one.direction, NO_ATTRIBUTES);
    expect(dma).toBe(0x9900000);
    x86Pv.unmap(kernel, DEVICE, dma, one.size, one.direction, NO_ATTRIBUTES);
    expect(told(kernel.deeds)).toEqual(['swiotlbMap 0xc1000340', 'swiotlbUnmap 0xc0800000']);
  });

  test('buffers over discontiguous frames bounce', () => {
    expect(mapped(x86Pv, facts, { ...local, size: 0x1000 }).dma).toBe(0xc0800000);
  });
});
