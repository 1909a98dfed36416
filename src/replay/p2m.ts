/**
 * Pseudo-physical to machine, as the p2m probe shows it: the foreign pages that are mapped now.
 *
 * It is asked several times for every call of the DMA API. So it is a page table of two levels, and the leaf that was
 * used last is at hand: neighbours are asked for together. (Of a judged call a Map of pages took 2 % by a profile.)
 */
import type { Mfn, Pfn } from '../address/index.ts';

/** Pages of a leaf: what a request has. A page that is mapped alone costs a leaf, so they are small. */
const LEAF = 16;
const NONE = -1;

interface Leaf {
  /** Machine frames, or NONE. */
  readonly frames: number[];
  /** Pages that are mapped. */
  mapped: number;
}
/** Stands where there is no leaf. */
const NOWHERE: readonly number[] = new Array<number>(LEAF).fill(NONE);

/** Empty leaves that may be kept, besides as many as are used: most are used again soon. */
const SWEEP = 1024;

export class P2m {
  readonly #leaves = new Map<number, Leaf>();
  #empty = 0;
  /** The leaf that was used last; at first none has that number. */
  #number = Number.NaN;
  #frames = NOWHERE;

  /** Pages [first, first + count) are machine frames [frame, frame + count) from now on. */
  set(first: Pfn, frame: Mfn, count: number): void {
    for (let i = 0; i < count; i++) {
      const page = first + i;
      const number = Math.floor(page / LEAF);
      const leaf = this.#leaves.get(number) ?? this.#makeLeaf(number);
      const at = page - number * LEAF;
      if (leaf.frames[at] === NONE && leaf.mapped++ === 0) this.#empty--;
      leaf.frames[at] = frame + i;
    }
  }

  remove(first: Pfn, count: number): void {
    for (let i = 0; i < count; i++) {
      const page = first + i;
      const number = Math.floor(page / LEAF);
      const leaf = this.#leaves.get(number);
      const at = page - number * LEAF;
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

  #makeLeaf(number: number): Leaf {
    const leaf: Leaf = { frames: new Array<number>(LEAF).fill(NONE), mapped: 0 };
    this.#leaves.set(number, leaf);
    this.#empty++;
    this.#number = number;
    this.#frames = leaf.frames;
    return leaf;
  }

  /** Whoever is at hand may be among them: empty, as the place is. */
  #sweep(): void {
    for (const [number, { mapped }] of this.#leaves) if (mapped === 0) this.#leaves.delete(number);
    this.#empty = 0;
  }
}
