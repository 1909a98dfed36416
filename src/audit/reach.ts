/** What of the machine's memory a device reaches, by its windows. */
import {
  type ByteRange,
  commonRanges,
  hex,
  type MachineAddr,
  machineAddr,
  rangesWithout,
} from '../address/index.ts';
import type { DmaWindow } from '../devicetree/index.ts';

/** First byte that 32-bit addresses do not reach. */
export const ABOVE_32_BIT = 2 ** 32;

/** The machine memory behind the windows; undefined: all of it (no dma-ranges limits the device). */
export function reachOf(windows: readonly DmaWindow[]): ByteRange<MachineAddr>[] | undefined {
  if (windows.length === 0) return undefined;
  return windows
    .filter(({ size }) => size > 0)
    .map(({ machineFrom, size }) => [machineFrom, machineAddr(machineFrom + size)]);
}

/** Last machine address within reach; null: no limit. 0 for a device that reaches nothing has no meaning: null, too. */
export function limitOf(windows: readonly DmaWindow[]): MachineAddr | null {
  const ends = (reachOf(windows) ?? []).map(([, to]) => to - 1);
  return ends.length === 0 ? null : machineAddr(Math.max(...ends));
}

/** DMA addresses differ from machine addresses. */
export function isOffset(windows: readonly DmaWindow[]): boolean {
  return windows.some(
    ({ busFrom, machineFrom, size }) => size > 0 && Number(busFrom) !== Number(machineFrom),
  );
}

export const within = (memory: readonly ByteRange<MachineAddr>[], reach: readonly ByteRange<MachineAddr>[]) =>
  commonRanges(memory, reach);
export const beyond = (memory: readonly ByteRange<MachineAddr>[], reach: readonly ByteRange<MachineAddr>[]) =>
  rangesWithout(memory, reach);

/** Ranges for a message: "[0x0, 0x40000000)", the first three. */
export function list(ranges: readonly ByteRange<MachineAddr>[]): string {
  const shown = ranges.slice(0, 3).map(([from, to]) => `[${hex(from)}, ${hex(to)})`);
  return shown.join(', ') + (ranges.length > 3 ? ` and ${ranges.length - 3} more` : '');
}
