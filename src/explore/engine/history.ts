/**
 * The execution at hand as the reduction sees it: a stack of nodes, each a state and the event that was executed there,
 * with what happens before what (vector clocks over the agents).
 */
import type { Touched } from './collector.ts';

/** For each agent a number of its events: those up to that one. */
export type Clock = number[];

/** A state, and the event that is executed in it now. By agent where it is an array. */
export class Node {
  /** Events of each agent before this one. */
  readonly counts: Clock = [];
  /** Agents that can act here. */
  readonly enabled: boolean[] = [];
  /** Agents that are to act here, in some execution. */
  readonly chosen: boolean[] = [];
  /** Agents that need not act here because all that begins so has been executed, and what they would touch. */
  readonly asleep: (Touched | undefined)[] = [];

  /** Who acts now. */
  agent = -1;
  what = '';
  /** Which event of the agent it is, from 1. */
  local = 0;
  /** It has a condition, so others may have kept it waiting. */
  guarded = false;
  /** The cells of its condition, where the condition names them. */
  condition: readonly number[] | undefined;
  touched: Touched = { cells: [], writes: [] };
  /** The events that happen before this one, and itself. */
  readonly clock: Clock = [];
}

export class History {
  /** As many as there are events: the execution, by depth. */
  length = 0;
  readonly agents: number;
  /** By depth; those from `length` on are kept for reuse. */
  readonly #nodes: Node[] = [];
  /** By agent: the depths of its events. */
  readonly #events: number[][];
  /** By cell: the depths of the events that touched it, ascending, and whether each wrote it. */
  readonly #accesses: { readonly depths: number[]; readonly writes: boolean[] }[] = [];
  readonly #nothing: Clock;

  constructor(agents: number) {
    this.agents = agents;
    this.#events = Array.from({ length: agents }, () => []);
    this.#nothing = new Array<number>(agents).fill(0);
  }

  /** The node at a depth, 0 to `length`; that at `length` is the state in which nothing has been executed yet. */
  node(depth: number): Node {
    let node = this.#nodes[depth];
    if (!node) {
      node = new Node();
      this.#nodes[depth] = node;
    }
    return node;
  }

  /** Depths of the agent's events. */
  events(agent: number): readonly number[] {
    return this.#events[agent] as number[];
  }

  /** What happens before the agent's next event by its own program. */
  past(agent: number): Clock {
    const last = this.events(agent).at(-1);
    return last === undefined ? this.#nothing : this.node(last).clock;
  }

  /** Who touched the cell. */
  accesses(cell: number): { readonly depths: readonly number[]; readonly writes: readonly boolean[] } {
    return this.#accessesOf(cell);
  }

  /** The event of the node at `length` has been executed and its fields are filled in. */
  push(): void {
    const depth = this.length;
    const { agent, touched } = this.node(depth);
    (this.#events[agent] as number[]).push(depth);
    for (let i = 0; i < touched.cells.length; i++) {
      const { depths, writes } = this.#accessesOf(touched.cells[i] as number);
      depths.push(depth);
      writes.push(touched.writes[i] as boolean);
    }
    this.length = depth + 1;
  }

  /** Forget the last event; its node's state stays. */
  pop(): Node {
    this.length -= 1;
    const node = this.node(this.length);
    (this.#events[node.agent] as number[]).pop();
    for (const cell of node.touched.cells) {
      const { depths, writes } = this.#accessesOf(cell);
      depths.pop();
      writes.pop();
    }
    return node;
  }

  #accessesOf(cell: number): { depths: number[]; writes: boolean[] } {
    while (this.#accesses.length <= cell) this.#accesses.push({ depths: [], writes: [] });
    return this.#accesses[cell] as { depths: number[]; writes: boolean[] };
  }
}
