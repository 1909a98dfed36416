/** What maintenance costs: hypercalls, and cache lines by the instruction that is executed on them. */
import { offsetBy } from '../address/index.ts';
import type { Instruction } from '../coherence/index.ts';
import { countLines } from '../machine/index.ts';
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

  #count(operations: readonly Operation[]): void {
    const charge = this.#charge;
    charge.hypercalls = 0;
    charge.linesCleaned = 0;
    charge.linesInvalidated = 0;
    charge.linesCleanInvalidated = 0;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as Operation;
      if (operation.kind === 'cflush') charge.hypercalls++;
      const call = callOf(this.#instructions, operation);
      if (call === undefined) continue;
      const from = firstByteOf(operation);
      const lines = countLines(from, offsetBy(from, operation.size), this.#lineSize);
      addLines(charge, call.whole, lines.whole);
      if (lines.partial > 0) addLines(charge, call.partial, lines.partial);
    }
  }
}

function addLines(charge: Charge, instruction: Instruction, lines: number): void {
  if (instruction === 'DC CVAC') charge.linesCleaned += lines;
  else if (instruction === 'DC IVAC') charge.linesInvalidated += lines;
  else charge.linesCleanInvalidated += lines;
}
