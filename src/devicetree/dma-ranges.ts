/**
 * What a device's DMA addresses mean: the windows of `dma-ranges`, composed up to machine addresses.
 *
 * Rule: of_dma_get_range and of_dma_configure_id (drivers/of/address.c and device.c of 6.1 to 7.3), translation
 * as in include/linux/dma-direct.h. An IOMMU on the way is not in this: behind one, DMA addresses are its input.
 */
import {
  ADDRESS_LIMIT,
  type DmaAddr,
  dmaAddr,
  dmaToMachine,
  type MachineAddr,
  machineAddr,
  machineToDma,
} from '../address/index.ts';
import { dmaParent, dmaPath } from './dma-parent.ts';
import { addressCells, cellAt, readNumber, sizeCells } from './properties.ts';
import { busOf, cellsUsable, translate } from './translate.ts';
import type { DeviceNode } from './tree.ts';

/** DMA addresses [busFrom, busFrom + size) are machine addresses [machineFrom, machineFrom + size). */
export interface DmaWindow {
  readonly busFrom: DmaAddr;
  readonly machineFrom: MachineAddr;
  /** Bytes. 0 only in the single window of a device that reaches nothing. */
  readonly size: number;
}

/** The windows of one device. */
export interface DmaWindows {
  /** In the order in which Linux tries them. Empty: DMA addresses are machine addresses, all of them. */
  readonly windows: readonly DmaWindow[];
  /** Linux's bus_dma_limit: last DMA address of all windows; null where there are none. */
  readonly busLimit: DmaAddr | null;
  /** Which node's dma-ranges decided, or why none. */
  readonly because: string;
  /** Entries that were left out or cut, and why. */
  readonly notes: readonly string[];
}

/** Windows of the platform device at a node: Linux begins to look at its DMA parent. */
export function dmaWindowsOf(device: DeviceNode): DmaWindows {
  const bus = dmaParent(device);
  return bus === null ? identity('the root has no bus') : dmaWindowsBelow(bus);
}

/** Windows of what sits on a bus, looked for from the bus itself: so for the functions under a PCI host bridge. */
export function dmaWindowsBelow(bus: DeviceNode): DmaWindows {
  let first = true;
  for (const node of dmaPath(bus)) {
    const value = node.property('dma-ranges');
    if (value !== undefined && value.length > 0) return windowsAt(node);
    // Linux forgives a missing dma-ranges on the first bus only, and goes on through empty ones (1:1).
    if (value === undefined && !first)
      return identity(`no translating dma-ranges from ${bus.path} on; ${node.path} has none`);
    first = false;
  }
  return identity(`no translating dma-ranges from ${bus.path} up`);
}

/** Machine address that a DMA address of the device means; null if it hits no window. */
export function dmaToMachineThrough(windows: readonly DmaWindow[], addr: DmaAddr): MachineAddr | null {
  if (windows.length === 0) return dmaToMachine(addr);
  for (const { busFrom, machineFrom, size } of windows)
    if (addr >= busFrom && addr - busFrom < size) return machineAddr(machineFrom + (addr - busFrom));
  return null;
}

/** DMA address by which the device reaches a machine address; null if it cannot (Linux: a mapping error). */
export function machineToDmaThrough(windows: readonly DmaWindow[], addr: MachineAddr): DmaAddr | null {
  if (windows.length === 0) return machineToDma(addr);
  for (const { busFrom, machineFrom, size } of windows)
    if (addr >= machineFrom && addr - machineFrom < size) return dmaAddr(busFrom + (addr - machineFrom));
  return null;
}

function identity(because: string, notes: readonly string[] = []): DmaWindows {
  return { windows: [], busLimit: null, because, notes };
}

interface Entry {
  readonly flags: number;
  readonly bus: bigint;
  /** undefined where it cannot be translated up to the root. */
  readonly machine: bigint | undefined;
  readonly size: bigint;
}

/** Every device below a bus has the bus's windows. */
const known = new WeakMap<DeviceNode, DmaWindows>();

function windowsAt(node: DeviceNode): DmaWindows {
  let answer = known.get(node);
  if (answer === undefined) {
    answer = readWindows(node, node.property('dma-ranges') ?? new Uint8Array(0));
    known.set(node, answer);
  }
  return answer;
}

/** A damaged property has thousands of bad entries; nobody reads more than a few, and every device of the bus gets them. */
const MOST_NOTES = 16;

