/**
 * All of memory under one discipline (is a copy current? is it one's own?): a may-set for every byte, in runs, and the
 * verdicts on what is done with them.
 */
import type { ByteRange, MachineAddr } from '../../address/index.ts';
import {
  type Automaton,
  addModes,
  type DisciplineName,
  type Fault,
  hasAnyMode,
  Mode,
  type ModeSet,
  NEVER,
  type Operation,
  type Start,
} from '../../coherence/index.ts';
import type { MachineRule } from '../machine.ts';
import { type ByteInfo, DEFINED, type Facts, factsOf, infoOf, nodeOf, UNTOLD } from './byte-info.ts';
import { Memory } from './memory.ts';

/** Bytes that went wrong, and how the coherence engine calls it. */
export interface Finding {
  readonly rule: MachineRule;
  readonly moves: number;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly consequence: boolean;
  readonly discipline: DisciplineName;
  readonly kind: Fault['kind'];
}

/** What a read of [from, to) returns. */
export interface ValueRead {
  readonly facts: Facts;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

/** How a byte begins. */
export interface ByteBeginning {
  readonly start: Start;
  /** Modes in which it has been until now: what others in its granule may have done to its line. */
  readonly before: ModeSet;
  readonly operations: readonly Operation[];
  readonly facts: Facts;
}
const WRITES = addModes(Mode.deviceWrites, Mode.snoopWrites);
/** Modes in which a byte can have been by the beginning of others in its granule. */
const UNTOUCHED: readonly ModeSet[] = [
  0,
  Mode.neighbourWrites,
  Mode.elsewhereWrites,
  addModes(Mode.neighbourWrites, Mode.elsewhereWrites),
];

export class Track {
  readonly #automaton: Automaton;
  readonly #memory: Memory<ByteInfo>;
  readonly #found: (finding: Finding) => void;

  /** @param untouched how a byte starts out that nobody has mentioned. */
  constructor(automaton: Automaton, untouched: Start, found: (finding: Finding) => void) {
    this.#automaton = automaton;
    this.#memory = new Memory(infoOf(automaton.start(untouched), DEFINED));
    this.#found = found;
  }

