/** How memory was said to begin, so that lines that several ranges share begin as all of them say. */
import { ceilTo, floorTo, type MachineAddr } from '../../address/index.ts';
import { type LineSizes, wholeLines } from '../lines.ts';
import type { Initial } from '../machine.ts';
import { Memory } from './memory.ts';

const KINDS: readonly Initial[] = ['written', 'anything', 'clean', 'anothers'];

/** Bytes that begin alike. */
export interface Beginning {
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly initial: Initial;
  /** Nothing cached was said of them, but somebody else's bytes in their line may be dirty; in the rest of their granule. */
  readonly dirtyLine: boolean;
  readonly dirtyElsewhere: boolean;
}

export class Beginnings {
  readonly #sizes: LineSizes;
  readonly #kinds = new Memory<number>(0);

  constructor(sizes: LineSizes) {
    this.#sizes = sizes;
  }

  set(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    const kind = KINDS.indexOf(initial);
    this.#kinds.update(from, to, () => kind);
  }

  /** Visit all bytes of the lines in [from, to), which is made of whole granules. */
  visit(from: MachineAddr, to: MachineAddr, visit: (beginning: Beginning) => void): void {
    this.#kinds.visit(from, to, (kind, low, high) => {
      const initial = KINDS[kind] as Initial;
      if (initial !== 'clean')
        visit({ from: low, to: high, initial, dirtyLine: false, dirtyElsewhere: false });
      else this.#visitClean(low, high, visit);
    });
  }

  #visitClean(from: MachineAddr, to: MachineAddr, visit: (beginning: Beginning) => void): void {
    const { small, big } = this.#sizes;
    // Only lines and granules at the ends can be shared with others.
    const cuts = [ceilTo(from, small), ceilTo(from, big), floorTo(to, big), floorTo(to, small)];
    const bounds = [from, ...cuts.filter((at) => from < at && at < to).sort((a, b) => a - b), to];
    bounds.slice(1).forEach((end, i) => {
      const begin = bounds[i] as MachineAddr;
      if (begin === end) return;
      const line = wholeLines(begin, end, small);
      const granule = wholeLines(begin, end, big);
      visit({
        from: begin,
        to: end,
        initial: 'clean',
        dirtyLine: !this.#isClean(...line),
        dirtyElsewhere: !this.#isClean(granule[0], line[0]) || !this.#isClean(line[1], granule[1]),
      });
    });
  }

  #isClean(from: MachineAddr, to: MachineAddr): boolean {
    let clean = true;
    this.#kinds.visit(from, to, (kind) => {
      if (KINDS[kind] !== 'clean') clean = false;
    });
    return clean;
  }
}
