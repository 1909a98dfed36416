/** Damaged boards: a result or a DeviceTreeError with an offset within the file; never a crash, a hang or much memory. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFdt, type NodeSpec } from '../devicetree/build.ts';
import { applyOverlay, DeviceTreeError, readFdt, readOverlay } from '../devicetree/index.ts';
import { auditBoard } from './audit.ts';
import { USUAL_SETUP } from './board.ts';
import { compareBoards } from './comparison.ts';
import { digest } from './summary.ts';
import { BUS, bytes, device, u64 } from './testing.ts';

const FOLDER = new URL('../devicetree/boards/', import.meta.url);
const BOARDS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.dtb'))
  .map((name) => new Uint8Array(readFileSync(new URL(name, FOLDER))));

const SETUPS = [
  USUAL_SETUP,
  {
    ...USUAL_SETUP,
    smmu: false,
    dom0Memory: { banks: [bytes(0x4000_0000, 0x4c00_0000), bytes(2 ** 33, 2 ** 34)] },
  },
  { ...USUAL_SETUP, dom0: 'translated', dom0Memory: { size: 12345 * 4096 } },
] as const;

/** Read and audit it; a refusal must say where. @returns whether it was read. */
function exercise(file: Uint8Array, setup: (typeof SETUPS)[number] = USUAL_SETUP): boolean {
  try {
    const audit = auditBoard(readFdt(file), setup);
    digest('x', audit);
    return true;
  } catch (error) {
    if (!(error instanceof DeviceTreeError)) throw error;
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(file.length);
    return false;
  }
}

/** More with DMALAB_FUZZ=10: the runs of each property are multiplied. */
const numRuns = (count: number) => count * Number(process.env['DMALAB_FUZZ'] ?? 1);
/** By number, so that a counterexample is short. */
const anyBoard = fc.nat(BOARDS.length - 1);
const boardAt = (index: number) => BOARDS[index] ?? new Uint8Array(0);
const anySetup = fc.constantFrom(...SETUPS);

describe('real boards with', () => {
  it('bytes flipped anywhere', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(anyBoard, flips, anySetup, (index, all, setup) => {
        const board = boardAt(index);
        const damaged = board.slice();
        for (const [at, change] of all)
          damaged[at % board.length] = ((damaged[at % board.length] ?? 0) + change) % 256;
        exercise(damaged, setup);
      }),
      { numRuns: numRuns(4000) },
    );
  }, 120_000);

  it('cells of property values changed to telling ones: the structure holds, and everything is read', () => {
    const telling = fc.constantFrom(0, 1, 2, 3, 4, 5, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100);
    const changes = fc.array(fc.tuple(fc.nat(), telling), { minLength: 1, maxLength: 8 });
    let read = 0;
    fc.assert(
      fc.property(anyBoard, changes, anySetup, (index, all, setup) => {
        const board = boardAt(index);
        const damaged = board.slice();
        const view = new DataView(damaged.buffer);
        const cells = valueCells(board);
        for (const [at, value] of all) view.setUint32(cells[at % cells.length] ?? 0, value);
        if (exercise(damaged, setup)) read += 1;
      }),
      { numRuns: numRuns(4000) },
    );
    expect(read).toBe(numRuns(4000));
  }, 120_000);

  it('names of properties exchanged', () => {
    fc.assert(
      fc.property(
        anyBoard,
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 8 }),
        (index, all) => {
          const board = boardAt(index);
          const damaged = board.slice();
          const view = new DataView(damaged.buffer);
          const cells = nameCells(board);
          for (const [to, from] of all)
            view.setUint32(cells[to % cells.length] ?? 0, view.getUint32(cells[from % cells.length] ?? 0));
          exercise(damaged);
        },
      ),
      { numRuns: numRuns(2000) },
    );
  }, 120_000);

  it('the end cut off, with and without a header that hides it', () => {
    fc.assert(
      fc.property(anyBoard, fc.nat(), fc.boolean(), (index, at, hide) => {
        const board = boardAt(index);
        const cut = board.slice(0, at % board.length);
        if (hide && cut.length >= 8) new DataView(cut.buffer).setUint32(4, cut.length);
        expect(exercise(cut) && !hide).toBe(false);
      }),
      { numRuns: numRuns(4000) },
    );
  }, 120_000);

  it('an overlay of damaged bytes applied', () => {
    const base = readFdt(readFileSync(new URL('../../scenarios/boards/board.dtb', import.meta.url)));
    const overlay = buildFdt({
      f: { target: [0xffffffff], __overlay__: { 'mmc@5': { phandle: [1], other: [1] } } },
      __fixups__: { sd: '/f:target:0' },
      __local_fixups__: { f: { __overlay__: { 'mmc@5': { other: [0] } } } },
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(overlay.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (all) => {
          const damaged = overlay.slice();
          for (const [at, value] of all) damaged[at] = value;
          try {
            auditBoard(applyOverlay(base, readOverlay(damaged)));
          } catch (error) {
            expect(error).toBeInstanceOf(DeviceTreeError);
          }
        },
      ),
      { numRuns: numRuns(2000) },
    );
  }, 120_000);
});

