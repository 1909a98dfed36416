/** Predicted against recorded maintenance, operation by operation with all arguments. */
import { describeOperation, type Operation, sameOperation, sameOperations } from './operation.ts';

export interface Mismatch {
  /** Trace line of the DMA event. */
  readonly call: number;
  /** Trace line of the recorded operation, or of the DMA event where nothing was recorded. */
  line: number;
  readonly predicted: string | null;
  recorded: string | null;
}
const KEPT = 1000;

export class Conformance {
  /** Operations compared: predicted ones, and recorded ones that nothing predicted. */
  operations = 0;
  matched = 0;
  readonly mismatches: Mismatch[] = [];

  /** Compare the operations of one DMA call, both in order. `line` is that of its event. */
  compare(line: number, predicted: readonly Operation[], recorded: readonly Operation[]): void {
    if (sameOperations(predicted, recorded)) {
      this.operations += predicted.length;
      this.matched += predicted.length;
      return;
    }
    let next = 0;
    for (const operation of predicted) {
      const found = recorded.findIndex((other, i) => i >= next && sameOperation(operation, other));
      if (found < 0) {
        this.#differ(line, operation, undefined);
        continue;
      }
      for (const extra of recorded.slice(next, found)) this.#differ(line, undefined, extra);
      this.operations++;
      this.matched++;
      next = found + 1;
    }
    for (const extra of recorded.slice(next)) this.#differ(line, undefined, extra);
  }

  #differ(line: number, predicted: Operation | undefined, recorded: Operation | undefined): void {
    const last = this.mismatches.at(-1);
    // A recorded operation in place of a predicted one of the same call is one mismatch, not two.
    if (recorded && last && last.call === line && last.recorded === null && last.predicted !== null) {
      last.recorded = describeOperation(recorded);
      last.line = recorded.line;
      return;
    }
    this.operations++;
    if (this.mismatches.length < KEPT)
      this.mismatches.push({
        call: line,
        line: recorded?.line ?? line,
        predicted: predicted ? describeOperation(predicted) : null,
        recorded: recorded ? describeOperation(recorded) : null,
      });
  }
}
