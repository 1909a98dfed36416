/**
 * Addresses of one bus read as addresses of the bus above it, up to the CPUs'.
 *
 * The rules are those of __of_translate_address and its bus types (drivers/of/address.c of 6.1 to 7.3), with its
 * arithmetic: unsigned, 64 bits, wrapping. Hence bigint here; callers turn results into addresses.
 * Left out: ISA ports of HiSilicon's LPC ("indirect I/O"), which are no memory.
 */
import { dmaParent, MAX_STEPS } from './dma-parent.ts';
import { addressCells, cellAt, readNumber, readString, sizeCells } from './properties.ts';
import { RangeTable, type TableEntry } from './range-table.ts';
import type { DeviceNode } from './tree.ts';

/** How one kind of bus lays out the cells of an address. */
export interface Bus {
  /** Leading cells that are flags, not part of the number. */
  readonly flagCells: 0 | 1;
  /** What of the flags must be equal for a range to apply to an address, as one number. */
  kindOf(firstCell: number): number;
  /** [address cells, size cells] of a child; undefined: as #address-cells and #size-cells say. */
  readonly cells?: readonly [address: number, size: number];
}

const PCI: Bus = { flagCells: 1, kindOf: pciSpace, cells: [3, 2] };
const ISA: Bus = { flagCells: 1, kindOf: (cell) => cell % 2, cells: [2, 1] };
const WITH_FLAGS: Bus = { flagCells: 1, kindOf: (cell) => cell };
const PLAIN: Bus = { flagCells: 0, kindOf: () => 0 };

/** 1 for I/O, 2 for memory of either width, 0 for configuration space: bits 24 and 25 (IEEE 1275 PCI binding). */
function pciSpace(firstCell: number): number {
  return Math.min(Math.floor(firstCell / 2 ** 24) % 4, 2);
}

/** A PCI host bridge or bridge, as Linux tells them: by device_type, else by the name "pcie". */
export function isPciBus(node: DeviceNode): boolean {
  const type = readString(node, 'device_type');
  return type === 'pci' || type === 'pciex' || type === 'vci' || type === 'ht' || node.hasBaseName('pcie');
}

/** The kind of bus that a node is to its children. */
export function busOf(node: DeviceNode): Bus {
  if (isPciBus(node)) return PCI;
  if (node.hasBaseName('isa')) return ISA;
  return node.has('#address-cells') && addressCells(node) === 3 ? WITH_FLAGS : PLAIN;
}

/** Linux handles addresses of one to four cells, and needs a size to translate anything. */
export function cellsUsable(address: number, size: number): boolean {
  return address > 0 && address <= 4 && size > 0;
}

const U32 = 2n ** 32n;
const U64 = 2n ** 64n;

/** CPU address of the first `reg` entry of a node, in [0, 2^64); undefined where Linux finds none. */
export function translatedReg(node: DeviceNode): bigint | undefined {
  const reg = node.property('reg');
  return reg === undefined ? undefined : translate(node, reg, 0, 'ranges');
}

/**
 * Translate the address that begins at cell `at` of a value in the bus that `device` sits on.
 * With `dma-ranges` the way up follows DMA, and a node without the property does not translate; with `ranges`
 * such a node ends the way.
 */
export function translate(
  device: DeviceNode,
  value: Uint8Array,
  at: number,
  property: 'ranges' | 'dma-ranges',
): bigint | undefined {
  const up = property === 'ranges' ? (node: DeviceNode) => node.parent : dmaParent;
  let node = up(device);
  if (node === null) return undefined;
  let bus = busOf(node);
  let [count, sizes] = cellCounts(device, bus);
  if (!cellsUsable(count, sizes)) return undefined;
  let address: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const cell = cellAt(value, at + i);
    if (cell === undefined) return undefined;
    address.push(cell);
  }
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const parent = up(node);
    if (parent === null) return toNumber(address);
    const parentBus = busOf(parent);
    const [parentCount, parentSizes] = cellCounts(node, parentBus);
    if (!cellsUsable(parentCount, parentSizes)) return undefined;
    const next = oneLevel(
      node,
      { bus, count, sizes, address },
      { bus: parentBus, count: parentCount },
      property,
    );
    if (next === undefined) return undefined;
    address = next;
    [node, bus, count, sizes] = [parent, parentBus, parentCount, parentSizes];
  }
  return undefined;
}

