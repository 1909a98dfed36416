/**
 * The execution at hand as the reduction sees it: a stack of events with the states they were executed in, and what
 * happens before what (vector clocks over the agents). Depth n is the state after n events, and event n the one executed in
 * it. All in flat arrays: there can be millions, and they come and go with every execution.
 */
import type { Touched } from './collector.ts';

/** No such access. */
export const NONE = -1;

/** Events, and accesses, for which there is room at first. */
const ROOM = 64;

export class History {
  readonly agents: number;
  /** Events. */
  #length = 0;

  // By depth: what was executed there.
  #agent = new Int32Array(ROOM);
  readonly #what: string[] = [];
  /** Which event of its agent it is, from 1. */
  #local = new Int32Array(ROOM);
  /** Its accesses are those up to here. */
  #end = new Int32Array(ROOM);

  // By depth and agent.
  #clocks: Int32Array;
  #enabled: Uint8Array;
  #chosen: Uint8Array;

  /** By depth, then by agent: those asleep, with what they would touch. */
  readonly #asleep: (Map<number, Touched> | undefined)[] = [undefined];

  // By access, in the order in which they were made.
  #cell = new Int32Array(ROOM);
  #wrote = new Uint8Array(ROOM);
  #depth = new Int32Array(ROOM);
  /** The access to the same cell before. */
  #before = new Int32Array(ROOM);

  /** By cell: the last access. */
  readonly #last: number[] = [];
  /** By agent: the depths of its events. */
  readonly #events: readonly number[][];

  constructor(agents: number) {
    this.agents = agents;
    this.#events = Array.from({ length: agents }, () => []);
    this.#clocks = new Int32Array(ROOM * agents);
    this.#enabled = new Uint8Array(ROOM * agents);
    this.#chosen = new Uint8Array(ROOM * agents);
  }

  get length(): number {
    return this.#length;
  }

  /** Who acts there now. */
  agent(depth: number): number {
    return this.#agent[depth] as number;
  }

  what(depth: number): string {
    return this.#what[depth] as string;
  }

  /** Which event of its agent it is, from 1. */
  local(depth: number): number {
    return this.#local[depth] as number;
  }

  /** How many events of the agent happen before that one, or are that one. */
  clock(depth: number, agent: number): number {
    return this.#clocks[depth * this.agents + agent] as number;
  }

  setClock(depth: number, agent: number, count: number): void {
    this.#clocks[depth * this.agents + agent] = count;
  }

