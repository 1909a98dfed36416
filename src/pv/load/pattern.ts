/** Bytes that tell where they belong: of each place in the data, and of each load, others. */

const MODULUS = 2 ** 31 - 1;

/** `size` bytes of the pattern of a seed, from `at` on. Deterministic; any part can be made by itself. */
export function pattern(seed: number, at: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const word = Math.floor((at + i) / 4);
    // Two steps of a Lehmer generator from a start of its own: neighbouring words have nothing in common.
    const start = 1 + ((word * 16_807 + seed * 48_271 + 12_345) % (MODULUS - 1));
    const value = (((start * 48_271) % MODULUS) * 48_271) % MODULUS;
    bytes[i] = Math.floor(value / 256 ** ((at + i) % 4)) % 256;
  }
  return bytes;
}
