/** Addresses as text. */
import type { AnyAddr, AnyFrame } from './kinds.ts';

/**
 * "0x" and lower-case hexadecimal digits, as reports and JSON show addresses. A negative number (a sentinel, or an address
 * before the first one that a device reaches) wraps around in 64 bits, as it does in the kernel.
 */
export function hex(value: AnyAddr | AnyFrame): string {
  return `0x${(value < 0 ? BigInt(value) + 2n ** 64n : value).toString(16)}`;
}
