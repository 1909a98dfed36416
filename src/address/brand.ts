/**
 * Branded numbers: addresses and frame numbers that the type checker keeps apart.
 *
 * Mixing them up is the bug class this project exists for (a bus address taken for a physical one, a
 * pseudo-physical frame taken for a machine frame), so no bare number crosses a room's border.
 */

declare const brand: unique symbol;

/** A number that only the constructor of its own kind makes. */
export type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Every address and frame number is an integer in [0, ADDRESS_LIMIT): JavaScript numbers are exact there. */
export const ADDRESS_LIMIT = 2 ** 53;

/** True for a whole number in [0, 2^53). */
export function isAddress(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * Check a plain number before it is branded.
 * @throws RangeError naming the kind and the value, if it is no integer in [0, 2^53).
 */
export function checkAddress(value: number, kind: string): number {
  if (!isAddress(value)) throw new RangeError(`${kind}: ${value} is not a whole number in [0, 2^53)`);
  return value;
}
