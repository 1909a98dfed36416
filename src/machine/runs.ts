/**
 * Runs of bytes with one history: a piecewise constant map from [from, to) to a may-set.
 *
 * The interior of a buffer is one run, its edge lines add a few; so a mapping costs a handful of steps
 * whatever its length. Neighbouring runs that become equal are joined, so a long-lived mapping stays small.
 */
import type { MachineAddr } from '../address/index.ts';

export class Runs<Value extends number> {
  /** Starts of the runs, ascending, and the end of the last: one longer than #values. */
  #bounds: number[];
  #values: Value[];

  constructor(from: MachineAddr, to: MachineAddr, value: Value) {
    this.#bounds = [from, to];
    this.#values = [value];
  }

  /** A copy that goes its own way. */
  clone(): Runs<Value> {
    const copy = new Runs<Value>(0 as MachineAddr, 0 as MachineAddr, 0 as Value);
    copy.#bounds = this.#bounds.slice();
    copy.#values = this.#values.slice();
    return copy;
  }

  /** Equal for equal maps. */
  key(): string {
    return `${this.#bounds.join()}:${this.#values.join()}`;
  }

  get count(): number {
    return this.#values.length;
  }

  /** Replace the value of every byte in [from, to) that this map holds. */
  update(from: MachineAddr, to: MachineAddr, change: (value: Value) => Value): void {
    const bounds = this.#bounds;
    const values = this.#values;
    const end = bounds[values.length] as number;
    const low = from > (bounds[0] as number) ? from : (bounds[0] as number);
    const high = to < end ? to : end;
    if (low >= high) return;
    if (values.length === 1 && low === bounds[0] && high === end) {
      values[0] = change(values[0] as Value);
      return;
    }
    const first = this.#splitAt(low);
    const past = this.#splitAt(high);
    for (let i = first; i < past; i++) values[i] = change(values[i] as Value);
    this.#join(first > 0 ? first - 1 : 0, past);
  }

  /** Visit the runs that overlap [from, to), cut to it. */
  visit(
    from: MachineAddr,
    to: MachineAddr,
    visit: (value: Value, from: MachineAddr, to: MachineAddr) => void,
  ): void {
    const bounds = this.#bounds;
    for (let i = 0; i < this.#values.length; i++) {
      const start = bounds[i] as number;
      const end = bounds[i + 1] as number;
      if (end <= from) continue;
      if (start >= to) return;
      visit(
        this.#values[i] as Value,
        (start > from ? start : from) as MachineAddr,
        (end < to ? end : to) as MachineAddr,
      );
    }
  }

  /** Make `at` a boundary; index of the run that begins there (or the number of runs, at the end). */
  #splitAt(at: number): number {
    const bounds = this.#bounds;
    let i = 0;
    while ((bounds[i] as number) < at) i++;
    if (bounds[i] === at) return i;
    bounds.splice(i, 0, at);
    this.#values.splice(i, 0, this.#values[i - 1] as Value);
    return i;
  }

  #join(first: number, past: number): void {
    for (let i = Math.min(past, this.#values.length - 1); i > first; i--) {
      if (this.#values[i] !== this.#values[i - 1]) continue;
      this.#values.splice(i, 1);
      this.#bounds.splice(i, 1);
    }
  }
}
