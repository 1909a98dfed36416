/**
 * Where the nodes of a tree lie in its file: a row of numbers each, in the order of the file.
 *
 * Rows and not objects, because of most nodes nothing else is ever asked.
 */

import { padded } from './layout.ts';
import { latin1 } from './strings-block.ts';
import type { WordTable } from './words.ts';

/** Columns of a row. */
const OFFSET = 0;
const NAME_END = 1;
const PROPERTIES_END = 2;
const PROPERTY_COUNT = 3;
const PARENT = 4;
const NEXT = 5;
const NOTED = 6;
const COMPATIBLE_AT = 7;
const PHANDLE = 8;
const NAME_HASH = 9;
const WIDTH = 10;

/** The parent of the root. */
export const NO_NODE = 0xffffffff;

export class NodeTable {
  /** Unsigned, as sizes and offsets of the format are. */
  private rows: Uint32Array;
  private size = 0;
  private some = 0;

  /** @param expected how many nodes there may be. */
  constructor(expected: number) {
    this.rows = new Uint32Array((expected + 1) * WIDTH);
  }

  /** What is noted of any node. */
  get notedOfAny(): number {
    return this.some;
  }

  get count(): number {
    return this.size;
  }

  /** A new last row. @returns its index. */
  add(parent: number, offset: number, nameEnd: number, nameHash: number): number {
    const row = this.size * WIDTH;
    if (row + WIDTH > this.rows.length) this.grow();
    const { rows } = this;
    rows[row + OFFSET] = offset;
    rows[row + NAME_END] = nameEnd;
    rows[row + PROPERTIES_END] = 0;
    rows[row + PROPERTY_COUNT] = 0;
    rows[row + PARENT] = parent;
    rows[row + NEXT] = 0;
    rows[row + NOTED] = 0;
    rows[row + COMPATIBLE_AT] = 0;
    rows[row + PHANDLE] = 0;
    rows[row + NAME_HASH] = nameHash;
    this.size += 1;
    return this.size - 1;
  }

  /** What the properties of the last row's node told; `end` is 0 if it has none. */
  setProperties(count: number, end: number, noted: number, compatibleAt: number): void {
    const { rows } = this;
    const row = (this.size - 1) * WIDTH;
    rows[row + PROPERTY_COUNT] = count;
    rows[row + PROPERTIES_END] = end;
    rows[row + NOTED] = noted;
    rows[row + COMPATIBLE_AT] = compatibleAt;
    this.some |= noted;
  }

  setPhandle(node: number, phandle: number): void {
    this.rows[node * WIDTH + PHANDLE] = phandle;
  }

  /** No further row is below the node. */
  close(node: number): void {
    this.rows[node * WIDTH + NEXT] = this.size;
  }

  /** File offset of the node's FDT_BEGIN_NODE token. */
  offset(node: number): number {
    return this.rows[node * WIDTH + OFFSET] ?? 0;
  }

  /** File offset of the NUL after its name. */
  nameEnd(node: number): number {
    return this.rows[node * WIDTH + NAME_END] ?? 0;
  }

  /** Hash of its name up to "@". */
  nameHash(node: number): number {
    return (this.rows[node * WIDTH + NAME_HASH] ?? 0) | 0;
  }

  /** File offset after its last property; 0 if it has none. */
  propertiesEnd(node: number): number {
    return this.rows[node * WIDTH + PROPERTIES_END] ?? 0;
  }

  propertyCount(node: number): number {
    return this.rows[node * WIDTH + PROPERTY_COUNT] ?? 0;
  }

  /** File offset of the first token after its name. */
  propertiesStart(node: number): number {
    const nameStart = this.offset(node) + 4;
    return nameStart + padded(this.nameEnd(node) + 1 - nameStart);
  }

  /** Index of its parent, NO_NODE of the root. */
  parent(node: number): number {
    return this.rows[node * WIDTH + PARENT] ?? 0;
  }

  /** Index of the first node that is not below it: of its next sibling, if it has one. */
  next(node: number): number {
    return this.rows[node * WIDTH + NEXT] ?? 0;
  }

  /** Which of the noted properties it has, and whether it is enabled: bits of noted-names.ts. */
  noted(node: number): number {
    return this.rows[node * WIDTH + NOTED] ?? 0;
  }

  /** File offset of its `compatible` (the FDT_PROP token); 0 if it has none. */
  compatibleAt(node: number): number {
    return this.rows[node * WIDTH + COMPATIBLE_AT] ?? 0;
  }

  /** `phandle` or `linux,phandle`; 0 if it has none. */
  phandle(node: number): number {
    return this.rows[node * WIDTH + PHANDLE] ?? 0;
  }

  /** What belongs to the node's name before "@" in a table; `bytes` are the file's. */
  lookUpBaseName<T>(node: number, words: WordTable<T>, bytes: Uint8Array): T | undefined {
    return words.findBaseName(this.nameHash(node), bytes, this.offset(node) + 4, this.nameEnd(node));
  }

  private grow(): void {
    const rows = new Uint32Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
  }
}

/** The path of a row's node: "/" for the root, else "/soc/mmc@fe300000". */
export function pathIn(bytes: Uint8Array, table: NodeTable, index: number): string {
  let path = '';
  for (let at = index; table.parent(at) !== NO_NODE; at = table.parent(at))
    path = `/${latin1(bytes.subarray(table.offset(at) + 4, table.nameEnd(at)))}${path}`;
  return path === '' ? '/' : path;
}
