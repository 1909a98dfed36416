/**
 * Races: pairs of events of different agents that could have come in the other order, with another result. For each one
 * found, somebody is chosen to act where the earlier event acted, so that the other order gets executed too.
 * explore.ts says why this is enough.
 */
import type { Collector, Touched } from './collector.ts';
import { type History, NONE } from './history.ts';
import { ProgramError } from './run.ts';

/** The later one of a pair: an event that has just been executed, or one that stays blocked. */
interface Later {
  readonly agent: number;
  /** The cells of its condition, where they are known. */
  readonly condition: readonly number[] | undefined;
  /** What it touched, if it was executed. */
  readonly touched: Touched | undefined;
}

const NOTHING: readonly number[] = [];

export class Races {
  readonly #history: History;
  readonly #collector: Collector;
  /** By agent: depth of its last event that conflicts with the one at hand, NONE for none. */
  readonly #latest: number[];
  #conflicts = 0;

  constructor(history: History, collector: Collector) {
    this.#history = history;
    this.#collector = collector;
    this.#latest = new Array<number>(history.agents).fill(NONE);
  }

  /**
   * An event has been executed at the end of the history, to which it does not belong yet; the collector still holds its
   * footprint. Sets its clock, and sees to its races.
   * @param guarded it has a condition, so others may have kept it waiting.
   * @param condition the cells of its condition, where they are known.
   */
  executed(agent: number, guarded: boolean, condition: readonly number[] | undefined): void {
    const keepers = this.#findConflicts(agent, guarded, condition);
    this.#setClock(agent);
    if (this.#conflicts === 0) return;
    const later = { agent, condition, touched: this.#collector.touched };
    for (const earlier of this.#latest) {
      if (earlier !== NONE && this.#isDirect(earlier)) this.#reverse(earlier, later);
    }
    for (const earlier of keepers) this.#reverse(earlier, later);
  }

  /** The execution is over and the agent could not go on. */
  blocked(agent: number, condition: readonly number[] | undefined): void {
    const later = { agent, condition, touched: undefined };
    for (let depth = this.#history.length - 1; depth >= 0; depth--) {
      if (!this.#isOrdered(depth, agent) && this.#writes(depth, condition)) this.#reverse(depth, later);
    }
  }

  /**
   * Finds the last conflicting event of every agent, among those that the program does not order before it anyway.
   * @returns where the event has a condition: all those that may have kept it waiting, however long ago.
   */
  #findConflicts(
    agent: number,
    guarded: boolean,
    condition: readonly number[] | undefined,
  ): readonly number[] {
    const history = this.#history;
    let keepers = NOTHING;
    if (this.#conflicts > 0) this.#latest.fill(NONE);
    this.#conflicts = 0;
    const { cells, writes } = this.#collector.touched;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as number;
      const keeps = guarded && (!condition || condition.includes(cell));
      for (let access = history.lastAccess(cell); access !== NONE; access = history.accessBefore(access)) {
        const wrote = history.wrote(access);
        if (!wrote && !writes[i]) continue;
        const depth = history.depthOfAccess(access);
        const ordered = this.#isOrdered(depth, agent);
        if (!ordered) {
          const other = history.agent(depth);
          if (depth > (this.#latest[other] as number)) this.#latest[other] = depth;
          this.#conflicts += 1;
          if (keeps && wrote && !keepers.includes(depth)) keepers = [...keepers, depth];
        }
        // All that came before a write happens before it.
        if (wrote && (ordered || !keeps)) break;
      }
    }
    return keepers;
  }

  /** The event happens before the agent's next one by the agent's own program. */
  #isOrdered(depth: number, agent: number): boolean {
    const other = this.#history.agent(depth);
    return other === agent || this.#history.local(depth) <= this.#history.past(agent, other);
  }

  #setClock(agent: number): void {
    const history = this.#history;
    const depth = history.length;
    for (let other = 0; other < history.agents; other++) {
      let count = other === agent ? history.executed(agent) + 1 : history.past(agent, other);
      if (this.#conflicts > 0) {
        for (const earlier of this.#latest) {
          if (earlier !== NONE) count = Math.max(count, history.clock(earlier, other));
        }
      }
      history.setClock(depth, other, count);
    }
  }

  /** No other conflicting event lies between it and the one at hand. */
  #isDirect(depth: number): boolean {
    const agent = this.#history.agent(depth);
    const local = this.#history.local(depth);
    return this.#latest.every(
      (other) => other === NONE || other === depth || this.#history.clock(other, agent) < local,
    );
  }

  /** See to it that executions are explored in which `later` comes before the event at that depth. */
  #reverse(depth: number, later: Later): void {
    const history = this.#history;
    const { agent } = later;
    if (history.isChosen(depth, agent)) return;
    // What happens before it by its own program must come before it in any case.
    if (this.#choose(depth, (other) => history.past(agent, other))) return;
    // Nothing: at this depth the agent stands right before it.
    const asleep = history.asleep(depth, agent);
    if (asleep) {
      // Only after something that wakes it does its action begin anything new.
      if (!later.touched || this.#collector.covers(asleep)) {
        this.#chooseThose(depth, (other) => this.#conflict(other, asleep));
      } else {
        this.#chooseAll(depth);
      }
    } else if (history.isEnabled(depth, agent)) {
      history.choose(depth, agent);
    } else {
      // Only after somebody else's write can it act before that event; often there is none, as between signal and wait.
      const cells = later.condition ?? later.touched?.cells;
      this.#chooseThose(depth, (other) => this.#writes(other, cells));
    }
  }

  /** One of the events after that depth that are of the kind, and do not depend on its event, must come before it. */
  #chooseThose(depth: number, isOfTheKind: (depth: number) => boolean): void {
    const history = this.#history;
    const agent = history.agent(depth);
    for (let other = depth + 1; other < history.length; other++) {
      const depends = history.clock(other, agent) >= history.local(depth);
      if (!depends && isOfTheKind(other)) this.#choose(depth, (one) => history.clock(other, one));
    }
  }

