/** What of the machine's memory a device reaches, by its windows. */
import {
  ADDRESS_LIMIT,
  type ByteRange,
  hex,
  joinRanges,
  type MachineAddr,
  machineAddr,
} from '../address/index.ts';
import type { DmaWindow } from '../devicetree/index.ts';

/** First byte that 32-bit addresses do not reach. */
export const ABOVE_32_BIT = 2 ** 32;

/** What windows come to. */
export interface Reach {
  /** The machine memory behind them, disjoint; undefined: all of it (no dma-ranges limits the device). */
  readonly memory: readonly ByteRange<MachineAddr>[] | undefined;
  /** Last machine address within reach; null: no limit, or nothing is. */
  readonly limit: MachineAddr | null;
  /** DMA addresses differ from machine addresses. */
  readonly isOffset: boolean;
}

const EVERYTHING: Reach = { memory: undefined, limit: null, isOffset: false };
const known = new WeakMap<readonly DmaWindow[], Reach>();

/** All devices of a bus share its windows, and this. */
export function reachOf(windows: readonly DmaWindow[]): Reach {
  if (windows.length === 0) return EVERYTHING;
  let reach = known.get(windows);
  if (reach === undefined) {
    const used = windows.filter(({ size }) => size > 0);
    const memory = joinRanges(used.map(machineRange));
    reach = {
      memory,
      limit:
        used.length === 0
          ? null
          : machineAddr(
              used.reduce((last, { machineFrom, size }) => Math.max(last, machineFrom + (size - 1)), 0),
            ),
      isOffset: used.some(({ busFrom, machineFrom }) => Number(busFrom) !== Number(machineFrom)),
    };
    known.set(windows, reach);
  }
  return reach;
}

/** A window may end at 2^53, which is no address: without its last byte, where no machine has memory. */
function machineRange({ machineFrom, size }: DmaWindow): ByteRange<MachineAddr> {
  return [machineFrom, machineAddr(Math.min(machineFrom + size, ADDRESS_LIMIT - 1))];
}

/** Ranges for a message: "[0x0, 0x40000000)", the first three. */
export function listRanges(ranges: readonly ByteRange<MachineAddr>[]): string {
  const shown = ranges.slice(0, 3).map(([from, to]) => `[${hex(from)}, ${hex(to)})`);
  return shown.join(', ') + (ranges.length > 3 ? ` and ${ranges.length - 3} more` : '');
}
