/**
 * Typed reading of property values: cells, strings, lists of phandles, and how many cells an address has.
 *
 * Where a value is too short or not what it should be, the answer is the one that Linux's of_property_read_*
 * gives (drivers/of/property.c, base.c of 7.3): as if the property were not there.
 */

import { UNAVAILABLE } from './noted-names.ts';
import { latin1 } from './strings-block.ts';
import type { DeviceNode } from './tree.ts';

/** Value of the 32-bit cell at index `cell`; undefined beyond the end. */
export function cellAt(value: Uint8Array, cell: number): number | undefined {
  const at = cell * 4;
  const last = value[at + 3];
  if (last === undefined) return undefined;
  return (((value[at] ?? 0) * 256 + (value[at + 1] ?? 0)) * 256 + (value[at + 2] ?? 0)) * 256 + last;
}

/** All whole cells of the value. */
export function cells(value: Uint8Array): number[] {
  return Array.from({ length: Math.floor(value.length / 4) }, (_, i) => cellAt(value, i) ?? 0);
}

/** First cell of the property; undefined if it is missing or shorter than a cell. */
export function readU32(node: DeviceNode, name: string): number | undefined {
  const value = node.property(name);
  return value === undefined ? undefined : cellAt(value, 0);
}

/** First two cells as one number; undefined if missing or shorter. */
export function readU64(node: DeviceNode, name: string): bigint | undefined {
  const value = node.property(name);
  return value === undefined || value.length < 8 ? undefined : readNumber(value, 0, 2);
}

/**
 * A number of `count` cells beginning at index `cell`, in [0, 2^64): of more than two cells the last two count,
 * as in Linux's of_read_number. No cells make 0. Cells beyond the end are 0.
 */
export function readNumber(value: Uint8Array, cell: number, count: number): bigint {
  if (count <= 0) return 0n;
  const low = BigInt(cellAt(value, cell + count - 1) ?? 0);
  return count === 1 ? low : BigInt(cellAt(value, cell + count - 2) ?? 0) * 2n ** 32n + low;
}

/** The property's strings. Empty if it is missing, or is no list of terminated strings. */
export function readStrings(node: DeviceNode, name: string): string[] {
  const value = node.property(name);
  if (value === undefined || value.length === 0 || value[value.length - 1] !== 0) return [];
  return latin1(value.subarray(0, value.length - 1)).split('\0');
}

/** The first string; undefined if the property is missing or not terminated. */
export function readString(node: DeviceNode, name: string): string | undefined {
  const value = node.property(name);
  const end = value?.indexOf(0) ?? -1;
  return value === undefined || end < 0 ? undefined : latin1(value.subarray(0, end));
}

/** Whether one of the node's `compatible` strings is the given one; Linux ignores case here. */
export function isCompatible(node: DeviceNode, compatible: string): boolean {
  const wanted = compatible.toLowerCase();
  return readStrings(node, 'compatible').some((text) => text.toLowerCase() === wanted);
}

/** No `status`, or "okay", or "ok". Linux makes no device of any other. */
export function isAvailable(node: DeviceNode): boolean {
  return (node.noted & UNAVAILABLE) === 0;
}

/** `#address-cells` of the bus: how many cells its children's addresses have. Up the tree where missing, then 1. */
export function addressCells(bus: DeviceNode): number {
  return inheritedU32(bus, '#address-cells') ?? 1;
}

/** `#size-cells` of the bus, likewise. (The specification's default is 2 and 1; Linux on Arm has 1 and 1.) */
export function sizeCells(bus: DeviceNode): number {
  return inheritedU32(bus, '#size-cells') ?? 1;
}

function inheritedU32(from: DeviceNode, name: string): number | undefined {
  for (let node: DeviceNode | null = from; node !== null; node = node.parent) {
    const value = readU32(node, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** One entry of a list of phandles with arguments. */
export interface PhandleEntry {
  /** null for the empty entry (phandle 0), and where no node has that phandle. */
  readonly node: DeviceNode | null;
  readonly phandle: number;
  readonly args: readonly number[];
}

/**
 * A list such as `iommus`: each phandle is followed by as many cells as the node it names says in `cellsName`
 * ("#iommu-cells"). Ends early where that cannot be known: a phandle of no node, a count missing, a list cut.
 */
export function readPhandles(node: DeviceNode, listName: string, cellsName: string): PhandleEntry[] {
  const entries: PhandleEntry[] = [];
  const value = node.property(listName);
  if (value === undefined) return entries;
  const list = cells(value);
  for (let at = 0; at < list.length; ) {
    const phandle = list[at] ?? 0;
    if (phandle === 0) {
      entries.push({ node: null, phandle, args: [] });
      at += 1;
      continue;
    }
    const target = node.tree.byPhandle(phandle);
    const count = target === undefined ? undefined : readU32(target, cellsName);
    if (target === undefined || count === undefined || at + 1 + count > list.length) break;
    entries.push({ node: target, phandle, args: list.slice(at + 1, at + 1 + count) });
    at += 1 + count;
  }
  return entries;
}
