/**
 * What there is on a concrete machine so far, and the parts of its operations: each goes line by line, and the director has
 * a say in every one.
 */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import { modelOf } from '../hardware.ts';
import type { CpuAccess, Initial, MachineSpec, Port } from '../machine.ts';
import { Board } from './board.ts';
import { type Cache, type Geometry, UNBOUNDED } from './cache.ts';
import type { Value } from './contents.ts';
import type { Content } from './data.ts';
import type { Director } from './director.ts';
import type { Opening } from './open-windows.ts';
import { Outset } from './outset.ts';
import { Player } from './player.ts';
import { EveryWay, Random } from './random.ts';
import type { Script } from './script.ts';
import { Speculation } from './speculation.ts';

export interface ConcreteOptions {
  /** What hardware does by itself, and what it chooses, follows from it. Default 1. */
  readonly seed?: number;
  /** Probability that something happens by itself between two operations, and then again: 0 to less than 1. Default 0.3. */
  readonly rate?: number;
  /** Shape of each inner cache, and of the outer one. Default: never full. */
  readonly inner?: Geometry;
  readonly outer?: Geometry;
  /** Play this instead; seed, rate and shapes are ignored. */
  readonly script?: Script;
}

/** What is known of a value that was loaded. */
export interface About {
  readonly nobodys: boolean;
  readonly tainted: boolean;
}
const KNOWN: About = { nobodys: false, tainted: false };

/** What a load returned, byte by byte. */
export interface Loaded {
  readonly values: readonly Value[];
  readonly about: readonly About[];
}

export class Stage {
  readonly board: Board;
  readonly director: Director;
  /** Bytes. */
  readonly granule: number;
  readonly #outset: Outset;
  /** The byte that the script is about. */
  readonly #followed: MachineAddr | undefined;
  /** Granules that have begun, and those among them that somebody has used. */
  readonly #begun = new Set<MachineAddr>();
  readonly #used = new Set<MachineAddr>();
  /** CPUs that have invalidated all of their caches, so what had never been touched before too. */
  readonly #wiped: number[] = [];

  /** @throws RangeError for hardware that is not modelled. */
  constructor(spec: MachineSpec, options: ConcreteOptions) {
    const model = modelOf(spec);
    const { script, seed = 1, rate = 0.3, inner = UNBOUNDED, outer = UNBOUNDED } = options;
    this.#followed = script?.at;
    const cpus = model === 'two-cpus' ? 2 : script ? 1 : spec.cpus;
    const names = model === 'mixed' ? ['small lines', 'big lines'] : namesOf(cpus);
    if (script) {
      const ways = new EveryWay();
      this.board = new Board(spec, { names, inner: UNBOUNDED, outer: UNBOUNDED }, ways);
      this.director = new Player(this.board, ways, script);
    } else {
      const random = new Random(seed);
      this.board = new Board(spec, { names, inner, outer }, random);
      this.director = new Speculation(this.board, random, rate, (opening, from, to) =>
        this.windowWrites(opening.port, from, to),
      );
    }
    this.granule = this.board.sizes.big;
    this.#outset = new Outset(this.board.sizes);
  }

