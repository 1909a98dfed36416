/** Addresses as text. */
import type { AnyAddr, AnyFrame } from './kinds.ts';

/** "0x" and lower-case hexadecimal digits, as reports and JSON show addresses. */
export function hex(value: AnyAddr | AnyFrame): string {
  return `0x${value.toString(16)}`;
}
