/**
 * From a maintenance call over a byte range to what each line gets.
 *
 * An invalidate that begins or ends inside a line must not destroy the neighbour's data there, so every
 * implementation executes clean+invalidate on such an edge line: arm64 dcache_inval_poc (arch/arm64/mm/cache.S),
 * arm v7_dma_inv_range, Xen invalidate_dcache_va_range (xen/arch/arm/include/asm/page.h, 4.20).
 */
import { ceilTo, floorTo, type MachineAddr } from '../address/index.ts';
import { type Instruction, maintenance, type Operation, type Regime } from '../coherence/index.ts';

/** What a call does: the instruction executed on whole lines and on lines it covers in part. */
export interface MaintenanceCall {
  readonly whole: Instruction;
  readonly partial: Instruction;
  /** Where it is executed. */
  readonly regime: Regime;
  /** The same as operations on the line. */
  readonly wholeEffect: Operation;
  readonly partialEffect: Operation;
}

function call(whole: Instruction, partial: Instruction, regime: Regime): MaintenanceCall {
  return {
    whole,
    partial,
    regime,
    wholeEffect: maintenance(whole, regime),
    partialEffect: maintenance(partial, regime),
  };
}

/** Clean, invalidate and both, as an agent of a regime executes them. */
export interface MaintenanceCalls {
  readonly clean: MaintenanceCall;
  readonly invalidate: MaintenanceCall;
  readonly cleanInvalidate: MaintenanceCall;
}
export function maintenanceCalls(regime: Regime): MaintenanceCalls {
  return {
    clean: call('DC CVAC', 'DC CVAC', regime),
    invalidate: call('DC IVAC', 'DC CIVAC', regime),
    cleanInvalidate: call('DC CIVAC', 'DC CIVAC', regime),
  };
}

/** Lines that a call over [from, to) touches, by instruction. */
export interface LineCount {
  /** Lines covered whole, and lines covered in part. */
  whole: number;
  partial: number;
}

/** Count the lines of `lineSize` bytes that [from, to) touches. */
export function countLines(from: MachineAddr, to: MachineAddr, lineSize: number): LineCount {
  if (from >= to) return { whole: 0, partial: 0 };
  // In lines: exact, for a line is a power of two.
  const begin = from / lineSize;
  const end = to / lineSize;
  const first = Math.floor(begin);
  const past = Math.ceil(end);
  const lines = past - first;
  const edges = (begin === first ? 0 : 1) + (end === past ? 0 : 1);
  const partial = Math.min(edges, lines);
  return { whole: lines - partial, partial };
}

/**
 * Visit the pieces of a call over [from, to): each run of whole lines, and each line covered in part, with what it
 * does to the *whole* line. Pieces are line aligned, in ascending order, at most three.
 */
export function forEachPiece(
  effect: MaintenanceCall,
  from: MachineAddr,
  to: MachineAddr,
  lineSize: number,
  visit: (from: MachineAddr, to: MachineAddr, operation: Operation) => void,
): void {
  if (from >= to) return;
  const first = floorTo(from, lineSize);
  const end = ceilTo(to, lineSize);
  if (effect.wholeEffect === effect.partialEffect) {
    visit(first, end, effect.wholeEffect);
    return;
  }
  const wholeFrom = ceilTo(from, lineSize);
  const wholeTo = floorTo(to, lineSize);
  if (wholeFrom >= wholeTo) {
    // One line, or two, and none of them covered whole.
    visit(first, end, effect.partialEffect);
    return;
  }
  if (first < wholeFrom) visit(first, wholeFrom, effect.partialEffect);
  visit(wholeFrom, wholeTo, effect.wholeEffect);
  if (wholeTo < end) visit(wholeTo, end, effect.partialEffect);
}