  /** Something is said of how [from, to) begins. */
  say(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    this.eachPiece(from, to, (low, high, granule) => {
      if (this.#used.has(granule)) this.#beginAnew(low, high, initial);
      this.#outset.say(low, high, initial);
      if (!this.#used.has(granule)) this.#begun.delete(granule);
    });
  }

  /** Granules that there are, ascending; those of which something was said begin now. */
  all(): MachineAddr[] {
    for (const granule of this.#outset.granules()) this.begin(granule, offsetBy(granule, 1));
    if (this.#followed !== undefined) this.begin(this.#followed, offsetBy(this.#followed, 1));
    return [...this.#begun].sort((a, b) => a - b);
  }

  /** What begins from now on, with nothing said of it, begins as this CPU's caches leave it when all is invalidated. */
  wipeWhatComes(cpu: number): void {
    this.#wiped.push(cpu);
  }

  /** A store of a new value, of which this is known, byte by byte; unless something is, nothing. */
  store(
    access: CpuAccess,
    from: MachineAddr,
    to: MachineAddr,
    { about = [], content }: { readonly about?: readonly About[]; readonly content?: Content } = {},
  ): void {
    this.use(from, to);
    this.eachPiece(from, to, (low, high, granule) => {
      const values = this.#fresh(high - low, content, low - from);
      const [first, end] = access.cacheable ? this.wholeGranule(granule) : [low, high];
      this.director.act(first, end, {
        before: () => this.#current(low, values, about.slice(low - from)),
        perform: () => this.board.store(access, low, values),
      });
    });
  }

  /** A judged load. Answers what is to be known of copies of it, too. */
  load(access: CpuAccess, from: MachineAddr, to: MachineAddr): Loaded {
    this.use(from, to);
    const about: About[] = [];
    const loaded: Value[] = [];
    const { contents } = this.board;
    this.eachPiece(from, to, (low, high, granule) => {
      const [first, end] = access.cacheable ? this.wholeGranule(granule) : [low, high];
      const values = this.director.act(first, end, {
        perform: () => this.board.load(access, low, high - low),
        returned: (read, at) => read[at - low],
      });
      this.board.judge(low, values, 'stale-cpu-read');
      values.forEach((value, i) => {
        const at = offsetBy(low, i);
        const right = contents.isCurrent(at, value) && contents.isOwn(at, value);
        about.push({ nobodys: contents.isNobodys(at), tainted: contents.isTainted(at) || !right });
        loaded.push(value);
      });
    });
    return { values: loaded, about };
  }

  /** A device stores a new value; `around` is told which bytes each part of it concerns. */
  deviceWrites(
    port: Port,
    from: MachineAddr,
    to: MachineAddr,
    around: (from: MachineAddr, to: MachineAddr, perform: () => void, before: () => void) => void,
    content?: Content,
  ): void {
    this.use(from, to);
    this.eachPiece(from, to, (low, high, granule) => {
      const values = this.#fresh(high - low, content, low - from);
      const [first, end] = port.snoops ? this.wholeGranule(granule) : [low, high];
      around(
        first,
        end,
        () => this.board.deviceWrite(port, low, values),
        () => this.#current(low, values),
      );
    });
  }

  mayWrite(when: 'first' | 'last', opening: Opening): void {
    if (!opening.writes) return;
    this.director.mayWrite(when, opening, (from, to) => this.windowWrites(opening.port, from, to));
  }

  /** A device writes at a moment of its own. */
  windowWrites(port: Port, from: MachineAddr, to: MachineAddr): void {
    // A big line that goes because of another small one in it goes as if by itself.
    if (port.snoops && this.board.sizes.small < this.granule) this.board.movedAll(from, to);
    this.deviceWrites(port, from, to, (_first, _end, perform, before) => {
      before();
      perform();
    });
  }

  /** Bytes that begin once more, in lines that are in use. */
  #beginAnew(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    const { contents, hierarchy } = this.board;
    const values = this.#fresh(to - from);
    values.forEach((value, i) => {
      const at = offsetBy(from, i);
      const nobodys = initial === 'anything' || initial === 'anothers';
      contents.store(at, value, { nobodys, tainted: false });
      if (initial === 'anothers') contents.disown(at);
    });
    if (initial !== 'clean') hierarchy.store(hierarchy.inner[0] as Cache, from, values);
    else hierarchy.snoopWrite(from, values);
  }

  /** New values, of these bytes from `offset` on where it is known. */
  #fresh(size: number, content?: Content, offset = 0): Value[] {
    const { contents } = this.board;
    const values = Array.from({ length: size }, () => contents.fresh());
    if (content) contents.data.put(values, content, offset);
    return values;
  }

  /** These are the current values, from now on. */
  #current(from: MachineAddr, values: readonly Value[], about: readonly About[] = []): void {
    values.forEach((value, i) => {
      this.board.contents.store(offsetBy(from, i), value, about[i] ?? KNOWN);
    });
  }

  /** Somebody touches [from, to). */
  use(from: MachineAddr, to: MachineAddr): void {
    this.begin(from, to);
    this.eachPiece(from, to, (_low, _high, granule) => this.#used.add(granule));
  }

  /** Make what [from, to) holds, where nobody has looked before. */
  begin(from: MachineAddr, to: MachineAddr): void {
    this.eachPiece(from, to, (_low, _high, granule) => {
      if (this.#begun.has(granule)) return;
      this.#begun.add(granule);
      const { hierarchy, contents } = this.board;
      const end = offsetBy(granule, this.granule);
      for (const cache of hierarchy.outer ? [...hierarchy.inner, hierarchy.outer] : hierarchy.inner)
        for (const line of cache.over(granule, end)) cache.remove(line);
      let cached: Value[] = [];
      this.director.begin(
        granule,
        () => {
          cached = this.#outset.fill(granule, contents);
        },
        () => {
          this.#outset.place(granule, cached, this.board, this.#followed !== undefined);
          if (this.#outset.isSaid(granule)) return;
          for (const cpu of this.#wiped)
            for (const line of this.linesOf(granule))
              hierarchy.maintain('invalidate', this.board.ownCaches(cpu), line);
        },
        () => this.#outset.disown(granule, contents),
      );
    });
  }

  /** The small lines of a granule; the followed byte's first. */
  linesOf(granule: MachineAddr): MachineAddr[] {
    const { small, big } = this.board.sizes;
    const lines = Array.from({ length: big / small }, (_, i) => offsetBy(granule, i * small));
    const own = this.#followed === undefined ? undefined : floorTo(this.#followed, small);
    return lines.sort((a, b) => (a === own ? -1 : b === own ? 1 : 0));
  }

  wholeGranule(granule: MachineAddr): readonly [from: MachineAddr, to: MachineAddr] {
    return [granule, offsetBy(granule, this.granule)];
  }

  /** Visit the part of [from, to) in each small line. */
  eachPiece(
    from: MachineAddr,
    to: MachineAddr,
    visit: (from: MachineAddr, to: MachineAddr, granule: MachineAddr) => void,
  ): void {
    const { small } = this.board.sizes;
    for (let low = from; low < to; ) {
      const next = offsetBy(floorTo(low, small), small);
      const high = next < to ? next : to;
      visit(low, high, this.board.granuleOf(low));
      low = high;
    }
  }
}

const namesOf = (cpus: number): string[] =>
  cpus === 1 ? ['cache'] : Array.from({ length: cpus }, (_, cpu) => `CPU ${cpu}`);
