/** Ranges of machine memory as the tree states them, in numbers of up to 64 bits. */
import { isAddress, type MachineAddr, machineAddr } from '../address/index.ts';

/** A range of machine memory. */
export interface MemoryRange {
  readonly from: MachineAddr;
  /** Bytes, above 0; from + size < 2^53. */
  readonly size: number;
}

/** The range as exact numbers; undefined if it is empty or reaches 2^53, where no machine has memory. */
export function memoryRange(from: bigint, size: bigint): MemoryRange | undefined {
  const bytes = Number(size);
  if (bytes === 0 || !isAddress(Number(from)) || !isAddress(bytes) || !isAddress(Number(from + size)))
    return undefined;
  return { from: machineAddr(Number(from)), size: bytes };
}

/** A range as text, for messages. */
export function hexRange(from: bigint, size: bigint): string {
  return `0x${from.toString(16)}, size 0x${size.toString(16)}`;
}
