/**
 * Tables of words that are looked up as they stand in the file: a board has thousands of names, nearly all of which are
 * in no table, and making strings of them would take most of the time.
 */

/** What belongs to each of some words. */
export class WordTable<T> {
  private readonly entries = new Map<number, { bytes: Uint8Array; value: T }[]>();
  /** By the low bits of a hash: whether any word has them. */
  private readonly filter = new Uint8Array(FILTER + 1);

  /** @param words each once; characters up to U+00FF. */
  constructor(words: Iterable<readonly [word: string, value: T]>) {
    for (const [word, value] of words) {
      const bytes = Uint8Array.from(word, (character) => character.charCodeAt(0));
      const hash = hashOfText(word);
      this.filter[hash & FILTER] = 1;
      const others = this.entries.get(hash);
      if (others === undefined) this.entries.set(hash, [{ bytes, value }]);
      else others.push({ bytes, value });
    }
  }

  /** What belongs to the word that the bytes [from, to) are; undefined if they are none. */
  get(bytes: Uint8Array, from: number, to: number): T | undefined {
    return this.find(hashOf(bytes, from, to), bytes, from, to);
  }

  /** What belongs to the base name, of that hash, of the node's name that the bytes [from, to) are. */
  findBaseName(hash: number, bytes: Uint8Array, from: number, to: number): T | undefined {
    if (this.filter[hash & FILTER] === 0) return undefined;
    const at = bytes.indexOf(AT, from);
    return this.find(hash, bytes, from, at < 0 || at > to ? to : at);
  }

  private find(hash: number, bytes: Uint8Array, from: number, to: number): T | undefined {
    if (this.filter[hash & FILTER] === 0) return undefined;
    return this.entries.get(hash)?.find((entry) => isEqual(entry.bytes, bytes, from, to))?.value;
  }
}

/** FNV-1a. */
export const FIRST = 0x811c9dc5 | 0;
export const PRIME = 0x01000193;
const FILTER = 0xfff;
const AT = 0x40;

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = FIRST;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), PRIME);
  return hash;
}

function isEqual(word: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let i = 0; i < word.length; i += 1) if (word[i] !== bytes[from + i]) return false;
  return true;
}

/** The hash of a node's name up to "@". */
export function hashOfBaseName(bytes: Uint8Array, from: number, to: number): number {
  let hash = FIRST;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === AT) break;
    hash = Math.imul(hash ^ byte, PRIME);
  }
  return hash;
}

/** The same of the name as text. */
export function hashOfBaseText(name: string): number {
  let hash = FIRST;
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code === AT) break;
    hash = Math.imul(hash ^ code, PRIME);
  }
  return hash;
}

/** The hash of a word's bytes; characters up to U+00FF. */
export function hashOfText(text: string): number {
  let hash = FIRST;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash;
}