function readWindows(node: DeviceNode, value: Uint8Array): DmaWindows {
  const all = allWindows(node, value);
  if (all.notes.length <= MOST_NOTES) return all;
  const left = all.notes.length - MOST_NOTES;
  return {
    ...all,
    notes: [...all.notes.slice(0, MOST_NOTES), `dma-ranges of ${node.path}: ${left} notes more`],
  };
}

function allWindows(node: DeviceNode, value: Uint8Array): DmaWindows {
  const because = `dma-ranges of ${node.path}`;
  const notes: string[] = [];
  const windows: DmaWindow[] = [];
  let usable = 0;
  for (const entry of joined(readEntries(node, value, notes))) {
    if (entry.machine === undefined) {
      notes.push(
        `${because}: bus address ${hex(entry.bus)} does not translate to a machine address; left out`,
      );
      continue;
    }
    usable += 1;
    // A size of 0 marks the end of the list for Linux, whatever follows.
    if (entry.size === 0n) {
      notes.push(`${because}: an entry of size 0 ends the list`);
      break;
    }
    const window = toWindow(entry, because, notes);
    if (window !== undefined) windows.push(window);
  }
  if (usable === 0) return identity(`${because} has no usable entry: taken as 1:1`, notes);
  const nothing = { busFrom: dmaAddr(0), machineFrom: machineAddr(0), size: 0 };
  if (windows.length === 0)
    return { windows: [nothing], busLimit: null, because: `${because} reaches nothing`, notes };
  const last = windows.reduce((end, { busFrom, size }) => Math.max(end, busFrom + (size - 1)), 0);
  return { windows, busLimit: dmaAddr(last), because, notes };
}

function readEntries(node: DeviceNode, value: Uint8Array, notes: string[]): Entry[] {
  // On PCI too Linux counts by the properties here, not by the 3 and 2 that PCI has.
  const busCells = addressCells(node);
  const size = sizeCells(node);
  const parentCells = addressCells(node.parent ?? node);
  if (!cellsUsable(busCells, size) || !cellsUsable(parentCells, 1)) {
    notes.push(
      `dma-ranges of ${node.path}: ${busCells}, ${parentCells} and ${size} cells; Linux takes 1 to 4`,
    );
    return [];
  }
  const bus = busOf(node);
  const entryCells = busCells + parentCells + size;
  const count = Math.floor(value.length / 4 / entryCells);
  if (count * entryCells * 4 !== value.length)
    notes.push(`dma-ranges of ${node.path}: ${value.length} bytes are no multiple of ${entryCells} cells`);
  return Array.from({ length: count }, (_, i) => {
    const at = i * entryCells;
    const flagCells = Math.min(bus.flagCells, busCells);
    return {
      flags: bus.flagCells === 0 ? 0 : bus.kindOf(cellAt(value, at) ?? 0),
      bus: readNumber(value, at + flagCells, busCells - flagCells),
      machine: translate(node, value, at + busCells, 'dma-ranges'),
      size: readNumber(value, at + busCells + parentCells, size),
    };
  });
}

/** Join entries that follow each other on both sides, as Linux's parser does. */
function joined(entries: readonly Entry[]): Entry[] {
  const result: Entry[] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    if (
      last?.machine !== undefined &&
      entry.flags === last.flags &&
      entry.bus === last.bus + last.size &&
      entry.machine === last.machine + last.size
    )
      result[result.length - 1] = { ...last, size: last.size + entry.size };
    else result.push(entry);
  }
  return result;
}

/** Branded and below 2^53; what lies beyond is no address of any machine and is left out, with a note. */
function toWindow(entry: Entry, because: string, notes: string[]): DmaWindow | undefined {
  const limit = BigInt(ADDRESS_LIMIT);
  const machine = entry.machine ?? limit;
  const highest = entry.bus > machine ? entry.bus : machine;
  const what = `${because}: bus ${hex(entry.bus)}, machine ${hex(machine)}, size ${hex(entry.size)}`;
  if (highest >= limit) {
    notes.push(`${what} lies beyond 2^53; left out`);
    return undefined;
  }
  const room = limit - highest;
  if (entry.size > room) notes.push(`${what} reaches beyond 2^53; cut there`);
  const size = Number(entry.size > room ? room : entry.size);
  return { busFrom: dmaAddr(Number(entry.bus)), machineFrom: machineAddr(Number(machine)), size };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