interface Level {
  readonly bus: Bus;
  readonly count: number;
}

function oneLevel(
  node: DeviceNode,
  from: Level & { readonly sizes: number; readonly address: readonly number[] },
  to: Level,
  property: string,
): number[] | undefined {
  const { bus, address } = from;
  const ranges = node.property(property);
  if (ranges === undefined && property === 'ranges') return undefined;
  if (ranges === undefined || ranges.length === 0) {
    const flags = address.slice(0, to.bus.flagCells);
    return plus([...flags, ...zeros(to.count - flags.length)], toNumber(address), to.bus);
  }
  const kind = bus.kindOf(address[0] ?? 0);
  const wanted = toNumber(address.slice(bus.flagCells));
  const range = tablesOf(node, property, ranges, from, to.count).get(kind)?.find(wanted);
  return range === undefined ? undefined : plus(range.base, wanted - range.start, to.bus);
}

/** Where an entry of `ranges` leads: the address above that its start has, as cells. */
interface RangeEntry extends TableEntry {
  readonly base: readonly number[];
}

/** Entries by what their flags say (Bus.kindOf). */
type Tables = ReadonlyMap<number, RangeTable<RangeEntry>>;

const known = new WeakMap<DeviceNode, Map<string, Tables>>();

/** The property as tables, made once for each layout of cells that it is read with. */
function tablesOf(
  node: DeviceNode,
  property: string,
  ranges: Uint8Array,
  from: Level & { readonly sizes: number },
  parentCount: number,
): Tables {
  const layouts = known.get(node) ?? new Map<string, Tables>();
  known.set(node, layouts);
  const layout = `${property} ${from.count} ${parentCount} ${from.sizes}`;
  let tables = layouts.get(layout);
  if (tables === undefined) {
    tables = readTables(ranges, from, parentCount);
    layouts.set(layout, tables);
  }
  return tables;
}

function readTables(
  ranges: Uint8Array,
  { bus, count, sizes }: Level & { readonly sizes: number },
  parentCount: number,
): Tables {
  const width = count + parentCount + sizes;
  const kinds = new Map<number, RangeEntry[]>();
  for (let at = 0; (at + width) * 4 <= ranges.length; at += width) {
    const kind = bus.kindOf(cellAt(ranges, at) ?? 0);
    const entries = kinds.get(kind) ?? [];
    kinds.set(kind, entries);
    const start = readNumber(ranges, at + bus.flagCells, count - bus.flagCells);
    const size = readNumber(ranges, at + count + parentCount, sizes);
    const base = Array.from({ length: parentCount }, (_, cell) => cellAt(ranges, at + count + cell) ?? 0);
    // An end that wraps to 0 holds nothing: so does Linux's comparison come out.
    entries.push({ start, end: (start + size) % U64, base });
  }
  return new Map([...kinds].map(([kind, entries]) => [kind, new RangeTable(entries)]));
}

/** Address cells and size cells of the bus that the node sits on. */
function cellCounts(node: DeviceNode, bus: Bus): readonly [number, number] {
  const parent = node.parent ?? node;
  return bus.cells ?? [addressCells(parent), sizeCells(parent)];
}

/** The low 64 bits of an address, flags included where there are no more than two cells. */
function toNumber(address: readonly number[]): bigint {
  const low = BigInt(address.at(-1) ?? 0);
  return BigInt(address.at(-2) ?? 0) * U32 + low;
}

/** Add within the 64 bits of the number; flags stay. */
function plus(address: readonly number[], offset: bigint, bus: Bus): number[] {
  const flags = address.slice(0, bus.flagCells);
  const count = address.length - flags.length;
  const sum = (toNumber(address.slice(bus.flagCells)) + offset) % U64;
  const digits = [Number(sum / U32), Number(sum % U32)].slice(count > 1 ? 0 : 1);
  return [...flags, ...zeros(count - digits.length), ...(count > 0 ? digits : [])];
}

function zeros(count: number): number[] {
  return new Array<number>(Math.max(count, 0)).fill(0);
}
