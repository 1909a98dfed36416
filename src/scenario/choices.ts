/** Random choices for tests, from a tape of numbers that a property test shrinks. */
import type { Bytes } from './types.ts';

/** Choices from a tape of random numbers; the first of what there is when it has run out. */
export class Choices {
  readonly #tape: readonly number[];
  #at = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  /** In [from, to). */
  number(from: number, to: number): number {
    return from + ((this.#tape[this.#at++] ?? 0) % (to - from));
  }

  flag(): boolean {
    return this.number(0, 2) === 1;
  }

  maybe<T>(make: () => T): T | undefined {
    return this.flag() ? make() : undefined;
  }

  /** One of these, of which there must be one. */
  of<T>(all: readonly T[]): T {
    if (all.length === 0) throw new RangeError('nothing to choose from');
    return all[this.number(0, all.length)] as T;
  }

  /** A part of that many bytes, or all of them. */
  bytes(size: number): Bytes {
    return this.maybe(() => {
      const from = this.number(0, size);
      return [from, this.number(from + 1, size + 1)] as const;
    });
  }

  /** As many as chosen, fewer than `most`. */
  list<T>(most: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.number(0, most) }, (_, index) => make(index));
  }
}
