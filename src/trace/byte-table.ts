/** Numbers for byte strings: names are met millions of times and made into a JavaScript string once. */

const FIRST_SLOTS = 256;

/** A hash table with open addressing from byte strings to 0, 1, 2 ... in the order in which they came. */
export class ByteTable {
  #slots = new Int32Array(FIRST_SLOTS).fill(-1);
  #hashes: number[] = [];
  #keys: Uint8Array[] = [];

  /** How many keys there are. */
  get size(): number {
    return this.#keys.length;
  }

  /** Number of the key [from, to) of `bytes`, or -1. `hash` is hashOf of the same. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
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
    let slot = hash & mask;
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (const [index, hash] of this.#hashes.entries()) this.#insert(index, hash);
  }
}

/**
 * Hash of the length, the last eight bytes and the first: names differ there. The bytes between are compared
 * only, which is faster than to put every byte through a multiplication.
 */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let low = to - from;
  if (low < 8) {
    for (let p = from; p < to; p++) low = (Math.imul(low, 31) + (bytes[p] as number)) | 0;
    return low;
  }
  const a = (bytes[to - 1] as number) | ((bytes[to - 2] as number) << 8) | ((bytes[to - 3] as number) << 16);
  const b = (bytes[to - 5] as number) | ((bytes[to - 6] as number) << 8) | ((bytes[to - 7] as number) << 16);
  const c = (bytes[to - 4] as number) | ((bytes[to - 8] as number) << 8) | ((bytes[from] as number) << 16);
  const mixed = Math.imul(a ^ (low << 24), 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  low = mixed ^ (mixed >>> 15);
  return low;
}

function same(key: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== bytes[from + i]) return false;
  return true;
}
