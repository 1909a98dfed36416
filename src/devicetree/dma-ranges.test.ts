import { describe, expect, it } from 'vitest';
import { dmaAddr, machineAddr } from '../address/index.ts';
import { buildFdt, type NodeSpec } from './build.ts';
import { dmaToMachineThrough, dmaWindowsBelow, dmaWindowsOf, machineToDmaThrough } from './dma-ranges.ts';
import { readFdt } from './fdt.ts';

const CELLS_1 = { '#address-cells': [1], '#size-cells': [1] };
const CELLS_2 = { '#address-cells': [2], '#size-cells': [2] };

function node(root: NodeSpec, path: string) {
  return readFdt(buildFdt(root)).find(path) ?? expect.fail(path);
}

/** [bus, machine, size] of each window. */
function windows(root: NodeSpec, path: string) {
  return dmaWindowsOf(node(root, path)).windows.map(({ busFrom, machineFrom, size }) => [
    busFrom,
    machineFrom,
    size,
  ]);
}

describe('windows of a device', () => {
  it('come from the dma-ranges of its bus, with the cell counts of both sides (Raspberry Pi 4)', () => {
    const root = {
      '#address-cells': [2],
      '#size-cells': [1],
      soc: { ...CELLS_1, 'dma-ranges': [0xc0000000, 0, 0, 0x40000000], 'mmc@1': {} },
    };
    expect(windows(root, '/soc/mmc@1')).toEqual([[0xc0000000, 0, 0x40000000]]);
    expect(dmaWindowsOf(node(root, '/soc/mmc@1'))).toMatchObject({
      busLimit: 0xffffffff,
      because: 'dma-ranges of /soc',
      notes: [],
    });
  });

  it('are composed through translating buses further up', () => {
    const root = {
      ...CELLS_2,
      outer: {
        ...CELLS_1,
        'dma-ranges': [0x80000000, 8, 0, 0x40000000],
        inner: { ...CELLS_1, 'dma-ranges': [0, 0x80001000, 0x1000], dev: {} },
      },
    };
    expect(windows(root, '/outer/inner/dev')).toEqual([[0, 0x8_0000_1000, 0x1000]]);
    expect(windows(root, '/outer/inner')).toEqual([[0x80000000, 0x8_0000_0000, 0x40000000]]);
  });

  it('pass an empty dma-ranges 1:1', () => {
    const root = {
      ...CELLS_1,
      outer: {
        ...CELLS_1,
        'dma-ranges': [0, 0x40000000, 0x1000],
        inner: { ...CELLS_1, 'dma-ranges': true, dev: {} },
      },
    };
    expect(windows(root, '/outer/inner/dev')).toEqual([[0, 0x40000000, 0x1000]]);
  });

  it("may be missing on the device's own bus, but not on the next (as Linux has it)", () => {
    const outer = { ...CELLS_1, 'dma-ranges': [0, 0x40000000, 0x1000] };
    expect(windows({ ...CELLS_1, outer: { ...outer, a: { dev: {} } } }, '/outer/a/dev')).toHaveLength(1);
    const deeper = { ...CELLS_1, outer: { ...outer, a: { b: { dev: {} } } } };
    expect(dmaWindowsOf(node(deeper, '/outer/a/b/dev'))).toMatchObject({
      windows: [],
      busLimit: null,
      because: 'no translating dma-ranges from /outer/a/b on; /outer/a has none',
    });
  });

  it('do not come from the dma-ranges of the device itself', () => {
    const root = { ...CELLS_1, dev: { ...CELLS_1, 'dma-ranges': [0, 0x40000000, 0x1000], child: {} } };
    expect(windows(root, '/dev')).toEqual([]);
    expect(windows(root, '/dev/child')).toHaveLength(1);
  });

  it('follow a dma-mem interconnect (Allwinner)', () => {
    const root = {
      ...CELLS_1,
      mbus: {
        ...CELLS_1,
        phandle: [5],
        '#interconnect-cells': [1],
        'dma-ranges': [0, 0x40000000, 0xc0000000],
      },
      soc: { ...CELLS_1, ranges: true, dev: { 'interconnect-names': 'dma-mem', interconnects: [5, 3] } },
    };
    expect(windows(root, '/soc/dev')).toEqual([[0, 0x40000000, 0xc0000000]]);
  });

  it('are joined where they continue each other on both sides', () => {
    const bus = { ...CELLS_1, dev: {} };
    const root = (ranges: number[]) => ({ ...CELLS_1, bus: { ...bus, 'dma-ranges': ranges } });
    expect(windows(root([0, 0x1000, 0x1000, 0x1000, 0x2000, 0x1000]), '/bus/dev')).toEqual([
      [0, 0x1000, 0x2000],
    ]);
    expect(windows(root([0, 0x1000, 0x1000, 0x1000, 0x4000, 0x1000]), '/bus/dev')).toHaveLength(2);
  });

  it('that do not translate up to the root are left out, with a note', () => {
    const root = {
      ...CELLS_1,
      outer: {
        ...CELLS_1,
        'dma-ranges': [0, 0x40000000, 0x1000],
        inner: { ...CELLS_1, 'dma-ranges': [0, 0, 0x1000, 0x8000, 0x8000, 0x1000], dev: {} },
      },
    };
    const found = dmaWindowsOf(node(root, '/outer/inner/dev'));
    expect(found.windows).toHaveLength(1);
    expect(found.notes).toEqual([expect.stringMatching(/bus address 0x8000 does not translate/)]);
  });

  it('with no usable entry at all are as if there were none (Linux goes on without)', () => {
    const root = {
      ...CELLS_1,
      bus: { '#address-cells': [1], '#size-cells': [0], 'dma-ranges': [0, 0], dev: {} },
    };
    expect(dmaWindowsOf(node(root, '/bus/dev'))).toMatchObject({ windows: [], busLimit: null });
    expect(dmaWindowsOf(node(root, '/bus/dev')).notes).toHaveLength(1);
  });

  it('end at an entry of size 0; if that is the first, nothing can be reached', () => {
    const root = (ranges: number[]) => ({ ...CELLS_1, bus: { ...CELLS_1, 'dma-ranges': ranges, dev: {} } });
    expect(windows(root([0, 0, 0x1000, 0x8000, 0, 0, 0x9000, 0, 0x1000]), '/bus/dev')).toHaveLength(1);
    const nothing = dmaWindowsOf(node(root([0, 0, 0]), '/bus/dev'));
    expect(dmaToMachineThrough(nothing.windows, dmaAddr(0))).toBeNull();
    expect(machineToDmaThrough(nothing.windows, machineAddr(0))).toBeNull();
  });

  it('beyond 2^53 are left out or cut there, and never rounded', () => {
    const root = (ranges: number[]) => ({ ...CELLS_2, bus: { ...CELLS_2, 'dma-ranges': ranges, dev: {} } });
    const far = dmaWindowsOf(node(root([0, 0, 0x200000, 1, 0, 0x1000]), '/bus/dev'));
    expect(far.notes).toEqual([expect.stringMatching(/0x20000000000001.*beyond 2\^53; left out/)]);
    expect(dmaToMachineThrough(far.windows, dmaAddr(0))).toBeNull();
    const wide = dmaWindowsOf(node(root([0, 0, 0, 0x1000, 0xffffffff, 0xffffffff]), '/bus/dev'));
    expect(wide.windows).toEqual([{ busFrom: 0, machineFrom: 0x1000, size: 2 ** 53 - 0x1000 }]);
    expect(wide.notes).toEqual([expect.stringMatching(/cut there/)]);
  });
});