  /**
   * Bytes begin (anew). Windows that are open stay so.
   * @param asSaid false: only bytes that are still as a line nobody has touched begins.
   */
  initialise(from: MachineAddr, to: MachineAddr, beginning: ByteBeginning, asSaid: boolean): void {
    const automaton = this.#automaton;
    const { start, operations, facts } = beginning;
    const first = (modes: ModeSet, before: ModeSet): ByteInfo => {
      const node = automaton.withMode(automaton.start(start, addModes(modes, before)), modes);
      return infoOf(
        operations.reduce((done, each) => automaton.step(done, each), node),
        facts,
      );
    };
    this.#memory.update(from, to, (info) => {
      const modes = automaton.modeOf(nodeOf(info));
      const untouched = () => UNTOUCHED.some((before) => first(modes, before) === info);
      return asSaid || untouched() ? first(modes, beginning.before) : info;
    });
  }

  step(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    this.#memory.update(from, to, (info) =>
      infoOf(this.#automaton.step(nodeOf(info), operation), factsOf(info)),
    );
  }

  /** The operation on every byte there is, mentioned or not. */
  stepAll(operation: Operation): void {
    this.#memory.updateAll((info) => infoOf(this.#automaton.step(nodeOf(info), operation), factsOf(info)));
  }

  changeModes(from: MachineAddr, to: MachineAddr, change: (modes: ModeSet) => ModeSet): void {
    const automaton = this.#automaton;
    this.#memory.update(from, to, (info) => {
      const node = nodeOf(info);
      const modes = automaton.modeOf(node);
      const next = change(modes);
      if (next === modes) return info;
      const facts = factsOf(info);
      // What a device may write somebody has defined, perhaps.
      const nobodys = facts.undefined && !hasAnyMode(addModes(modes, next), WRITES);
      return infoOf(automaton.withMode(node, next), { ...facts, undefined: nobodys });
    });
  }

  setFacts(from: MachineAddr, to: MachineAddr, change: (facts: Facts) => Facts): void {
    this.#memory.update(from, to, (info) => infoOf(nodeOf(info), change(factsOf(info))));
  }

  /** What a read would return, as facts about a copy that is stored elsewhere. */
  valuesRead(from: MachineAddr, to: MachineAddr, read: Operation): ValueRead[] {
    const values: ValueRead[] = [];
    this.#memory.visit(from, to, (info, low, high) => {
      const { tainted, undefined: nobodys } = factsOf(info);
      const node = nodeOf(info);
      const bad = this.#automaton.staleMoves(node, read) !== NEVER;
      const mayBeWritten = hasAnyMode(this.#automaton.modeOf(node), WRITES);
      const facts = { ...DEFINED, tainted: tainted || bad, undefined: nobodys && !mayBeWritten };
      values.push({ facts, from: low, to: high });
    });
    return values;
  }

  /** Equal for bytes with which everything to come goes alike. */
  stateAt(at: MachineAddr): number {
    return this.#at(at);
  }

  modesAt(at: MachineAddr): ModeSet {
    return this.#automaton.modeOf(nodeOf(this.#at(at)));
  }

  lostMoves(at: MachineAddr): number {
    return this.#automaton.lostMoves(nodeOf(this.#at(at)));
  }

  key(): string {
    return this.#memory.key();
  }

  #at(at: MachineAddr): ByteInfo {
    let found = 0 as ByteInfo;
    this.#memory.visit(at, (at + 1) as MachineAddr, (info) => {
      found = info;
    });
    return found;
  }

  // Verdicts.

  /** Judge a read that is about to be done. */
  judgeRead(from: MachineAddr, to: MachineAddr, read: Operation, rule: MachineRule): void {
    this.#judge(from, to, rule, 'stale-read', (info) => this.#automaton.staleMoves(nodeOf(info), read));
  }

  /** Judge what devices read through open windows; only what can go wrong with fewer moves than was told is news. */
  judgeWindows(from: MachineAddr, to: MachineAddr, rule: MachineRule): void {
    const isNews = (info: ByteInfo, moves: number) => Math.min(moves, UNTOLD - 1) < factsOf(info).told;
    this.#judge(from, to, rule, 'stale-device-window', (info) => {
      const moves = this.#automaton.deviceStaleMoves(nodeOf(info));
      return moves !== NEVER && isNews(info, moves) ? moves : NEVER;
    });
  }

  /**
   * Judge what was just written, while maintenance is pending that can take effect on it. (What a device may write through
   * an open window can get lost under a dirty line at any time; that is for reads to find out.)
   */
  judgeWritten(from: MachineAddr, to: MachineAddr): void {
    const automaton = this.#automaton;
    this.#judge(from, to, 'lost-write', 'lost', (info) =>
      hasAnyMode(automaton.modeOf(nodeOf(info)), WRITES) ? NEVER : automaton.lostMoves(nodeOf(info)),
    );
  }

  judgeAllWindows(rule: MachineRule): void {
    const ranges: (readonly [from: MachineAddr, to: MachineAddr])[] = [];
    this.#memory.visitAll((_, from, to) => ranges.push([from, to]));
    for (const [from, to] of ranges) this.judgeWindows(from, to, rule);
  }

  /** Ranges of bytes that cannot be lost, as things stand: of [from, to), or of all that was ever mentioned. */
  safe(range?: ByteRange<MachineAddr>): ByteRange<MachineAddr>[] {
    const found: ByteRange<MachineAddr>[] = [];
    const visit = (info: ByteInfo, from: MachineAddr, to: MachineAddr) => {
      if (this.#automaton.lostMoves(nodeOf(info)) === NEVER) found.push([from, to]);
    };
    if (range) this.#memory.visit(...range, visit);
    else this.#memory.visitAll(visit);
    return found;
  }

  /** Judge what maintenance has destroyed in these ranges. */
  judgeLost(ranges: readonly ByteRange<MachineAddr>[]): void {
    for (const [from, to] of ranges)
      this.#judge(from, to, 'lost-write', 'lost', (info) => this.#automaton.lostMoves(nodeOf(info)));
  }

  #judge(
    from: MachineAddr,
    to: MachineAddr,
    rule: MachineRule,
    kind: Fault['kind'],
    movesOf: (info: ByteInfo) => number,
  ): void {
    const findings: Finding[] = [];
    this.#memory.visit(from, to, (info, low, high) => {
      const moves = movesOf(info);
      if (moves !== NEVER) findings.push(this.#finding(info, rule, kind, moves, low, high));
    });
    for (const finding of findings) {
      const told = kind === 'stale-device-window' ? { told: Math.min(finding.moves, UNTOLD - 1) } : {};
      this.setFacts(finding.from, finding.to, (facts) => ({ ...facts, wrong: true, ...told }));
      this.#found(finding);
    }
  }

  #finding(
    info: ByteInfo,
    rule: MachineRule,
    kind: Fault['kind'],
    moves: number,
    from: MachineAddr,
    to: MachineAddr,
  ): Finding {
    const { wrong, tainted } = factsOf(info);
    // Destroying what somebody has read wrong is a mistake of its own.
    const consequence = tainted || (wrong && kind !== 'lost');
    return { rule, moves, from, to, consequence, discipline: this.#automaton.model.discipline, kind };
  }
}
