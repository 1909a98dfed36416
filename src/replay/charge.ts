/** What maintenance costs: hypercalls, and cache lines by the instruction that is executed on them. */
import { type MachineAddr, offsetBy } from '../address/index.ts';
import type { Instruction } from '../coherence/index.ts';
import { countLines, type LineCount, type MaintenanceCall } from '../machine/index.ts';
import { callOf, firstByteOf } from './landing.ts';
import type { Operation } from './operation.ts';
import type { Instructions } from './platform.ts';

export interface Charge {
  readonly hypercalls: number;
  readonly linesCleaned: number;
  readonly linesInvalidated: number;
  readonly linesCleanInvalidated: number;
}
/** Charges that are added up. */
export type Total = { -readonly [K in keyof Charge]: Charge[K] };

export const NO_CHARGE: Charge = {
  hypercalls: 0,
  linesCleaned: 0,
  linesInvalidated: 0,
  linesCleanInvalidated: 0,
};

/** What the operations execute at the CPU's addresses, whether or not they were right. */
export function chargeOf(
  operations: readonly Operation[],
  instructions: Instructions,
  lineSize: number,
): Charge {
  if (operations.length === 0) return NO_CHARGE;
  const total = { ...NO_CHARGE };
  for (const operation of operations) {
    if (operation.kind === 'cflush') total.hypercalls++;
    const call = callOf(instructions, operation);
    if (call === undefined) continue;
    const from = firstByteOf(operation);
    addLines(total, call, countLines(from, offsetBy(from, operation.size), lineSize));
  }
  return total;
}

/** The same of operations by where they landed, in as many lines. Only the hypervisor executes at EL2, and only for a hypercall. */
export function chargeOfLanded(
  landed: Iterable<{ readonly call: MaintenanceCall; readonly from: MachineAddr; readonly to: MachineAddr }>,
  lineSize: number,
): Charge {
  const total = { ...NO_CHARGE };
  for (const { call, from, to } of landed) {
    if (call.regime === 'EL2') total.hypercalls++;
    addLines(total, call, countLines(from, to, lineSize));
  }
  return total;
}

export function addCharge(total: Total, charge: Charge): void {
  if (charge === NO_CHARGE) return;
  total.hypercalls += charge.hypercalls;
  total.linesCleaned += charge.linesCleaned;
  total.linesInvalidated += charge.linesInvalidated;
  total.linesCleanInvalidated += charge.linesCleanInvalidated;
}

function addLines(total: Total, call: MaintenanceCall, lines: LineCount): void {
  total.linesCleaned += linesBy('DC CVAC', call, lines);
  total.linesInvalidated += linesBy('DC IVAC', call, lines);
  total.linesCleanInvalidated += linesBy('DC CIVAC', call, lines);
}

/** Lines on which a call executes the instruction. */
function linesBy(instruction: Instruction, { whole, partial }: MaintenanceCall, lines: LineCount): number {
  return (whole === instruction ? lines.whole : 0) + (partial === instruction ? lines.partial : 0);
}
