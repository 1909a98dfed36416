/** The memory reservation block: ranges of RAM that the boot loader asks to keep (specification v0.4, 5.3). */
import { DeviceTreeError, type DeviceTreeWarning } from './error.ts';
import type { FdtHeader } from './header.ts';
import { hexRange, type MemoryRange, memoryRange } from './memory-range.ts';

const ENTRY_SIZE = 16;

/**
 * Read the block up to its terminating entry of zeros. An entry beyond 2^53 is left out with a warning.
 * @throws DeviceTreeError if the block does not end within the tree, or runs into the block after it.
 */
export function readReservations(
  view: DataView,
  header: FdtHeader,
  warnings: DeviceTreeWarning[],
): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  const end = endOfBlock(header);
  for (let at = header.reservationOffset; ; at += ENTRY_SIZE) {
    if (at + ENTRY_SIZE > end)
      throw new DeviceTreeError({
        kind: 'malformed',
        offset: at,
        found: `the end of the memory reservation block (0x${end.toString(16)})`,
        expected: 'an entry of address 0 and size 0, which ends the list',
      });
    const address = view.getBigUint64(at);
    const size = view.getBigUint64(at + 8);
    if (address === 0n && size === 0n) return ranges;
    if (size === 0n) continue;
    const range = memoryRange(address, size);
    if (range !== undefined) ranges.push(range);
    else
      warnings.push({
        offset: at,
        message: `memory reservation ${hexRange(address, size)} lies beyond 2^53; left out`,
      });
  }
}

/** The next block after it, or the end of the tree. */
function endOfBlock(header: FdtHeader): number {
  const starts = [header.structOffset, header.stringsOffset, header.totalSize];
  return Math.min(...starts.filter((start) => start > header.reservationOffset));
}
