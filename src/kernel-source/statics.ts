/**
 * What the kernel's files keep in static variables. It is set when the kernel boots and must not change afterwards: a design
 * holds no state (src/linux/kernel.ts), or verdicts would depend on which calls came before.
 */
import { exported, functionOf, KernelSourceError } from './exports.ts';

/** Comparing costs as much as a call, so most calls go without: what is kept stays, and is noticed by a later one. */
const ALWAYS = 1000;
const EVERY = 256;
/** Bytes. The stack's top and the shims' variables begin at multiples of it. */
const WORD = Int32Array.BYTES_PER_ELEMENT;

export class Statics {
  /** Whole words: what is left of the last one is nobody's. */
  readonly #now: Int32Array;
  readonly #booted: Int32Array;
  /** The shims' own variables, which come and go with each call: [from, to) of those. */
  readonly #own: readonly [number, number];
  readonly #from: number;
  #calls = 0;

  /** @param exports of a module that has booted. */
  constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory) {
    // The stack comes first in memory.
    this.#from = Number(exported(exports, '__stack_pointer', WebAssembly.Global).value);
    const end = Number(exported(exports, '__heap_base', WebAssembly.Global).value);
    this.#now = new Int32Array(memory.buffer, this.#from, Math.ceil((end - this.#from) / WORD));
    this.#booted = this.#now.slice();
    this.#own = [
      functionOf(exports, 'own_from')(0, 0, 0, 0, 0),
      functionOf(exports, 'own_to')(0, 0, 0, 0, 0),
    ];
  }

  /** @throws KernelSourceError if something was kept. */
  check(): void {
    this.#calls++;
    if (this.#calls > ALWAYS && this.#calls % EVERY !== 0) return;
    const now = this.#now;
    const booted = this.#booted;
    for (let i = 0; i < booted.length; i++) {
      if (booted[i] === now[i]) continue;
      const at = this.#from + i * WORD;
      if (at >= this.#own[0] && at < this.#own[1]) continue;
      now.set(booted);
      throw new KernelSourceError(
        'the kernel\u2019s code changes a static variable in a call of the DMA API, expected none to change after boot (what a design remembers must be in the simulated kernel, or verdicts would depend on earlier calls)',
      );
    }
  }
}
