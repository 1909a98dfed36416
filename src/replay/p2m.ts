/**
 * Pseudo-physical to machine, as the p2m probe shows it: the foreign pages that are mapped now.
 *
 * It is asked several times for every call of the DMA API. So it is a page table of two levels, and the leaf that was
 * used last is at hand: neighbours are asked for together. (Of a judged call a Map of pages took 2 % by a profile.)
 */
import type { Mfn, Pfn } from '../address/index.ts';

/** Frames in a leaf. */
const LEAF = 64;
const NONE = -1;

interface Leaf {
  /** Machine frames, or NONE. */
  readonly frames: Float64Array;
  /** Frames that are mapped. */
  mapped: number;
}
/** Stands where there is no leaf. */
const NOWHERE = new Float64Array(LEAF).fill(NONE);

/** Empty leaves that may be kept, besides as many as are used: most are used again soon. */
const SWEEP = 256;

export class P2m {
  readonly #leaves = new Map<number, Leaf>();
  #empty = 0;
  /** The leaf that was asked for last. */
  #number = -1;
  #frames: Float64Array = NOWHERE;

  /** Pages [first, first + count) are machine frames [frame, frame + count) from now on. */
  set(first: Pfn, frame: Mfn, count: number): void {
    for (let i = 0; i < count; i++) {
      const page = first + i;
      const leaf = this.#leafOf(Math.floor(page / LEAF));
      const at = page - Math.floor(page / LEAF) * LEAF;
      if (leaf.frames[at] === NONE && leaf.mapped++ === 0) this.#empty--;
      leaf.frames[at] = frame + i;
    }
  }

  remove(first: Pfn, count: number): void {
    for (let i = 0; i < count; i++) {
      const page = first + i;
      const leaf = this.#leaves.get(Math.floor(page / LEAF));
      const at = page - Math.floor(page / LEAF) * LEAF;
      if (leaf === undefined || leaf.frames[at] === NONE) continue;
      leaf.frames[at] = NONE;
      if (--leaf.mapped === 0) this.#empty++;
    }
    if (this.#empty >= SWEEP && this.#empty * 2 > this.#leaves.size) this.#sweep();
  }

  /** The machine frame of a foreign page; undefined for any other. */
  get(page: Pfn): Mfn | undefined {
    const number = Math.floor(page / LEAF);
    if (number !== this.#number) {
      this.#number = number;
      this.#frames = this.#leaves.get(number)?.frames ?? NOWHERE;
    }
    const frame = this.#frames[page - number * LEAF];
    return frame === NONE ? undefined : (frame as Mfn);
  }

  /** Pages that memory is held for, mapped or not. */
  get size(): number {
    return this.#leaves.size * LEAF;
  }

  /** Made where there is none. */
  #leafOf(number: number): Leaf {
    let leaf = this.#leaves.get(number);
    if (leaf === undefined) {
      leaf = { frames: new Float64Array(LEAF).fill(NONE), mapped: 0 };
      this.#leaves.set(number, leaf);
      this.#empty++;
      this.#number = -1;
    }
    return leaf;
  }

  #sweep(): void {
    for (const [number, { mapped }] of this.#leaves) if (mapped === 0) this.#leaves.delete(number);
    this.#empty = 0;
    this.#number = -1;
  }
}
