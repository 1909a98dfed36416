/** What maintenance costs: hypercalls, and cache lines by the instruction that is executed on them. */
import { offsetBy } from '../address/index.ts';
import type { Instruction } from '../coherence/index.ts';
import { countLines, type LineCount, type MaintenanceCall } from '../machine/index.ts';
import { callOf, firstByteOf } from './landing.ts';
import type { Operation } from './operation.ts';
import type { Instructions } from './platform.ts';

export interface Charge {
  hypercalls: number;
  linesCleaned: number;
  linesInvalidated: number;
  linesCleanInvalidated: number;
}

/** Charges lists of operations. Tracks that did the same share one list, which is then counted once. */
export class Meter {
  readonly #instructions: Instructions;
  readonly #lineSize: number;
  #counted: readonly Operation[] | undefined;
  readonly #charge: Charge = {
    hypercalls: 0,
    linesCleaned: 0,
    linesInvalidated: 0,
    linesCleanInvalidated: 0,
  };

  constructor(instructions: Instructions, lineSize: number) {
    this.#instructions = instructions;
    this.#lineSize = lineSize;
  }

  /** Add to `total` what the operations execute, whether or not they were right. The list must not grow any more. */
  charge(operations: readonly Operation[], total: Charge): void {
    if (operations.length === 0) return;
    const charge = this.#charge;
    if (operations !== this.#counted) {
      this.#count(operations);
      this.#counted = operations;
    }
    total.hypercalls += charge.hypercalls;
    total.linesCleaned += charge.linesCleaned;
    total.linesInvalidated += charge.linesInvalidated;
    total.linesCleanInvalidated += charge.linesCleanInvalidated;
  }

  /** Summed up in variables: in the fields of an object it made a judged call 2 % slower. */
  #count(operations: readonly Operation[]): void {
    let hypercalls = 0;
    let cleaned = 0;
    let invalidated = 0;
    let both = 0;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as Operation;
      if (operation.kind === 'cflush') hypercalls++;
      const call = callOf(this.#instructions, operation);
      if (call === undefined) continue;
      const from = firstByteOf(operation);
      const lines = countLines(from, offsetBy(from, operation.size), this.#lineSize);
      cleaned += linesBy('DC CVAC', call, lines);
      invalidated += linesBy('DC IVAC', call, lines);
      both += linesBy('DC CIVAC', call, lines);
    }
    const charge = this.#charge;
    charge.hypercalls = hypercalls;
    charge.linesCleaned = cleaned;
    charge.linesInvalidated = invalidated;
    charge.linesCleanInvalidated = both;
  }
}

/** Lines on which a call executes the instruction. */
function linesBy(instruction: Instruction, { whole, partial }: MaintenanceCall, lines: LineCount): number {
  return (whole === instruction ? lines.whole : 0) + (partial === instruction ? lines.partial : 0);
}
