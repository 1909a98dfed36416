/**
 * The may-set automaton: every cache behaviour of one byte at once.
 *
 * After each operation the byte can be in a set of states closed under what may happen spontaneously. That set,
 * with the fewest hardware moves that lead to each of its states, is one node. Nodes are interned and their
 * transitions filled in when first asked for, as a regular-expression engine does, so judging a mapping
 * costs a few table look-ups whatever its length. A handful of nodes is ever made (see the test).
 */
import { operate, spontaneous, startState } from './moves.ts';
import { MODES, Mode, type ModeSet, OPERATIONS, Operation, type Start } from './operations.ts';
import { isLost, readsStaleThroughCache, STATES, stateNumber } from './state.ts';

declare const nodeBrand: unique symbol;
/** A may-set: number of a node of one Automaton. */
export type Node = number & { readonly [nodeBrand]: 'Node' };

/** "It cannot happen", where a number of hardware moves is asked. */
export const NEVER = Number.POSITIVE_INFINITY;

/** Costs are small (the test bounds them); this marks a state outside the set. */
const OUTSIDE = 255;
const UNKNOWN = -1;

const AFTER_OPERATION: readonly (readonly (readonly number[])[])[] = Array.from(
  { length: OPERATIONS },
  (_, op) => STATES.map((state) => operate(op as Operation, state).map(stateNumber)),
);
const SPONTANEOUS: readonly (readonly (readonly { to: number; cost: number }[])[])[] = Array.from(
  { length: MODES },
  (_, mode) =>
    STATES.map((state) => spontaneous(state, mode).map((m) => ({ to: stateNumber(m.to), cost: m.cost }))),
);
const STALE_IN_CACHE: readonly boolean[] = STATES.map(readsStaleThroughCache);
const STALE_IN_MEMORY: readonly boolean[] = STATES.map((state) => !state.memory);
const LOST: readonly boolean[] = STATES.map(isLost);

/** Which copy a judged operation reads; undefined for the others. */
const READS: Partial<Record<Operation, readonly boolean[]>> = {
  [Operation.cpuRead]: STALE_IN_CACHE,
  [Operation.snoopRead]: STALE_IN_CACHE,
  [Operation.cpuReadUncached]: STALE_IN_MEMORY,
  [Operation.deviceRead]: STALE_IN_MEMORY,
};

export class Automaton {
  readonly #byKey = new Map<string, Node>();
  readonly #starts: (Node | undefined)[] = [];
  readonly #costs: Uint8Array[] = [];
  readonly #modes: ModeSet[] = [];
  readonly #lost: number[] = [];
  readonly #deviceStale: number[] = [];
  readonly #readStale: number[][] = [];
  readonly #afterOperation: Int32Array[] = [];
  readonly #afterMode: Int32Array[] = [];

  /** Number of may-sets met so far. */
  get size(): number {
    return this.#costs.length;
  }

  /** The may-set at the beginning, under a mode. */
  start(start: Start, mode: ModeSet = 0): Node {
    const known = this.#starts[start * MODES + mode];
    if (known !== undefined) return known;
    const costs = new Uint8Array(STATES.length).fill(OUTSIDE);
    costs[stateNumber(startState(start))] = 0;
    const node = this.#intern(costs, mode);
    this.#starts[start * MODES + mode] = node;
    return node;
  }

  /** The may-set after an operation. */
  step(node: Node, operation: Operation): Node {
    const row = this.#afterOperation[node] as Int32Array;
    const known = row[operation] as number;
    if (known !== UNKNOWN) return known as Node;
    const before = this.#costs[node] as Uint8Array;
    const after = new Uint8Array(STATES.length).fill(OUTSIDE);
    const targets = AFTER_OPERATION[operation] as readonly (readonly number[])[];
    for (let state = 0; state < before.length; state++) {
      const cost = before[state] as number;
      if (cost === OUTSIDE) continue;
      for (const to of targets[state] as readonly number[])
        if (cost < (after[to] as number)) after[to] = cost;
    }
    const next = this.#intern(after, this.#modes[node] as ModeSet);
    row[operation] = next;
    return next;
  }

