/**
 * Races: pairs of events of different agents that could have come in the other order, with another result. For each one
 * found, somebody is chosen to act where the earlier event acted, so that the other order gets executed too.
 * explore.ts says why this is enough.
 */
import { type Collector, conflict, type Touched, writesOneOf } from './collector.ts';
import type { Clock, History, Node } from './history.ts';
import { ProgramError } from './run.ts';

/** The later one of a pair: an event being executed, or one that stays blocked. */
interface Later {
  readonly agent: number;
  /** Known to happen before it, whatever it is that it touches. */
  readonly past: Clock;
  /** The cells of its condition, where they are known. */
  readonly condition: readonly number[] | undefined;
  /** What it touches, if it was executed. */
  readonly touched: Touched | undefined;
}

export class Races {
  readonly #history: History;
  readonly #collector: Collector;
  /** By agent: depth of its last event that conflicts with the one at hand, -1 for none. */
  readonly #latest: number[];

  constructor(history: History, collector: Collector) {
    this.#history = history;
    this.#collector = collector;
    this.#latest = new Array<number>(history.agents).fill(-1);
  }

  /**
   * The event at depth `length`, not yet pushed, has been executed; the collector still holds its footprint.
   * Sets its clock, and sees to its races.
   */
  executed(node: Node): void {
    const past = this.#history.past(node.agent);
    const keepers = this.#conflicting(node, past);
    this.#setClock(node, past);
    const later = { ...node, past: node.guarded ? past : withoutItself(node) };
    for (const earlier of this.#latest) {
      if (earlier >= 0 && this.#isDirect(earlier)) this.#reverse(earlier, later);
    }
    for (const earlier of keepers) this.#reverse(earlier, later);
  }

  /** The execution is over and the agent could not go on. */
  blocked(agent: number, condition: readonly number[] | undefined): void {
    const later = { agent, past: this.#history.past(agent), condition, touched: undefined };
    for (let depth = this.#history.length - 1; depth >= 0; depth--) {
      const node = this.#history.node(depth);
      const ordered = node.agent === agent || node.local <= (later.past[node.agent] ?? 0);
      if (!ordered && writesOneOf(node.touched, condition)) this.#reverse(depth, later);
    }
  }

  /**
   * Finds the latest conflicting event of every agent, as far as not ordered by the program anyway.
   * @returns where the event has a condition: all those that may have made it wait, however long ago.
   */
  #conflicting(node: Node, past: Clock): Set<number> {
    const keepers = new Set<number>();
    this.#latest.fill(-1);
    const { cells, writes } = node.touched;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as number;
      const keeps = node.guarded && (!node.condition || node.condition.includes(cell));
      const before = this.#history.accesses(cell);
      for (let j = before.depths.length - 1; j >= 0; j--) {
        const wrote = before.writes[j] as boolean;
        if (!wrote && !writes[i]) continue;
        const depth = before.depths[j] as number;
        const other = this.#history.node(depth);
        const ordered = other.agent === node.agent || other.local <= (past[other.agent] as number);
        if (!ordered) {
          if (depth > (this.#latest[other.agent] as number)) this.#latest[other.agent] = depth;
          if (keeps && wrote) keepers.add(depth);
        }
        // All that came before a write happens before it.
        if (wrote && (ordered || !keeps)) break;
      }
    }
    return keepers;
  }

  #setClock(node: Node, past: Clock): void {
    const { clock } = node;
    for (let agent = 0; agent < past.length; agent++) clock[agent] = past[agent] as number;
    clock[node.agent] = node.local;
    for (const depth of this.#latest) if (depth >= 0) join(clock, this.#history.node(depth).clock);
  }

  /** No other conflicting event lies between it and the one at hand. */
  #isDirect(depth: number): boolean {
    const { agent, local } = this.#history.node(depth);
    return this.#latest.every(
      (other) => other < 0 || other === depth || (this.#history.node(other).clock[agent] as number) < local,
    );
  }

  /** See to it that executions are explored in which `later` comes before the event at that depth. */
  #reverse(depth: number, later: Later): void {
    const node = this.#history.node(depth);
    const { agent } = later;
    if (node.chosen[agent]) return;
    if (this.#choose(depth, later.past)) return;
    // Nothing need precede it: the agent stands, at this node, right before it.
    const asleep = node.asleep[agent];
    if (asleep) {
      // Only after something that wakes it does its action begin anything new.
      const known = !later.touched || this.#collector.covers(asleep);
      if (known) this.#chooseThose(depth, (touched) => conflict(touched, asleep));
      else chooseAll(node);
    } else if (node.enabled[agent]) {
      node.chosen[agent] = true;
    } else {
      // Only after somebody else's write can it act before this event; often there is none, as between signal and wait.
      const cells = later.condition ?? later.touched?.cells;
      this.#chooseThose(depth, (touched) => writesOneOf(touched, cells));
    }
  }

  /** One of the events after this node that are of the kind, and do not depend on its event, must come before it. */
  #chooseThose(depth: number, ofTheKind: (touched: Touched) => boolean): void {
    const { agent, local } = this.#history.node(depth);
    for (let other = depth + 1; other < this.#history.length; other++) {
      const { clock, touched } = this.#history.node(other);
      if ((clock[agent] as number) < local && ofTheKind(touched)) this.#choose(depth, clock);
    }
  }

  /**
   * See to it that at this node somebody acts first of whom `past` has events from here on (but for the node's own agent).
   * @returns false if it has none.
   */
  #choose(depth: number, past: Clock): boolean {
    const node = this.#history.node(depth);
    const concerned: number[] = [];
    for (let agent = 0; agent < past.length; agent++) {
      if (agent === node.agent || (past[agent] as number) <= (node.counts[agent] as number)) continue;
      if (node.chosen[agent]) return true;
      concerned.push(agent);
    }
    if (concerned.length === 0) return false;
    const firsts = concerned.filter((agent) => this.#canBeFirst(node, agent));
    // What begins with an agent that is asleep has been executed.
    if (firsts.some((agent) => node.asleep[agent])) return true;
    const first = firsts.reduce((one, other) =>
      this.#next(node, one) < this.#next(node, other) ? one : other,
    );
    if (!node.enabled[first]) throw new ProgramError('a footprint is incomplete: what commuted does not');
    node.chosen[first] = true;
    return true;
  }

  /** Depth of the agent's first event from this node on. */
  #next(node: Node, agent: number): number {
    return this.#history.events(agent)[node.counts[agent] as number] as number;
  }

  /** Nothing from this node on happens before the agent's first event. */
  #canBeFirst(node: Node, agent: number): boolean {
    const { clock } = this.#history.node(this.#next(node, agent));
    return clock.every((count, other) => other === agent || count <= (node.counts[other] as number));
  }
}

function chooseAll(node: Node): void {
  node.enabled.forEach((enabled, agent) => {
    if (enabled && !node.asleep[agent]) node.chosen[agent] = true;
  });
}

function withoutItself(node: Node): Clock {
  const past = [...node.clock];
  past[node.agent] = node.local - 1;
  return past;
}

function join(clock: Clock, other: Clock): void {
  for (let agent = 0; agent < other.length; agent++) {
    const count = other[agent] as number;
    if (count > (clock[agent] as number)) clock[agent] = count;
  }
}
