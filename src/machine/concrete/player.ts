/** Plays a script: of all ways in which the followed byte's part of each operation can go, the one that leaves what is wanted. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { WitnessStep } from '../../coherence/index.ts';
import type { Board } from './board.ts';
import type { Cache } from './cache.ts';
import type { Value } from './contents.ts';
import type { Act, Director } from './director.ts';
import type { Opening } from './open-windows.ts';
import type { EveryWay } from './random.ts';
import { copiesKey, issuedKey, type Script, ScriptError, Walk } from './script.ts';
import { inTwoSizes, twoSizesKey } from './view.ts';

export class Player implements Director {
  readonly #board: Board;
  readonly #ways: EveryWay;
  readonly #script: Script;
  readonly #walk: Walk;
  readonly #granule: MachineAddr;

  constructor(board: Board, ways: EveryWay, script: Script) {
    this.#board = board;
    this.#ways = ways;
    this.#script = script;
    this.#walk = new Walk(script);
    this.#granule = board.granuleOf(script.at);
  }

  begin(granule: MachineAddr, fill: () => void, place: () => void, disown: () => void): void {
    fill();
    const beginning = granule === this.#granule ? this.#walk.begin() : undefined;
    if (beginning === undefined) {
      this.#freely(place);
      disown();
      return;
    }
    // An operation that is part of how the byte began is that it is given away.
    const { copies, afterwards } = beginning;
    if (afterwards.length === 0) disown();
    this.#guide(`the beginning ${copies}`, place, () => this.#copies() === copies);
    for (const step of afterwards) {
      if (step.spontaneous !== undefined) this.#play(step);
      else if (step === afterwards.findLast(({ spontaneous }) => spontaneous === undefined)) disown();
    }
  }

  act<T>(from: MachineAddr, to: MachineAddr, act: Act<T>): T {
    const { at } = this.#script;
    if (at < from || at >= to) {
      act.before?.();
      return this.#freely(act.perform);
    }
    this.#playUntilNow();
    const wanted = this.#walk.next();
    act.before?.();
    return this.#guide(
      wanted === 'wrong' ? 'a wrong read' : wanted === 'anything' ? wanted : wanted.copies,
      act.perform,
      (result) => {
        if (wanted === 'wrong') return this.#isWrong(act.returned?.(result, at));
        return wanted === 'anything' || this.#copies() === wanted.copies;
      },
    );
  }

  /** The followed byte is for the script to write, and so is its line; elsewhere the device does what it is there for. */
  mayWrite(
    _when: 'first' | 'last',
    { port, from, to }: Opening,
    write: (from: MachineAddr, to: MachineAddr) => void,
  ): void {
    const first = port.snoops ? this.#granule : this.#script.at;
    const end = offsetBy(first, port.snoops ? this.#board.sizes.big : 1);
    this.#freely(() => {
      write(from, to < first ? to : first);
      write(from > end ? from : end, to);
    });
  }

  finish(): void {
    this.#playUntilNow();
  }

  #playUntilNow(): void {
    for (const move of this.#walk.spontaneous()) this.#play(move);
    if (!this.#walk.isWindowDue()) return;
    const { at } = this.#script;
    const openings = this.#board.windows.at(at).filter(({ reads }) => reads);
    const read = this.#guide(
      'a wrong read of a device',
      () => {
        const one = this.#pick(openings);
        return one ? this.#board.deviceRead(one.port, at, 1) : [];
      },
      ([value]) => this.#isWrong(value),
    );
    this.#board.judge(at, read, 'stale-device-read');
  }

  #isWrong(value: Value | undefined): boolean {
    if (value === undefined) return false;
    const { at, discipline } = this.#script;
    const { contents } = this.#board;
    return !(discipline === 'currency' ? contents.isCurrent(at, value) : contents.isOwn(at, value));
  }

  #play(step: WitnessStep<unknown>): void {
    const { spontaneous, at: where } = step;
    const board = this.#board;
    const { at } = this.#script;
    const wanted = this.#walk.key(step);
    const here = () => this.#copies() === wanted;
    if (spontaneous === 'issued maintenance takes effect')
      this.#guide(spontaneous, () => this.#issued(), here);
    else if (spontaneous === 'device writes') {
      const value = board.contents.fresh();
      board.contents.store(at, value, { nobodys: false, tainted: false });
      this.#guide(spontaneous, () => this.#window(value), here);
    } else if (spontaneous === 'device writes a neighbour')
      this.#guide(spontaneous, () => this.#nearby(), here);
    else if (spontaneous === 'fill' || spontaneous === 'writeBack' || spontaneous === 'evict')
      this.#guide(`${spontaneous} ${where}, to ${wanted}`, () => this.#move(spontaneous, where), here);
    else throw new ScriptError(`nobody here does it: ${spontaneous}`);
  }

  #issued(): void {
    const { sizes, pending } = this.#board;
    const one = this.#pick(pending.over(this.#granule, offsetBy(this.#granule, sizes.big)));
    if (one) this.#board.takeEffect(one);
  }

  #window(value: Value): void {
    const { at } = this.#script;
    const one: Opening | undefined = this.#pick(this.#board.windows.at(at).filter(({ writes }) => writes));
    if (one) this.#board.deviceWrite(one.port, at, [value]);
  }

  /** A device that snoops writes another byte of the line. */
  #nearby(): void {
    const { at } = this.#script;
    const { contents, sizes, windows } = this.#board;
    const line = floorTo(at, sizes.small);
    const bytes = Array.from({ length: sizes.small }, (_, i) => offsetBy(line, i)).filter(
      (byte) => byte !== at,
    );
    for (const byte of bytes) {
      const opening = windows.at(byte).find(({ port, writes }) => port.snoops && writes);
      if (opening === undefined) continue;
      const value = contents.fresh();
      contents.store(byte, value, { nobodys: false, tainted: false });
      this.#board.deviceWrite(opening.port, byte, [value]);
      return;
    }
  }

  #move(what: 'fill' | 'writeBack' | 'evict', where: string | undefined): void {
    const board = this.#board;
    const { inner, outer } = board.hierarchy;
    const all = outer ? [...inner, outer] : inner;
    const named: readonly Cache[] = all.filter(({ name }) => name === where);
    const cache = this.#pick(named.length > 0 ? named : inner);
    // A fill of the line elsewhere can be one of the byte's big line.
    const { small, big } = board.sizes;
    const at =
      small === big
        ? this.#script.at
        : this.#pick([
            this.#script.at,
            offsetBy(this.#granule, (this.#script.at - this.#granule + small) % big),
          ]);
    if (cache === undefined || at === undefined) return;
    const line = cache.find(at);
    if (what === 'fill') {
      if (board.mayFill(cache, at)) board.fill(cache, at);
    } else if (line) board[what](cache, line);
  }

  #pick<T>(options: readonly T[]): T | undefined {
    return options[this.#ways.choose(options.length)];
  }

  #copies(): string {
    const { at, discipline, model } = this.#script;
    const { hierarchy, contents } = this.#board;
    const pending = issuedKey(this.#pending());
    if (model !== 'mixed') return `${copiesKey(this.#board.copies(at, discipline))}${pending}`;
    const merged = inTwoSizes(hierarchy, contents, at, discipline);
    return merged ? `${twoSizesKey(merged)}${pending}` : 'in lines of both sizes';
  }

  #pending(): boolean[] {
    const { at, model } = this.#script;
    const { sizes, pending } = this.#board;
    const issued = pending.over(this.#granule, offsetBy(this.#granule, sizes.big));
    const own = floorTo(at, sizes.small);
    if (model === 'two-cpus') return [0, 1].map((cpu) => issued.some((each) => each.cpu === cpu));
    if (model === 'mixed')
      return [issued.some((each) => each.at === own), issued.some((each) => each.at !== own)];
    return [issued.length > 0];
  }

  /** Any way will do: the first. */
  #freely<T>(perform: () => T): T {
    this.#ways.restart();
    const result = perform();
    this.#board.settle();
    return result;
  }

  /** Try every way, until one ends as wanted. */
  #guide<T>(what: string, perform: () => T, isWanted: (result: T) => boolean): T {
    const putBack = this.#board.snapshot(this.#granule);
    const seen = new Set<string>();
    this.#ways.restart();
    for (;;) {
      const result = perform();
      if (isWanted(result)) {
        this.#board.settle();
        return result;
      }
      seen.add(this.#copies());
      putBack();
      if (!this.#ways.next())
        throw new ScriptError(`wanted ${what}; now ${this.#copies()}; can become ${[...seen].join(' | ')}`);
    }
  }
}
