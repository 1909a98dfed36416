/** The faults of one operation: neighbouring runs that went wrong alike become one. */
import type { FaultSink, MachineFault } from './machine.ts';

export class FaultList {
  #found: MachineFault[] = [];

  add(fault: MachineFault): void {
    this.#found.push(fault);
  }

  /** Hand over what was found since the last time, by rule and ascending address. */
  flush(sink: FaultSink): void {
    if (this.#found.length === 0) return;
    const found = this.#found.sort((a, b) =>
      a.rule === b.rule ? a.from - b.from : a.rule < b.rule ? -1 : 1,
    );
    this.#found = [];
    let last: MachineFault | undefined;
    for (const fault of found) {
      if (last !== undefined && last.to >= fault.from && alike(last, fault)) {
        if (fault.to > last.to) last = { ...last, to: fault.to };
        continue;
      }
      if (last !== undefined) sink(last);
      last = fault;
    }
    if (last !== undefined) sink(last);
  }
}

const alike = (a: MachineFault, b: MachineFault): boolean =>
  a.rule === b.rule && a.moves === b.moves && a.consequence === b.consequence;
