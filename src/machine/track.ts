/**
 * All of memory under one discipline (is a copy current? is it one's own?): a may-set for every byte, in runs, and the
 * verdicts on what is done with them.
 */
import type { MachineAddr } from '../address/index.ts';
import {
  type Automaton,
  type DisciplineName,
  type Fault,
  type ModeSet,
  NEVER,
  Operation,
  type Start,
} from '../coherence/index.ts';
import { type ByteInfo, DEFINED, type Facts, factsOf, infoOf, nodeOf } from './byte-info.ts';
import type { MachineRule } from './machine.ts';
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

/** How a byte begins: a start, and what happened to it before anybody looked. */
export interface ByteBeginning {
  readonly start: Start;
  readonly operations: readonly Operation[];
  readonly facts: Facts;
}
/** What can have happened to a byte by the beginning of others in its granule. */
const UNTOUCHED: readonly (readonly Operation[])[] = [
  [],
  [Operation.cpuWriteNeighbour],
  [Operation.cpuWriteElsewhere],
  [Operation.cpuWriteNeighbour, Operation.cpuWriteElsewhere],
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
    const first = (modes: ModeSet, done: readonly Operation[]): ByteInfo =>
      infoOf(
        done.reduce((node, each) => automaton.step(node, each), automaton.start(start, modes)),
        facts,
      );
    this.#memory.update(from, to, (info) => {
      const modes = automaton.modeOf(nodeOf(info));
      const untouched = () => UNTOUCHED.some((done) => first(modes, done) === info);
      return asSaid || untouched() ? first(modes, operations) : info;
    });
  }

  step(from: MachineAddr, to: MachineAddr, operation: Operation): void {
    this.#memory.update(from, to, (info) =>
      infoOf(this.#automaton.step(nodeOf(info), operation), factsOf(info)),
    );
  }

  /** The operation on every byte there is, mentioned or not. */
  stepAll(operation: Operation): void {
    const losses: Finding[] = [];
    this.#memory.visitAll((info, from, to) => this.#collectLoss(info, operation, from, to, losses));
    this.#memory.updateAll((info) =>
      infoOf(this.#automaton.step(nodeOf(info), operation), this.#factsAfter(info, operation)),
    );
    for (const loss of losses) this.#found(loss);
  }

  changeModes(from: MachineAddr, to: MachineAddr, change: (modes: ModeSet) => ModeSet): void {
    const automaton = this.#automaton;
    this.#memory.update(from, to, (info) => {
      const node = nodeOf(info);
      const modes = automaton.modeOf(node);
      const next = change(modes);
      return next === modes ? info : infoOf(automaton.withMode(node, next), factsOf(info));
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
      const bad = this.#automaton.staleMoves(nodeOf(info), read) !== NEVER;
      const facts = { wrong: false, tainted: tainted || bad, undefined: nobodys };
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

  /** Judge what devices read through open windows; what was wrong before is no news. */
  judgeWindows(from: MachineAddr, to: MachineAddr, rule: MachineRule): void {
    this.#judge(from, to, rule, 'stale-device-window', (info) =>
      factsOf(info).wrong ? NEVER : this.#automaton.deviceStaleMoves(nodeOf(info)),
    );
  }

  judgeAllWindows(rule: MachineRule): void {
    const ranges: (readonly [from: MachineAddr, to: MachineAddr])[] = [];
    this.#memory.visitAll((_, from, to) => ranges.push([from, to]));
    for (const [from, to] of ranges) this.judgeWindows(from, to, rule);
  }

  /** Do an operation on [from, to) and judge what it destroys, except in `spare`. */
  maintain(
    from: MachineAddr,
    to: MachineAddr,
    operation: Operation,
    spare: readonly [from: MachineAddr, to: MachineAddr] | undefined,
  ): void {
    const losses: Finding[] = [];
    this.#memory.visit(from, to, (info, low, high) => {
      for (const [first, end] of without(low, high, spare))
        this.#collectLoss(info, operation, first, end, losses);
    });
    this.step(from, to, operation);
    for (const loss of losses) {
      this.setFacts(loss.from, loss.to, (facts) => ({ ...facts, wrong: true }));
      this.#found(loss);
    }
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
      this.setFacts(finding.from, finding.to, (facts) => ({ ...facts, wrong: true }));
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

  /** Moves after which an operation destroys the only copy of what could not be lost before. */
  #lossBy(operation: Operation, info: ByteInfo): number {
    const node = nodeOf(info);
    if (this.#automaton.lostMoves(node) !== NEVER) return NEVER;
    return this.#automaton.lostMoves(this.#automaton.step(node, operation));
  }

  #factsAfter(info: ByteInfo, operation: Operation): Facts {
    const facts = factsOf(info);
    return this.#lossBy(operation, info) === NEVER ? facts : { ...facts, wrong: true };
  }

  #collectLoss(
    info: ByteInfo,
    operation: Operation,
    from: MachineAddr,
    to: MachineAddr,
    losses: Finding[],
  ): void {
    const moves = this.#lossBy(operation, info);
    if (moves !== NEVER) losses.push(this.#finding(info, 'lost-write', 'lost', moves, from, to));
  }
}

/** [from, to) without the spare range. */
function without(
  from: MachineAddr,
  to: MachineAddr,
  spare: readonly [from: MachineAddr, to: MachineAddr] | undefined,
): readonly (readonly [from: MachineAddr, to: MachineAddr])[] {
  if (spare === undefined) return [[from, to]];
  const before = spare[0] < to ? spare[0] : to;
  const after = spare[1] > from ? spare[1] : from;
  return (
    [
      [from, before],
      [after, to],
    ] as const
  ).filter(([low, high]) => low < high);
}
