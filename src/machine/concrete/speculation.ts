/** What hardware does by itself between operations, at random. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { Board } from './board.ts';
import type { Act, Director } from './director.ts';
import type { Opening } from './open-windows.ts';
import type { Random } from './random.ts';

/** Granules that are remembered as just used: speculation is likely to be about them. */
const RECENT = 8;
/** Longest access of a device through a window, in bytes. */
const BURST = 128;

export class Speculation implements Director {
  readonly #board: Board;
  readonly #random: Random;
  readonly #rate: number;
  readonly #write: (opening: Opening, from: MachineAddr, to: MachineAddr) => void;
  readonly #granules: MachineAddr[] = [];
  readonly #known = new Set<MachineAddr>();
  #recent: MachineAddr[] = [];

  /**
   * @param rate probability of something happening, and then again.
   * @param write a device writes through a window.
   */
  constructor(
    board: Board,
    random: Random,
    rate: number,
    write: (opening: Opening, from: MachineAddr, to: MachineAddr) => void,
  ) {
    this.#board = board;
    this.#random = random;
    this.#rate = rate;
    this.#write = write;
  }

  begin(granule: MachineAddr, fill: () => void, place: () => void, disown: () => void): void {
    if (!this.#known.has(granule)) this.#granules.push(granule);
    this.#known.add(granule);
    fill();
    place();
    disown();
  }

  act<T>(from: MachineAddr, _to: MachineAddr, { before, perform }: Act<T>): T {
    const granule = this.#board.granuleOf(from);
    if (!this.#recent.includes(granule)) this.#recent = [granule, ...this.#recent].slice(0, RECENT);
    while (this.#random.happens(this.#rate)) this.#something();
    before?.();
    const result = perform();
    this.#board.settle();
    return result;
  }

  mayWrite(
    when: 'first' | 'last',
    { from, to }: Opening,
    write: (from: MachineAddr, to: MachineAddr) => void,
  ): void {
    if (when === 'last' && this.#random.happens(0.5)) write(from, to);
  }

  finish(): void {
    while (this.#random.happens(this.#rate)) this.#something();
  }

  #something(): void {
    const what = this.#random.choose(5);
    if (what < 2) this.#move();
    else if (what < 4) this.#device();
    else this.#pending();
    this.#board.settle();
  }

  #move(): void {
    const board = this.#board;
    const among = this.#random.happens(0.5) ? this.#recent : this.#granules;
    if (among.length === 0) return;
    const { small, big } = board.sizes;
    const granule = among[this.#random.choose(among.length)] as MachineAddr;
    const at = offsetBy(granule, this.#random.choose(big / small) * small);
    const { inner, outer } = board.hierarchy;
    const caches = outer ? [...inner, outer] : inner;
    const cache = caches[this.#random.choose(caches.length)];
    if (cache === undefined) return;
    const line = cache.find(at);
    if (line === undefined) {
      if (board.mayFill(cache, at)) board.fill(cache, at);
    } else if (this.#random.happens(0.5)) board.writeBack(cache, line);
    else board.evict(cache, line);
  }

  #pending(): void {
    const issued = this.#board.pending.all();
    const one = issued[this.#random.choose(issued.length)];
    if (one) this.#board.takeEffect(one);
  }

  /** A device reads or writes a few bytes of a window. */
  #device(): void {
    const openings = this.#board.windows.all();
    const opening = openings[this.#random.choose(openings.length)];
    if (opening === undefined || !(opening.reads || opening.writes)) return;
    const { from, to, port } = opening;
    const begin = offsetBy(from, this.#random.choose(to - from));
    const length = 1 + this.#random.choose(Math.min(to - begin, BURST));
    const end = offsetBy(begin, length);
    if (opening.writes && (!opening.reads || this.#random.happens(0.5))) this.#write(opening, begin, end);
    else
      for (let at = begin; at < end; at = nextLine(at, this.#board.sizes.small)) {
        const size = Math.min(end, nextLine(at, this.#board.sizes.small)) - at;
        this.#board.judge(at, this.#board.deviceRead(port, at, size), 'stale-device-read');
      }
  }
}

const nextLine = (at: MachineAddr, size: number): MachineAddr => offsetBy(floorTo(at, size), size);
