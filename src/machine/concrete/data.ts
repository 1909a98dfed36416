/**
 * The data itself: what byte each value is, and who put it there. A machine knows values by the serial number of the store that
 * wrote them, which says whether a copy is the current one; a file that goes through it is made of bytes.
 */
import type { Value } from './value.ts';

/** Bytes, each with the mark of the operation that it came from; a copy of a byte keeps its mark. */
export interface Content {
  readonly bytes: Uint8Array;
  /** 0: what memory held at first. */
  readonly marks: Uint32Array;
}

/** What a read returned. */
export interface ReadContent extends Content {
  /** 1: not the value that it should have been (what a machine without caches would hold). */
  readonly wrong: Uint8Array;
}

export class Data {
  #bytes = new Uint8Array(0);
  #marks = new Uint32Array(0);

  /** Say what values are: those of a store, one after the other. */
  put(values: readonly Value[], content: Content, offset: number): void {
    const last = values.at(-1) ?? 0;
    if (last >= this.#bytes.length) this.#grow(last + 1);
    for (const [i, value] of values.entries()) {
      this.#bytes[value] = content.bytes[offset + i] ?? 0;
      this.#marks[value] = content.marks[offset + i] ?? 0;
    }
  }

  /** 0 of values of which nothing was said. */
  byteOf(value: Value): number {
    return this.#bytes[value] ?? 0;
  }
  markOf(value: Value): number {
    return this.#marks[value] ?? 0;
  }

  #grow(size: number): void {
    const room = Math.max(size, 2 * this.#bytes.length, 2 ** 14);
    const bytes = new Uint8Array(room);
    bytes.set(this.#bytes);
    const marks = new Uint32Array(room);
    marks.set(this.#marks);
    this.#bytes = bytes;
    this.#marks = marks;
  }
}