/** Offsets of the cells of all property values, or of the offsets of their names. */
function propertyCells(board: Uint8Array, which: 'value' | 'name'): number[] {
  const cells: number[] = [];
  for (const node of readFdt(board).nodes)
    for (const { value, offset } of node.eachProperty()) {
      if (which === 'name') cells.push(offset + 8);
      else for (let at = 0; at + 4 <= value.length; at += 4) cells.push(offset + 12 + at);
    }
  return cells;
}

const memo = (which: 'value' | 'name') => {
  const known = new Map<Uint8Array, number[]>();
  return (board: Uint8Array) => {
    const cells = known.get(board) ?? propertyCells(board, which);
    known.set(board, cells);
    return cells;
  };
};
const valueCells = memo('value');
const nameCells = memo('name');

describe('trees made to cost much', () => {
  const root = { '#address-cells': [2], '#size-cells': [2] };
  const many = (count: number, make: (i: number) => readonly [string, NodeSpec]) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => make(i)));
  const fast = (spec: NodeSpec) => {
    const file = buildFdt(spec);
    const begin = performance.now();
    const audit = auditBoard(readFdt(file));
    digest('x', audit);
    compareBoards(audit, audit);
    expect(performance.now() - begin).toBeLessThan(5_000);
    return audit;
  };

  it('interconnects in a circle', () => {
    const ring = many(50, (i) => [
      `mmc@${i}`,
      device({
        phandle: [i + 1],
        '#interconnect-cells': [0],
        'interconnect-names': 'dma-mem',
        interconnects: [((i + 1) % 50) + 1],
        'dma-ranges': true,
      }),
    ]);
    expect(fast({ ...root, ...ring }).devices).toHaveLength(50);
  });

  it('thousands of dma-ranges entries for thousands of devices', () => {
    const windows = Array.from({ length: 4000 }, (_, i) => [
      ...u64(i * 0x2000),
      ...u64(i * 0x2000),
      ...u64(0x1000),
    ]).flat();
    const memory = Array.from({ length: 4000 }, (_, i) => [...u64(i * 0x3000), ...u64(0x800)]).flat();
    const devices = many(4000, (i) => [`mmc@${i}`, device()]);
    const bus = { ...BUS, compatible: 'simple-bus', 'dma-ranges': windows, ...devices };
    expect(fast({ ...root, 'memory@0': { device_type: 'memory', reg: memory }, bus }).devices).toHaveLength(
      4000,
    );
  });

  it('thousands of bad dma-ranges entries for thousands of devices', () => {
    const bad = Array.from({ length: 4000 }, () => [
      0xffffffff, 0, 0xffffffff, 0, 0xffffffff, 0xffffffff,
    ]).flat();
    const devices = many(4000, (i) => [`mmc@${i}`, device()]);
    fast({ ...root, bus: { ...BUS, compatible: 'simple-bus', 'dma-ranges': bad, ...devices } });
  });

  it('thousands of devices behind one IOMMU, and of one kind', () => {
    const iommu = { compatible: 'x,iommu', phandle: [7], '#iommu-cells': [0] };
    const devices = many(8000, (i) => [
      `mmc@${i}`,
      device({ iommus: [7], ...(i === 0 ? { 'dma-coherent': true } : {}) }),
    ]);
    expect(fast({ ...root, 'iommu@0': iommu, ...devices }).findings.length).toBeGreaterThan(7000);
  });

  it('ranges of 2^64 bytes, at the end of all addresses, and over each other', () => {
    const all = [0, 0, 0, 0, 0xffffffff, 0xffffffff];
    const end = [0xffffffff, 0xfffff000, 0xffffffff, 0xfffff000, 0, 0x2000];
    const over = [0, 0x1000, 0, 0, 0, 0x8000];
    const memory = [0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xfffff000, 0, 0x1000];
    for (const windows of [all, end, over, [...all, ...end, ...over]])
      fast({
        ...root,
        'memory@0': { device_type: 'memory', reg: memory },
        bus: { ...BUS, compatible: 'x', 'dma-ranges': windows, 'mmc@1': device() },
      });
  });

  it('numbers of cells that nobody can have', () => {
    for (const count of [0, 5, 1000, 0x7fffffff, 0xffffffff])
      for (const name of ['#address-cells', '#size-cells', '#iommu-cells', '#interconnect-cells'])
        fast({
          ...root,
          bus: {
            ...BUS,
            [name]: [count],
            phandle: [3],
            compatible: 'x',
            'dma-ranges': u64(1),
            'mmc@1': device({ iommus: [3, 1, 2], interconnects: [3, 1], 'interconnect-names': 'dma-mem' }),
            'pcie@2': device({ device_type: 'pci', 'iommu-map': [0, 3, 0, 1], 'iommu-map-mask': [count] }),
          },
        });
  });

  it('buses nested as deep as a tree can be', () => {
    let bus: NodeSpec = { 'mmc@1': device() };
    for (let depth = 0; depth < 60; depth += 1)
      bus = {
        b: { ...BUS, compatible: 'x', 'dma-ranges': [...u64(depth), ...u64(0), ...u64(2 ** 40)], ...bus },
      };
    expect(fast({ ...root, ...bus }).devices).toHaveLength(1);
  });
});
