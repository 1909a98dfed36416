/** Whatever is left open is decided here: by a seeded generator, or by a list. */

/** Decides between what the architecture or the replacement policy allows. */
export interface Chance {
  /** A number in [0, options). */
  choose(options: number): number;
}

const MODULUS = 2 ** 31 - 1;
const MULTIPLIER = 48_271;

/**
 * A Lehmer generator: the same numbers for the same seed, everywhere.
 * Source: S. K. Park, K. W. Miller, "Random number generators: good ones are hard to find", CACM 31 (1988), with the multiplier of
 * their 1993 correction (C++'s minstd_rand).
 */
export class Random implements Chance {
  #state: number;

  /** @param seed any whole number. */
  constructor(seed: number) {
    this.#state = 1 + (Math.abs(Math.trunc(seed)) % (MODULUS - 1));
    // Seeds that follow each other begin alike.
    for (let i = 0; i < 4; i++) this.#next();
  }

  choose(options: number): number {
    return Math.floor((this.#next() / MODULUS) * options);
  }

  /** True with this probability, 0 to 1. */
  happens(probability: number): boolean {
    return this.#next() / MODULUS < probability;
  }

  #next(): number {
    this.#state = (this.#state * MULTIPLIER) % MODULUS;
    return this.#state;
  }
}

/** Takes every way there is, one after the other: depth first, first choices first. */
export class EveryWay implements Chance {
  #picks: number[] = [];
  #taken: { readonly pick: number; readonly options: number }[] = [];

  choose(options: number): number {
    const pick = this.#picks[this.#taken.length] ?? 0;
    this.#taken.push({ pick, options });
    return pick;
  }

  /** Begin with the first way. */
  restart(): void {
    this.#picks = [];
    this.#taken = [];
  }

  /** Go on with the next way; false if there is none. */
  next(): boolean {
    const last = this.#taken.findLastIndex(({ pick, options }) => pick + 1 < options);
    if (last < 0) return false;
    this.#picks = this.#taken.slice(0, last + 1).map(({ pick }, i) => (i === last ? pick + 1 : pick));
    this.#taken = [];
    return true;
  }
}
