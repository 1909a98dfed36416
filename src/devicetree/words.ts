/**
 * Tables of words that are looked up as they stand in the file: a board has thousands of names, nearly all of which are
 * in no table, and making strings of them would take most of the time.
 */
import { type DeviceNode, PROP_HEADER } from './tree.ts';

/** What belongs to each of some words. */
export class WordTable<T> {
  private readonly entries = new Map<number, { bytes: Uint8Array; value: T }[]>();

  /** @param words each once; characters up to U+00FF. */
  constructor(words: Iterable<readonly [word: string, value: T]>) {
    for (const [word, value] of words) {
      const bytes = Uint8Array.from(word, (character) => character.charCodeAt(0));
      const hash = hashOf(bytes, 0, bytes.length);
      const others = this.entries.get(hash);
      if (others === undefined) this.entries.set(hash, [{ bytes, value }]);
      else others.push({ bytes, value });
    }
  }

  /** What belongs to the word that the bytes [from, to) are; undefined if they are none. */
  get(bytes: Uint8Array, from: number, to: number): T | undefined {
    return this.entries.get(hashOf(bytes, from, to))?.find((entry) => isEqual(entry.bytes, bytes, from, to))
      ?.value;
  }

  /** What belongs to the first string of the node's `compatible` that is in the table. */
  ofCompatible(node: DeviceNode): T | undefined {
    if (node.compatibleAt === 0) return undefined;
    const { bytes, view } = node.tree;
    let from = node.compatibleAt + PROP_HEADER;
    const end = from + view.getUint32(node.compatibleAt + 4);
    if (bytes[end - 1] !== 0) return undefined;
    while (from < end) {
      const to = bytes.indexOf(0, from);
      const found = this.get(bytes, from, to);
      if (found !== undefined) return found;
      from = to + 1;
    }
    return undefined;
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

function isEqual(word: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  return word.length === to - from && word.every((byte, i) => byte === bytes[from + i]);
}