  /** Events of the agent before that depth. */
  count(depth: number, agent: number): number {
    const events = this.#eventsOf(agent);
    let [from, to] = [0, events.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if ((events[middle] as number) < depth) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** How many events the agent has executed. */
  executed(agent: number): number {
    return this.#eventsOf(agent).length;
  }

  /** The depth of an agent's event, by its number from 1. */
  depthOf(agent: number, local: number): number {
    return this.#eventsOf(agent)[local - 1] as number;
  }

  /** How many events of `other` happen before the next one of `agent` by the agent's own program. */
  past(agent: number, other: number): number {
    const last = this.#eventsOf(agent).at(-1);
    return last === undefined ? 0 : this.clock(last, other);
  }

  isEnabled(depth: number, agent: number): boolean {
    return this.#enabled[depth * this.agents + agent] === 1;
  }

  /** The agent is to act there, in some execution. */
  isChosen(depth: number, agent: number): boolean {
    return this.#chosen[depth * this.agents + agent] === 1;
  }

  choose(depth: number, agent: number): void {
    this.#chosen[depth * this.agents + agent] = 1;
  }

  /** What the agent would touch, if it need not act there because all that begins so has been executed. */
  asleep(depth: number, agent: number): Touched | undefined {
    return this.#asleep[depth]?.get(agent);
  }

  /** The state at the end is come to; nobody is chosen there. Who sleeps has been said. */
  arrive(isEnabled: (agent: number) => boolean): void {
    const depth = this.#length;
    if (depth >= this.#agent.length) this.#makeRoom(2 * depth);
    for (let agent = 0; agent < this.agents; agent++) {
      const place = depth * this.agents + agent;
      this.#enabled[place] = isEnabled(agent) ? 1 : 0;
      this.#chosen[place] = 0;
    }
  }

  #makeRoom(depths: number): void {
    this.#agent = longer(this.#agent, new Int32Array(depths));
    this.#local = longer(this.#local, new Int32Array(depths));
    this.#end = longer(this.#end, new Int32Array(depths));
    this.#clocks = longer(this.#clocks, new Int32Array(depths * this.agents));
    this.#enabled = longer(this.#enabled, new Uint8Array(depths * this.agents));
    this.#chosen = longer(this.#chosen, new Uint8Array(depths * this.agents));
  }

  #makeRoomForAccesses(accesses: number): void {
    this.#cell = longer(this.#cell, new Int32Array(accesses));
    this.#wrote = longer(this.#wrote, new Uint8Array(accesses));
    this.#depth = longer(this.#depth, new Int32Array(accesses));
    this.#before = longer(this.#before, new Int32Array(accesses));
  }

  /** The agent's event at the end has been executed; its clock is set. */
  push(agent: number, what: string, { cells, writes }: Touched): void {
    const depth = this.#length;
    this.#agent[depth] = agent;
    this.#what[depth] = what;
    this.#local[depth] = this.#eventsOf(agent).push(depth);
    let access = this.#begin(depth);
    const end = access + cells.length;
    if (end > this.#cell.length) this.#makeRoomForAccesses(2 * end);
    for (let i = 0; access < end; i++, access++) {
      const cell = cells[i] as number;
      while (this.#last.length <= cell) this.#last.push(NONE);
      this.#cell[access] = cell;
      this.#wrote[access] = writes[i] ? 1 : 0;
      this.#depth[access] = depth;
      this.#before[access] = this.#last[cell] as number;
      this.#last[cell] = access;
    }
    this.#end[depth] = end;
    this.#length = depth + 1;
  }

  /** Who sleeps after the last event: all that slept before it, but for those that it wakes. */
  sleepOn(wakes: (agent: number, touched: Touched) => boolean): void {
    const before = this.#asleep[this.#length - 1];
    this.#asleep[this.#length] = undefined;
    if (!before) return;
    const after = new Map([...before].filter(([agent, touched]) => !wakes(agent, touched)));
    if (after.size > 0) this.#asleep[this.#length] = after;
  }

  /** Forget the last event. All that begins with it has been executed: if somebody else is to act there, it sleeps. */
  pop(): void {
    this.#length -= 1;
    const depth = this.#length;
    const agent = this.agent(depth);
    this.#eventsOf(agent).pop();
    const begin = this.#begin(depth);
    for (let access = (this.#end[depth] as number) - 1; access >= begin; access--) {
      this.#last[this.#cell[access] as number] = this.#before[access] as number;
    }
  }

  /** The agent who acted at the end sleeps there from now on. */
  sleep(): void {
    const depth = this.#length;
    let asleep = this.#asleep[depth];
    if (!asleep) {
      asleep = new Map();
      this.#asleep[depth] = asleep;
    }
    const [begin, end] = [this.#begin(depth), this.#end[depth] as number];
    asleep.set(this.agent(depth), {
      cells: [...this.#cell.subarray(begin, end)],
      writes: Array.from(this.#wrote.subarray(begin, end), (wrote) => wrote === 1),
    });
  }

  /** The last access to a cell, or NONE. */
  lastAccess(cell: number): number {
    return this.#last[cell] ?? NONE;
  }

  /** The access to the same cell before that one, or NONE. */
  accessBefore(access: number): number {
    return this.#before[access] as number;
  }

  /** The event that made the access. */
  depthOfAccess(access: number): number {
    return this.#depth[access] as number;
  }

  wrote(access: number): boolean {
    return this.#wrote[access] === 1;
  }

  /** Does one of the event's accesses answer to this? */
  someAccess(depth: number, is: (cell: number, wrote: boolean) => boolean): boolean {
    const end = this.#end[depth] as number;
    for (let access = this.#begin(depth); access < end; access++) {
      if (is(this.#cell[access] as number, this.#wrote[access] === 1)) return true;
    }
    return false;
  }

  #begin(depth: number): number {
    return depth === 0 ? 0 : (this.#end[depth - 1] as number);
  }

  #eventsOf(agent: number): number[] {
    return this.#events[agent] as number[];
  }
}

function longer<Numbers extends Int32Array | Uint8Array>(numbers: Numbers, room: Numbers): Numbers {
  room.set(numbers);
  return room;
}
