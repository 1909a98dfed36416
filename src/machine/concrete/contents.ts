/**
 * What memory holds, and what a machine without caches would hold there: so it is known of every value read whether it is right.
 *
 * A value is the serial number of the store that wrote it, so no two stores to a byte write the same.
 */
import { type MachineAddr, mfnOf, PAGE_SIZE } from '../../address/index.ts';
import { Data } from './data.ts';
import type { Value } from './value.ts';

export type { Value } from './value.ts';

/** What is known of a byte, one array element a byte of the page. */
interface Page {
  readonly from: number;
  /** What memory holds: not what the caches do. */
  readonly memory: Uint32Array;
  /** What the last store to it, by whomever, wrote. */
  readonly current: Uint32Array;
  /** Values older than this are another owner's. */
  readonly owner: Uint32Array;
  /** 1: nobody cares about the current value. */
  readonly nobodys: Uint8Array;
  /** 1: a read of the current value went wrong, or it was destroyed. */
  readonly wrong: Uint8Array;
  /** 1: the current value is a copy of one that was read wrong. */
  readonly tainted: Uint8Array;
}

const NOTHING = new Uint32Array(0);
const NO_FLAGS = new Uint8Array(0);
/** No byte is in it. */
const NO_PAGE: Page = {
  from: Number.POSITIVE_INFINITY,
  memory: NOTHING,
  current: NOTHING,
  owner: NOTHING,
  nobodys: NO_FLAGS,
  wrong: NO_FLAGS,
  tainted: NO_FLAGS,
};

export class Contents {
  readonly #pages = new Map<number, Page>();
  #last: Page = NO_PAGE;
  #serial: Value = 0;
  /** What byte each value is. */
  readonly data = new Data();

  /** A value that no store has written before. */
  fresh(): Value {
    this.#serial++;
    return this.#serial;
  }

  /** Memory's copies of [at, at + size), which lies in one page. */
  read(at: MachineAddr, size: number): Uint32Array {
    const page = this.#page(at);
    return page.memory.slice(at - page.from, at - page.from + size);
  }

  /** Memory's copy of one byte. */
  at(at: MachineAddr): Value {
    const page = this.#page(at);
    return page.memory[at - page.from] as Value;
  }

  /** Bytes reach memory. All in one page. */
  write(at: MachineAddr, data: Uint32Array): void {
    const page = this.#page(at);
    page.memory.set(data, at - page.from);
  }

  /** Somebody stores a value: it is the current one, wherever it is. */
  store(
    at: MachineAddr,
    value: Value,
    about: { readonly nobodys: boolean; readonly tainted: boolean },
  ): void {
    const page = this.#page(at);
    const i = at - page.from;
    page.current[i] = value;
    page.nobodys[i] = about.nobodys ? 1 : 0;
    page.tainted[i] = about.tainted ? 1 : 0;
    page.wrong[i] = 0;
  }

  /** All copies of the byte that there are belong to somebody else, from now on. */
  disown(at: MachineAddr): void {
    const page = this.#page(at);
    const i = at - page.from;
    page.owner[i] = this.fresh();
    page.nobodys[i] = 1;
    page.wrong[i] = 0;
    page.tainted[i] = 0;
  }

  markWrong(at: MachineAddr): void {
    const page = this.#page(at);
    page.wrong[at - page.from] = 1;
  }

  /**
   * Of bytes of one page: 1 where neither memory nor any of these lines has the current value.
   * @param lines copies of them, and perhaps of others.
   */
  lost(
    at: MachineAddr,
    size: number,
    lines: readonly { readonly at: MachineAddr; readonly data: Uint32Array }[],
  ): Uint8Array {
    const { from, memory, current, nobodys } = this.#page(at);
    const lost = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      const byte = at - from + i;
      const wanted = current[byte];
      if (nobodys[byte] === 1 || memory[byte] === wanted) continue;
      lost[i] = lines.some((line) => line.data[at + i - line.at] === wanted) ? 0 : 1;
    }
    return lost;
  }

  isCurrent(at: MachineAddr, value: Value): boolean {
    const page = this.#page(at);
    const i = at - page.from;
    return page.nobodys[i] === 1 || page.current[i] === value;
  }
  /** What every reader should get. */
  current(at: MachineAddr): Value {
    const page = this.#page(at);
    return page.current[at - page.from] as Value;
  }
  isOwn(at: MachineAddr, value: Value): boolean {
    const page = this.#page(at);
    return value >= (page.owner[at - page.from] as number);
  }
  isNobodys(at: MachineAddr): boolean {
    const page = this.#page(at);
    return page.nobodys[at - page.from] === 1;
  }
  isWrong(at: MachineAddr): boolean {
    const page = this.#page(at);
    return page.wrong[at - page.from] === 1;
  }
  isTainted(at: MachineAddr): boolean {
    const page = this.#page(at);
    return page.tainted[at - page.from] === 1;
  }

  #page(at: MachineAddr): Page {
    // Nearly always the page of the last time.
    if (at >= this.#last.from && at < this.#last.from + PAGE_SIZE) return this.#last;
    const frame = mfnOf(at);
    let page = this.#pages.get(frame);
    if (page === undefined) {
      page = {
        from: frame * PAGE_SIZE,
        memory: new Uint32Array(PAGE_SIZE),
        current: new Uint32Array(PAGE_SIZE),
        owner: new Uint32Array(PAGE_SIZE),
        nobodys: new Uint8Array(PAGE_SIZE),
        wrong: new Uint8Array(PAGE_SIZE),
        tainted: new Uint8Array(PAGE_SIZE),
      };
      this.#pages.set(frame, page);
    }
    this.#last = page;
    return page;
  }
}
