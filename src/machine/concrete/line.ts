/** A line in a cache. */
import { type MachineAddr, offsetBy } from '../../address/index.ts';
import type { Value } from './contents.ts';

export class Line {
  /** First byte. */
  readonly at: MachineAddr;
  readonly data: Uint32Array;
  /** By small line (one, or two where it is a big one): this part holds what has not been written back. */
  readonly #modified: boolean[];

  constructor(at: MachineAddr, data: Uint32Array, modified: readonly boolean[]) {
    this.at = at;
    this.data = data;
    this.#modified = [...modified];
  }

  /** First byte after it. */
  get end(): MachineAddr {
    return offsetBy(this.at, this.data.length);
  }

  /** The line is written back as a whole. */
  get dirty(): boolean {
    return this.#modified.includes(true);
  }

  valueAt(byte: MachineAddr): Value {
    return this.data[byte - this.at] as Value;
  }

  /** Bytes from `at` on, of one small line, are stored. */
  store(at: MachineAddr, values: ArrayLike<Value>): void {
    this.data.set(values, at - this.at);
    this.#modified[this.#part(at)] = true;
  }

  isModified(byte: MachineAddr): boolean {
    return this.#modified[this.#part(byte)] === true;
  }

  /** What both lines cover comes from the other one. */
  takeData(other: Line): void {
    const low = Math.max(this.at, other.at);
    const high = Math.min(this.end, other.end);
    this.data.set(other.data.subarray(low - other.at, high - other.at), low - this.at);
  }

  /** What the other line has modified of what both cover is modified here. */
  takeModified(other: Line): void {
    const size = this.data.length / this.#modified.length;
    this.#modified.forEach((_, part) => {
      const at = offsetBy(this.at, part * size);
      if (other.at <= at && at < other.end && other.isModified(at)) this.#modified[part] = true;
    });
  }

  /** It has been written back. */
  clean(): void {
    this.#modified.fill(false);
  }

  copy(): Line {
    return new Line(this.at, this.data.slice(), this.#modified);
  }

  #part(byte: MachineAddr): number {
    return Math.floor(((byte - this.at) * this.#modified.length) / this.data.length);
  }
}
