/**
 * Flag words without bit operators (those cut to 32 *signed* bits). A bit is given by its value, a power of two.
 */

/** Is the bit set. */
export function has(word: number, bit: number): boolean {
  return Math.floor(word / bit) % 2 === 1;
}

/** The word with the bit set. */
export function withBit(word: number, bit: number): number {
  return has(word, bit) ? word : word + bit;
}

/** The word with the bit cleared. */
export function withoutBit(word: number, bit: number): number {
  return has(word, bit) ? word - bit : word;
}

/** Are all set bits among these. */
export function only(word: number, ...bits: readonly number[]): boolean {
  return bits.reduce(withoutBit, word) === 0;
}