describe('windows below a PCI host bridge', () => {
  const bridge = { '#address-cells': [3], '#size-cells': [2], device_type: 'pci' };

  it('have three cells on the bus side, the first of them flags', () => {
    const ranges = [0x02000000, 4, 0, 0, 0, 2, 0, 0x43000000, 8, 0, 0x10, 0, 1, 0];
    const pcie = node({ ...CELLS_2, 'pcie@1': { ...bridge, 'dma-ranges': ranges } }, '/pcie@1');
    expect(dmaWindowsBelow(pcie)).toMatchObject({
      windows: [
        { busFrom: 0x4_0000_0000, machineFrom: 0, size: 0x2_0000_0000 },
        { busFrom: 0x8_0000_0000, machineFrom: 0x10_0000_0000, size: 0x1_0000_0000 },
      ],
      busLimit: 0x8_ffff_ffff,
    });
  });

  it('begin at the bridge itself, and go on to the bus above it', () => {
    const soc = { ...CELLS_1, 'dma-ranges': [0, 0x40000000, 0x1000], 'pcie@1': bridge };
    expect(dmaWindowsBelow(node({ ...CELLS_1, soc }, '/soc/pcie@1')).windows).toHaveLength(1);
  });

  it('are translated by the bus above', () => {
    const soc = {
      ...CELLS_1,
      'dma-ranges': [0x80000000, 0, 0x40000000],
      'pcie@1': { ...bridge, 'dma-ranges': [0x02000000, 0, 0, 0x80000000, 0, 0x1000] },
    };
    expect(dmaWindowsBelow(node({ ...CELLS_1, soc }, '/soc/pcie@1')).windows).toEqual([
      { busFrom: 0, machineFrom: 0, size: 0x1000 },
    ]);
  });
});

describe('addresses through windows', () => {
  const { windows: two } = dmaWindowsOf(
    node(
      { ...CELLS_1, bus: { ...CELLS_1, 'dma-ranges': [0, 0x1000, 0x100, 0x8000, 0x2000, 0x100], dev: {} } },
      '/bus/dev',
    ),
  );

  it('are moved in both directions, to the last byte and no further', () => {
    expect(dmaToMachineThrough(two, dmaAddr(0x80ff))).toBe(0x20ff);
    expect(dmaToMachineThrough(two, dmaAddr(0x8100))).toBeNull();
    expect(machineToDmaThrough(two, machineAddr(0x1000))).toBe(0);
    expect(machineToDmaThrough(two, machineAddr(0xfff))).toBeNull();
  });

  it('stay as they are where there are none', () => {
    expect(dmaToMachineThrough([], dmaAddr(2 ** 52))).toBe(2 ** 52);
    expect(machineToDmaThrough([], machineAddr(7))).toBe(7);
  });
});
