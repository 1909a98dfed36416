/** What an event touches: cells get numbers, and the footprint of the event at hand is collected. */
import type { Cell, Footprint } from '../../machine/index.ts';
import { ProgramError } from './run.ts';

/** The cells that an event touched, by number, each once, and for each whether it was written. */
export interface Touched {
  readonly cells: number[];
  readonly writes: boolean[];
}

/** The footprint that a program under exploration is given. */
export class Collector implements Footprint {
  /** What has been touched since begin(). */
  readonly touched: Touched = { cells: [], writes: [] };
  readonly #numbers = new Map<Cell, number>();
  /** By cell: its place in `touched`, or -1. */
  readonly #places: number[] = [];
  #when: 'collecting' | 'deaf' | 'forbidden' = 'deaf';

  touch(cell: Cell, write: boolean): void {
    if (this.#when === 'deaf') return;
    if (this.#when === 'forbidden') throw new ProgramError(`${cell} is touched outside any atomic`);
    let number = this.#numbers.get(cell);
    if (number === undefined) {
      number = this.#places.length;
      this.#numbers.set(cell, number);
      this.#places.push(-1);
    }
    this.add(number, write);
  }

  /** Collect, from nothing. */
  begin(): void {
    const { cells, writes } = this.touched;
    for (const cell of cells) this.#places[cell] = -1;
    cells.length = 0;
    writes.length = 0;
    this.#when = 'collecting';
  }

  /** Whoever touches something from now on breaks the rules. `touched` stays as it is. */
  forbid(): void {
    this.#when = 'forbidden';
  }

  /** Do not listen. */
  ignore(): void {
    this.#when = 'deaf';
  }

  add(cell: number, write: boolean): void {
    const { cells, writes } = this.touched;
    const place = this.#places[cell] ?? -1;
    if (place < 0) {
      this.#places[cell] = cells.length;
      cells.push(cell);
      writes.push(write);
    } else if (write) {
      writes[place] = true;
    }
  }

  /** Would what was collected and this come out differently in the other order? */
  conflicts(other: Touched): boolean {
    const { writes } = this.touched;
    return other.cells.some((cell, i) => {
      const place = this.#places[cell] ?? -1;
      return place >= 0 && (other.writes[i] === true || writes[place] === true);
    });
  }

  /** Does everything that conflicts with this conflict with what was collected too? */
  covers(other: Touched): boolean {
    const { writes } = this.touched;
    return other.cells.every((cell, i) => {
      const place = this.#places[cell] ?? -1;
      return place >= 0 && (other.writes[i] === false || writes[place] === true);
    });
  }
}
