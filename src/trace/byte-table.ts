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
 * Hash of all bytes. Eight at each end go through three multiplications that do not wait for each other; only
 * what lies between, of long names, goes byte by byte.
 */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  if (hash >= 8) {
    const a = fourBytes(bytes, from);
    const b = fourBytes(bytes, from + 4);
    const c = fourBytes(bytes, to - 8);
    const d = fourBytes(bytes, to - 4);
    hash ^= Math.imul(a, 0x9e3779b1) ^ Math.imul(b ^ (c << 1), 0x85ebca6b) ^ Math.imul(d, 0xc2b2ae35);
    for (let p = from + 8; p < to - 8; p++) hash = (Math.imul(hash, 31) + (bytes[p] as number)) | 0;
  } else {
    for (let p = from; p < to; p++) hash = (Math.imul(hash, 31) + (bytes[p] as number)) | 0;
  }
  return hash ^ (hash >>> 15);
}

function fourBytes(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

function same(key: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== bytes[from + i]) return false;
  return true;
}
