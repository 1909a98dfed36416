/** Sizes in the structure block (specification v0.4, 5.4). */

/** Bytes of a property before its value: token, length, name offset. */
export const PROP_HEADER = 12;

/** Round a length up to the 4 bytes that tokens are aligned to. */
export function padded(length: number): number {
  // Right also for lengths that 32 bits with a sign cannot hold: only the last two bits count.
  return length + 3 - ((length + 3) & 3);
}
