/**
 * The PL310 driver: maintenance of the outer cache by physical address.
 *
 * It is given the pseudo-physical address as Linux has it: for a foreign page that is not where the memory is. The controller's
 * registers cannot be virtualized, and CP15 operations do not reach it.
 * Source: arch/arm/mm/cache-l2x0.c, Linux 4.19 and 7.3.
 */
import {
  ceilTo,
  floorTo,
  type MachineAddr,
  offsetBy,
  type PhysAddr,
  physToBus,
} from '../../address/index.ts';
import type { Machine, OuterOperation } from '../../machine/index.ts';
import type { NativeOperation } from './native-maintenance.ts';

/** Bytes of a line of the PL310. */
const OUTER_LINE = 32;

/** An operation over bytes [at, at + size): whole lines, where an invalidate cleans the lines that it covers in part. */
export function maintainOuter(
  machine: Machine,
  operation: NativeOperation,
  at: PhysAddr,
  size: number,
): void {
  if (operation === 'nothing' || size <= 0) return;
  const from = physToBus(at);
  const to = offsetBy(from, size);
  const first = floorTo(from, OUTER_LINE);
  const end = ceilTo(to, OUTER_LINE);
  if (operation !== 'invalidate') machine.maintainOuter(operation, first, end);
  else for (const [what, begin, past] of invalidatePieces(from, to)) machine.maintainOuter(what, begin, past);
}

type OuterPiece = readonly [OuterOperation, MachineAddr, MachineAddr];

function invalidatePieces(from: MachineAddr, to: MachineAddr): OuterPiece[] {
  const pieces: OuterPiece[] = [];
  let begin = floorTo(from, OUTER_LINE);
  let end = ceilTo(to, OUTER_LINE);
  const next = (line: MachineAddr) => offsetBy(line, OUTER_LINE);
  if (begin !== from) {
    pieces.push(['cleanInvalidate', begin, next(begin)]);
    begin = next(begin);
  }
  if (end !== to && end > begin) {
    end = floorTo(to, OUTER_LINE);
    pieces.push(['cleanInvalidate', end, next(end)]);
  }
  if (begin < end) pieces.push(['invalidate', begin, end]);
  return pieces;
}