  #chooseAll(depth: number): void {
    const history = this.#history;
    for (let agent = 0; agent < history.agents; agent++) {
      if (history.isEnabled(depth, agent) && !history.asleep(depth, agent)) history.choose(depth, agent);
    }
  }

  /**
   * See to it that at this depth somebody acts of whom `past` has events from here on.
   * @param past the clock of an event that does not depend on the event at this depth.
   * @returns false if it has no events from here on.
   */
  #choose(depth: number, past: (agent: number) => number): boolean {
    const history = this.#history;
    let some = false;
    for (let agent = 0; agent < history.agents; agent++) {
      if (past(agent) <= history.count(depth, agent)) continue;
      if (history.isChosen(depth, agent)) return true;
      some = true;
    }
    if (!some) return false;

    let first = Infinity;
    for (let agent = 0; agent < history.agents; agent++) {
      if (past(agent) <= history.count(depth, agent)) continue;
      const next = history.depthOf(agent, history.count(depth, agent) + 1);
      if (!this.#canBeFirst(next, depth)) continue;
      // What begins with an agent that is asleep has been executed.
      if (history.asleep(depth, agent)) return true;
      first = Math.min(first, next);
    }
    const agent = history.agent(first);
    if (!history.isEnabled(depth, agent)) {
      throw new ProgramError(
        `a footprint is incomplete: what commutes by them does not: ${history.what(first)}`,
      );
    }
    history.choose(depth, agent);
    return true;
  }

  /** Nothing of others, from that depth on, happens before the event. */
  #canBeFirst(event: number, depth: number): boolean {
    const history = this.#history;
    for (let other = 0; other < history.agents; other++) {
      const counts = history.clock(event, other) <= history.count(depth, other);
      if (!counts && other !== history.agent(event)) return false;
    }
    return true;
  }

  /** Does the event write one of these cells? Of any, if they are not known. */
  #writes(depth: number, cells: readonly number[] | undefined): boolean {
    return this.#history.someAccess(depth, (cell, wrote) => wrote && (!cells || cells.includes(cell)));
  }

  #conflict(depth: number, { cells, writes }: Touched): boolean {
    return this.#history.someAccess(depth, (cell, wrote) => {
      const place = cells.indexOf(cell);
      return place >= 0 && (wrote || writes[place] === true);
    });
  }
}
