/**
 * Nodes by the strings of their `compatible`, found by hash: a board has hundreds of such strings, of which a few are ever asked for.
 */
import { PROP_HEADER } from './layout.ts';
import type { NodeTable } from './node-table.ts';
import { latin1 } from './strings-block.ts';
import { FIRST, hashOfText, PRIME } from './words.ts';

const NONE: readonly number[] = [];

/** Made in one pass over a tree's nodes. Chains in arrays of numbers, as most are never followed. */
export class CompatibleIndex {
  private readonly table: NodeTable;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  /** By the low bits of a hash: the entry that was entered last, plus one; 0: none. */
  private readonly last: Int32Array;
  private readonly mask: number;
  /** Of an entry: hash, node, and the entry before it in its chain, plus one. */
  private readonly hashes: number[] = [];
  private readonly nodes: number[] = [];
  private readonly before: number[] = [];

  constructor(table: NodeTable, view: DataView, bytes: Uint8Array) {
    this.table = table;
    this.view = view;
    this.bytes = bytes;
    let chains = 64;
    while (chains < table.count) chains *= 2;
    this.last = new Int32Array(chains);
    this.mask = chains - 1;
    for (let node = 0; node < table.count; node += 1)
      if (table.compatibleAt(node) !== 0) this.add(node, table.compatibleAt(node));
  }

  /** The nodes that are compatible with exactly this, in the order of the file. */
  find(text: string): readonly number[] {
    const hash = hashOfText(text);
    let entry = (this.last[hash & this.mask] ?? 0) - 1;
    if (entry < 0) return NONE;
    const found: number[] = [];
    let seen = -1;
    for (; entry >= 0; entry = (this.before[entry] ?? 0) - 1) {
      const node = this.nodes[entry] ?? 0;
      // A node can have several strings of the same hash: they follow each other.
      if (this.hashes[entry] !== hash || node === seen) continue;
      seen = node;
      if (this.strings(node).includes(text)) found.push(node);
    }
    return found.reverse();
  }

  private add(node: number, compatibleAt: number): void {
    const { bytes } = this;
    const from = compatibleAt + PROP_HEADER;
    const end = from + this.view.getUint32(compatibleAt + 4);
    // Not terminated: no list of strings for Linux.
    if (bytes[end - 1] !== 0) return;
    let hash = FIRST;
    for (let at = from; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte !== 0) hash = Math.imul(hash ^ byte, PRIME);
      else {
        this.enter(hash, node);
        hash = FIRST;
      }
    }
  }

  private enter(hash: number, node: number): void {
    const chain = hash & this.mask;
    this.before.push(this.last[chain] ?? 0);
    this.hashes.push(hash);
    this.nodes.push(node);
    this.last[chain] = this.nodes.length;
  }

  private strings(node: number): string[] {
    const at = this.table.compatibleAt(node);
    const from = at + PROP_HEADER;
    const to = from + this.view.getUint32(at + 4) - 1;
    return latin1(this.bytes.subarray(from, to)).split('\0');
  }
}