  /** The may-set after windows opened or closed: the same states, closed under the new mode. */
  withMode(node: Node, mode: ModeSet): Node {
    const row = this.#afterMode[node] as Int32Array;
    const known = row[mode] as number;
    if (known !== UNKNOWN) return known as Node;
    const next = this.#intern((this.#costs[node] as Uint8Array).slice(), mode);
    row[mode] = next;
    return next;
  }

  modeOf(node: Node): ModeSet {
    return this.#modes[node] as ModeSet;
  }

  /** Fewest hardware moves after which this read, done now, returns a value that is not current; NEVER if none does. */
  staleMoves(node: Node, read: Operation): number {
    return (this.#readStale[node] as number[])[read] as number;
  }

  /** Fewest hardware moves after which a device whose read window is open reads an old value; NEVER if it is shut. */
  deviceStaleMoves(node: Node): number {
    return this.#deviceStale[node] as number;
  }

  /** Fewest hardware moves after which no copy holds the current value any more; NEVER if one always does. */
  lostMoves(node: Node): number {
    return this.#lost[node] as number;
  }

  /** The states of a may-set, with the fewest hardware moves to each: for tests and for explaining. */
  statesOf(node: Node): { state: number; moves: number }[] {
    const found: { state: number; moves: number }[] = [];
    (this.#costs[node] as Uint8Array).forEach((moves, state) => {
      if (moves !== OUTSIDE) found.push({ state, moves });
    });
    return found;
  }

  #intern(costs: Uint8Array, mode: ModeSet): Node {
    close(costs, mode);
    const key = `${mode}:${costs.join()}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const node = this.#costs.length as Node;
    this.#byKey.set(key, node);
    this.#costs.push(costs);
    this.#modes.push(mode);
    this.#lost.push(cheapest(costs, LOST));
    this.#deviceStale.push(mode & Mode.deviceReads ? cheapest(costs, STALE_IN_MEMORY) : NEVER);
    this.#readStale.push(
      Array.from({ length: OPERATIONS }, (_, op) => {
        const stale = READS[op as Operation];
        return stale ? cheapest(afterIssued(costs, op as Operation), stale) : NEVER;
      }),
    );
    this.#afterOperation.push(new Int32Array(OPERATIONS).fill(UNKNOWN));
    this.#afterMode.push(new Int32Array(MODES).fill(UNKNOWN));
    return node;
  }
}

/** Close a set of states under what may happen spontaneously, keeping the fewest moves to each (0-1 relaxation). */
function close(costs: Uint8Array, mode: ModeSet): void {
  const moves = SPONTANEOUS[mode] as readonly (readonly { to: number; cost: number }[])[];
  for (let changed = true; changed; ) {
    changed = false;
    for (let state = 0; state < costs.length; state++) {
      const cost = costs[state] as number;
      if (cost === OUTSIDE) continue;
      for (const move of moves[state] as readonly { to: number; cost: number }[]) {
        const reached = cost + move.cost;
        if (reached < (costs[move.to] as number)) {
          costs[move.to] = reached;
          changed = true;
        }
      }
    }
  }
}

/** A cacheable load waits for maintenance of its line issued before it; every other read does not. */
function afterIssued(costs: Uint8Array, operation: Operation): Uint8Array {
  if (operation !== Operation.cpuRead) return costs;
  const after = new Uint8Array(costs.length).fill(OUTSIDE);
  const completed = AFTER_OPERATION[Operation.barrier] as readonly (readonly number[])[];
  for (let state = 0; state < costs.length; state++) {
    const cost = costs[state] as number;
    if (cost === OUTSIDE) continue;
    for (const to of completed[state] as readonly number[])
      if (cost < (after[to] as number)) after[to] = cost;
  }
  return after;
}

function cheapest(costs: Uint8Array, wanted: readonly boolean[]): number {
  let best = NEVER;
  for (let state = 0; state < costs.length; state++)
    if (wanted[state] && costs[state] !== OUTSIDE && (costs[state] as number) < best)
      best = costs[state] as number;
  return best;
}
