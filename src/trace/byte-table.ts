/** Numbers for byte strings: names are met millions of times and made into a JavaScript string once. */

const FIRST_SLOTS = 256;

/** Hash of no bytes; each further byte c makes it (hash * 31 + c) | 0. */
export const EMPTY_HASH = 17;

/** A hash table with open addressing from byte strings to 0, 1, 2 ... in the order in which they came. */
export class ByteTable {
  #slots = new Int32Array(FIRST_SLOTS).fill(-1);
  #hashes: number[] = [];
  #keys: Uint8Array[] = [];

  /** How many keys there are. */
  get size(): number {
    return this.#keys.length;
  }

  /** Number of the key [from, to) of `bytes`, or -1. `hash` as described at EMPTY_HASH. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot] as number;
      if (index < 0) return -1;
      if (this.#hashes[index] === hash && same(this.#keys[index] as Uint8Array, bytes, from, to))
        return index;
    }
  }

  /** Add a key that `find` did not find; returns its number. The bytes are copied. */
  add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const index = this.#keys.length;
    this.#keys.push(bytes.slice(from, to));
    this.#hashes.push(hash);
    if (this.#keys.length * 2 > this.#slots.length) this.#grow();
    else this.#insert(index, hash);
    return index;
  }

  #insert(index: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = spread(hash) & mask;
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (const [index, hash] of this.#hashes.entries()) this.#insert(index, hash);
  }
}

/** The hash described at EMPTY_HASH. */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = EMPTY_HASH;
  for (let p = from; p < to; p++) hash = (Math.imul(hash, 31) + (bytes[p] as number)) | 0;
  return hash;
}

/** Names that differ in the last letters only must not stand side by side. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function same(key: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== bytes[from + i]) return false;
  return true;
}
