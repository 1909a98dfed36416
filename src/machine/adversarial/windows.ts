/** Windows that are open, counted: which devices may read or write a byte at any time. */
import type { MachineAddr } from '../../address/index.ts';
import { wholeLines } from '../lines.ts';
import type { Port, Window } from '../machine.ts';

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

  /**
   * Visit the pieces of [from, to) for which the same windows count, ascending.
   * @param visit is given the windows over the piece, and those over any byte of its lines (of `line` bytes).
   */
  eachPiece(
    from: MachineAddr,
    to: MachineAddr,
    line: number,
    visit: (
      from: MachineAddr,
      to: MachineAddr,
      over: readonly OpenWindow[],
      nearby: readonly OpenWindow[],
    ) => void,
  ): void {
    if (from >= to) return;
    const overlap = (low: MachineAddr, high: MachineAddr) =>
      this.#open.filter((each) => each.from < high && each.to > low);
    const bounds = new Set<MachineAddr>([from, to]);
    for (const each of overlap(...wholeLines(from, to, line)))
      for (const at of [each.from, each.to, ...wholeLines(each.from, each.to, line)])
        if (from < at && at < to) bounds.add(at);
    const ends = [...bounds].sort((a, b) => a - b);
    for (let i = 0; i + 1 < ends.length; i++) {
      const low = ends[i] as MachineAddr;
      const high = ends[i + 1] as MachineAddr;
      visit(low, high, overlap(low, high), overlap(...wholeLines(low, high, line)));
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
