/**
 * The may-set automaton: every cache behaviour of one byte at once.
 *
 * After each operation the byte can be in a set of states closed under what may happen spontaneously. That set,
 * with the fewest hardware moves that lead to each of its states, is one node. Nodes are interned and their
 * transitions filled in when first asked for, as a regular-expression engine does, so judging a mapping
 * costs a few table look-ups whatever its length. A handful of nodes is ever made (see the test). What the hardware
 * can do is the byte model's business.
 */
import type { ByteModel } from './model.ts';
import { byteModel } from './models.ts';
import { MODES, type ModeSet, OPERATIONS, type Operation, type Start } from './operations.ts';

declare const nodeBrand: unique symbol;
/** A may-set: number of a node of one Automaton. */
export type Node = number & { readonly [nodeBrand]: 'Node' };

/** "It cannot happen", where a number of hardware moves is asked. */
export const NEVER = Number.POSITIVE_INFINITY;

/** Marks a state outside the set. */
const OUTSIDE = 255;
/** More moves are counted as so many: what must be carried from cache to cache again and again would never end. */
const MOST_MOVES = 100;
const UNKNOWN = -1;

export class Automaton {
  readonly model: ByteModel;
  readonly #byKey = new Map<string, Node>();
  readonly #starts: (Node | undefined)[] = [];
  /** States of each node, ascending, and the fewest moves to each. */
  readonly #states: Uint16Array[] = [];
  readonly #costs: Uint8Array[] = [];
  readonly #modes: ModeSet[] = [];
  readonly #lost: number[] = [];
  readonly #windowStale: number[] = [];
  readonly #readStale: number[][] = [];
  readonly #afterOperation: Int32Array[] = [];
  readonly #afterMode: (Int32Array | undefined)[] = [];
  /** Fewest moves to every state while a node is made; all OUTSIDE in between. */
  readonly #scratch: Uint8Array;

  /** Without a model: one merged cache, flags that mean "current". */
  constructor(model: ByteModel = byteModel('inner')) {
    this.model = model;
    this.#scratch = new Uint8Array(model.states.length).fill(OUTSIDE);
  }

  /** Number of may-sets met so far. */
  get size(): number {
    return this.#costs.length;
  }

  /** The may-set at the beginning, under a mode. */
  start(start: Start, mode: ModeSet = 0): Node {
    const known = this.#starts[start * MODES + mode];
    if (known !== undefined) return known;
    const reached: number[] = [];
    for (const state of this.model.start(start)) this.#reach(reached, state, 0);
    const node = this.#intern(reached, mode);
    this.#starts[start * MODES + mode] = node;
    return node;
  }

  /** The may-set after an operation. */
  step(node: Node, operation: Operation): Node {
    const row = this.#afterOperation[node] as Int32Array;
    const known = row[operation] as number;
    if (known !== UNKNOWN) return known as Node;
    const states = this.#states[node] as Uint16Array;
    const costs = this.#costs[node] as Uint8Array;
    const reached: number[] = [];
    states.forEach((state, i) => {
      for (const to of this.model.operate(operation, state)) this.#reach(reached, to, costs[i] as number);
    });
    const next = this.#intern(reached, this.#modes[node] as ModeSet);
    row[operation] = next;
    return next;
  }

  /** The may-set after windows opened or closed: the same states, closed under the new mode. */
  withMode(node: Node, mode: ModeSet): Node {
    this.#afterMode[node] ??= new Int32Array(MODES).fill(UNKNOWN);
    const row = this.#afterMode[node];
    const known = row[mode] as number;
    if (known !== UNKNOWN) return known as Node;
    const reached: number[] = [];
    for (const { state, moves } of this.statesOf(node)) this.#reach(reached, state, moves);
    const next = this.#intern(reached, mode);
    row[mode] = next;
    return next;
  }

  modeOf(node: Node): ModeSet {
    return this.#modes[node] as ModeSet;
  }

  /**
   * Fewest hardware moves after which this read, done now, returns a value without the flag (not current; another
   * owner's, where the model's discipline is `ownership`); NEVER if none does. More than 100 are counted as 100.
   */
  staleMoves(node: Node, read: Operation): number {
    const row = this.#readStale[node] as number[];
    row[read] ??= this.#cheapest(node, (state) => this.model.readsBad(read, state));
    return row[read];
  }

  /** Fewest hardware moves after which a device whose read window is open reads such a value; NEVER if all are shut. */
  deviceStaleMoves(node: Node): number {
    return this.#windowStale[node] as number;
  }

  /** Fewest hardware moves after which no copy holds the current value any more; NEVER if one always does. */
  lostMoves(node: Node): number {
    return this.#lost[node] as number;
  }

  /** The states of a may-set, with the fewest hardware moves to each: for tests and for explaining. */
  statesOf(node: Node): { state: number; moves: number }[] {
    const costs = this.#costs[node] as Uint8Array;
    return Array.from(this.#states[node] as Uint16Array, (state, i) => ({
      state,
      moves: costs[i] as number,
    }));
  }

  /** Note in #scratch that a state is reached with so many moves; `reached` gets it where that is news. */
  #reach(reached: number[], state: number, moves: number): void {
    const cost = Math.min(moves, MOST_MOVES);
    if (cost >= (this.#scratch[state] as number)) return;
    this.#scratch[state] = cost;
    reached.push(state);
  }

  /** The node of these states and what may happen to them spontaneously; empties #scratch. */
  #intern(reached: number[], mode: ModeSet): Node {
    // Grows while it is walked: a state is in it once for every improvement.
    for (const state of reached) {
      const cost = this.#scratch[state] as number;
      for (const move of this.model.spontaneous(state, mode)) this.#reach(reached, move.to, cost + move.cost);
    }
    const states = Uint16Array.from(new Set(reached)).sort();
    const costs = Uint8Array.from(states, (state) => this.#scratch[state] as number);
    for (const state of states) this.#scratch[state] = OUTSIDE;
    const key = `${mode}:${states.join()}:${costs.join()}`;
    return this.#byKey.get(key) ?? this.#add(key, states, costs, mode);
  }

  #add(key: string, states: Uint16Array, costs: Uint8Array, mode: ModeSet): Node {
    const node = this.#costs.length as Node;
    this.#byKey.set(key, node);
    this.#states.push(states);
    this.#costs.push(costs);
    this.#modes.push(mode);
    this.#lost.push(this.#cheapest(node, (state) => this.model.isLost(state)));
    this.#windowStale.push(this.#cheapest(node, (state) => this.model.windowReadsBad(mode, state)));
    this.#readStale.push([]);
    this.#afterOperation.push(new Int32Array(OPERATIONS).fill(UNKNOWN));
    this.#afterMode.push(undefined);
    return node;
  }

  #cheapest(node: Node, wanted: (state: number) => boolean): number {
    const costs = this.#costs[node] as Uint8Array;
    let best = NEVER;
    (this.#states[node] as Uint16Array).forEach((state, i) => {
      if ((costs[i] as number) < best && wanted(state)) best = costs[i] as number;
    });
    return best;
  }
}
