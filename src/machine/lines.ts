/** Which lines a range of bytes and a maintenance call reach. */
import { ceilTo, floorTo, type MachineAddr, offsetBy } from '../address/index.ts';
import type { Operation } from '../coherence/index.ts';
import type { MachineSpec } from './machine.ts';
import { forEachPiece, type MaintenanceCall } from './maintenance.ts';

export type Range = readonly [from: MachineAddr, to: MachineAddr];

/** Bytes of the smallest and of the largest line. */
export interface LineSizes {
  readonly small: number;
  readonly big: number;
}
export function lineSizesOf({ lineSizes }: Pick<MachineSpec, 'lineSizes'>): LineSizes {
  const small = lineSizes[0];
  return { small, big: lineSizes[1] ?? small };
}

/** [from, to) widened to whole lines. */
export const wholeLines = (from: MachineAddr, to: MachineAddr, size: number): Range => [
  floorTo(from, size),
  ceilTo(to, size),
];

/**
 * Visit what maintenance over [from, to) reaches, in order: runs of whole lines of `line` bytes.
 *
 * The executing core believes in lines of `stride` bytes: it begins at the first of those, executes one
 * instruction each, and takes the first or last for covered in part by that size. Where its lines are longer than the
 * real ones, only the first real line in each is reached; where they are shorter, a real line is reached several
 * times, and may be treated as covered whole although it is not.
 */
export function forEachReached(
  call: MaintenanceCall,
  from: MachineAddr,
  to: MachineAddr,
  stride: number,
  line: number,
  visit: (from: MachineAddr, to: MachineAddr, operation: Operation) => void,
): void {
  forEachPiece(call, from, to, stride, (low, high, operation) => {
    if (stride <= line) visit(...wholeLines(low, high, line), operation);
    else for (let at = low; at < high; at = offsetBy(at, stride)) visit(at, offsetBy(at, line), operation);
  });
}
