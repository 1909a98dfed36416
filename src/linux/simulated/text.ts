/** Addresses in what people read of an action. */
import { type AnyAddr, hex, offsetBy } from '../../address/index.ts';

/** "[0x1000, 0x1040)". */
export function rangeText(at: AnyAddr, size: number): string {
  return `[${hex(at)}, ${hex(offsetBy(at, size))})`;
}
