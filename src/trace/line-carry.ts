/** The line that a chunk's end cuts in two. */

/** Longest line that is read, in bytes without its newline. */
export const LONGEST_LINE = 1 << 20;

/** Collects the parts of one line; of a line that is too long only as much as shows that it is. */
export class LineCarry {
  bytes: Uint8Array = new Uint8Array(4096);
  #length = 0;
  #started = false;

  /** No part of a line is held. */
  get empty(): boolean {
    return !this.#started;
  }

  /** Add [from, to) of a chunk, which holds no newline. */
  add(chunk: Uint8Array, from: number, to: number): void {
    if (to <= from) return;
    this.#started = true;
    const room = LONGEST_LINE + 1 - this.#length;
    const part = chunk.subarray(from, Math.min(to, from + room));
    this.#reserve(this.#length + part.length + 1);
    this.bytes.set(part, this.#length);
    this.#length += part.length;
  }

  /** End the line with a newline; returns the number of bytes then held. */
  close(): number {
    this.#reserve(this.#length + 1);
    this.bytes[this.#length] = 10;
    return this.#length + 1;
  }

  /** Begin the next line. */
  clear(): void {
    this.#length = 0;
    this.#started = false;
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const longer = new Uint8Array(Math.max(length, this.bytes.length * 2));
    longer.set(this.bytes.subarray(0, this.#length));
    this.bytes = longer;
  }
}
