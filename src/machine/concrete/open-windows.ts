/** Windows through which devices really read and write. */
import type { MachineAddr } from '../../address/index.ts';
import type { Port, Window } from '../machine.ts';

/** What is open of a window: one piece. */
export interface Opening extends Window {
  readonly name: string;
  readonly port: Port;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

export class OpenWindows {
  #openings: readonly Opening[] = [];

  all(): readonly Opening[] {
    return this.#openings;
  }

  at(byte: MachineAddr): Opening[] {
    return this.#openings.filter(({ from, to }) => from <= byte && byte < to);
  }

  open(opening: Opening): void {
    this.#openings = [...this.#openings, opening];
  }

  /** What [from, to) of this name is open. */
  named(name: string, from: MachineAddr, to: MachineAddr): Opening[] {
    return this.#openings.flatMap((each) => (each.name === name ? cut(each, from, to) : []));
  }

  close(name: string, from: MachineAddr, to: MachineAddr): void {
    this.#openings = this.#openings.flatMap((each) =>
      each.name === name ? [...cut(each, each.from, from), ...cut(each, to, each.to)] : [each],
    );
  }
}

/** The part of an opening within [from, to). */
function cut(opening: Opening, from: MachineAddr, to: MachineAddr): Opening[] {
  const low = from > opening.from ? from : opening.from;
  const high = to < opening.to ? to : opening.to;
  return low < high ? [{ ...opening, from: low, to: high }] : [];
}
