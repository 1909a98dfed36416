/**
 * Bytes of control structures: hypercall arguments, grant entries. CPUs alone use them, through coherent caches, so they need no machine;
 * frames appear, filled with zeroes, when first written.
 */
import { type Mfn, PAGE_SIZE } from '../address/index.ts';

export class ControlMemory {
  readonly #frames = new Map<Mfn, Uint8Array>();

  /** A copy of bytes [offset, offset + size) of the frame. */
  read(frame: Mfn, offset: number, size: number): Uint8Array {
    return this.#frames.get(frame)?.slice(offset, offset + size) ?? new Uint8Array(size);
  }

  write(frame: Mfn, offset: number, bytes: Uint8Array): void {
    let page = this.#frames.get(frame);
    if (page === undefined) {
      page = new Uint8Array(PAGE_SIZE);
      this.#frames.set(frame, page);
    }
    page.set(bytes, offset);
  }
}
