/** Windows that are open, counted: which devices may read or write a byte at any time. */
import type { MachineAddr } from '../address/index.ts';
import type { Port, Window } from './machine.ts';

/** One window, or what is left of one. */
export interface OpenWindow {
  readonly name: string;
  readonly port: Port;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly window: Window;
}

export class Windows {
  #open: OpenWindow[] = [];

  add(window: OpenWindow): void {
    if (window.from < window.to) this.#open.push(window);
  }

  /** Take [from, to) out of every window of that name. */
  remove(name: string, from: MachineAddr, to: MachineAddr): void {
    const kept: OpenWindow[] = [];
    for (const each of this.#open) {
      const low = each.from > from ? each.from : from;
      const high = each.to < to ? each.to : to;
      if (each.name !== name || low >= high) {
        kept.push(each);
        continue;
      }
      if (each.from < low) kept.push({ ...each, to: low });
      if (high < each.to) kept.push({ ...each, from: high });
    }
    this.#open = kept;
  }

  /** Does a device that may read at any time see a byte of [from, to). */
  anyReads(from: MachineAddr, to: MachineAddr): boolean {
    return this.#open.some((each) => each.window.reads && each.from < to && each.to > from);
  }

  /** Visit the pieces of [from, to) that are covered by the same windows, ascending. */
  eachPiece(
    from: MachineAddr,
    to: MachineAddr,
    visit: (from: MachineAddr, to: MachineAddr, windows: readonly OpenWindow[]) => void,
  ): void {
    if (from >= to) return;
    const over = this.#open.filter((each) => each.from < to && each.to > from);
    const inside = over.flatMap((each) => [each.from, each.to]).filter((at) => from < at && at < to);
    const bounds = [...new Set([from, ...inside, to])].sort((a, b) => a - b);
    for (let i = 0; i + 1 < bounds.length; i++) {
      const low = bounds[i] as MachineAddr;
      const high = bounds[i + 1] as MachineAddr;
      visit(
        low,
        high,
        over.filter((each) => each.from < high && each.to > low),
      );
    }
  }

  /** Equal for equal sets of windows. */
  key(): string {
    return this.#open
      .map(
        ({ name, port, from, to, window }) =>
          `${name} ${port.name} ${from} ${to} ${window.reads} ${window.writes}`,
      )
      .sort()
      .join();
  }
}
