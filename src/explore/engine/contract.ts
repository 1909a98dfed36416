/**
 * What the explorer of interleavings is given and what it gives back.
 *
 * The explorer is stateless: it never copies a world, it makes a fresh one and runs it again. One *transition* is one
 * atomic() of one agent; what an agent's code does between two of them belongs to the first (see Scheduler).
 */
import type { Footprint, Scheduler } from '../../machine/index.ts';

/** One agent: synchronous calls, one after the other. */
export interface AgentProgram {
  /** How many calls it makes; 0 is an agent that does nothing. */
  readonly calls: number;
  /**
   * Make call number `index`, 0 to calls - 1. It is called again from its beginning, with the recorded answers of the
   * atomics that it has done, whenever somebody else has run in between. So:
   * - everything shared is accessed within scheduler.atomic(), and an action tells its call what it found by its answer
   *   alone: assignments to locals of the call made within an action are lost;
   * - what the call keeps for the agent's later calls it may keep anywhere, as long as doing so twice is harmless;
   * - an error that leaves the call ends this agent (it crashed), not the others.
   */
  step(index: number, scheduler: Scheduler): void;
}

/** A fresh world and the agents in it. */
export interface Instance<World> {
  readonly world: World;
  readonly agents: readonly AgentProgram[];
}

/** What is explored. */
export interface Program<World> {
  /**
   * A fresh world, the same every time.
   * @param footprint is to be told of every access to shared state within an atomic. All that an action does depends on
   *   its call's locals and the cells that it touches, and changes nothing else. It is NO_FOOTPRINT where nobody
   *   listens (a single agent, a replay).
   *   A condition (`ready`) depends on a fixed set of cells, whatever they hold, and the action touches them too. The condition
   *   may name them itself, as reads; if it names any it names all, and blocked agents then cost less to explore.
   */
  make(footprint: Footprint): Instance<World>;
}

/**
 * How an execution ended. The first that applies:
 * crash: an agent's call threw (the others ran on as far as they could);
 * deadlock: somebody has not finished and nobody can go on;
 * finished: everybody has;
 * cut: the schedule that was to be replayed ended before.
 */
export type End = 'crash' | 'deadlock' | 'finished' | 'cut';

/** An agent that cannot go on, and what it waits to do. */
export interface Blocked {
  readonly agent: number;
  readonly what: string;
}

/** An agent whose call threw. */
export interface Crash {
  readonly agent: number;
  /** Which of its calls. */
  readonly call: number;
  readonly message: string;
  readonly error: unknown;
}

/** One transition. */
export interface Transition {
  /** Index of the agent. */
  readonly agent: number;
  /** Which of its calls it belongs to. */
  readonly call: number;
  /** As given to atomic(). */
  readonly what: string;
}

/** One execution. Its world is its own: no other execution changes it. */
export interface Execution<World> {
  readonly world: World;
  readonly end: End;
  /** Who acted, transition by transition. */
  readonly schedule: Schedule;
  /** Made when asked for: there are many executions and few that are looked at. */
  readonly transitions: readonly Transition[];
  /** Whom the execution left blocked; with `cut`: who is blocked at that moment. */
  readonly blocked: readonly Blocked[];
  readonly crashes: readonly Crash[];
}

/** Called for every execution; 'stop' ends the exploration. */
export type Visit<World> = (execution: Execution<World>) => 'stop' | undefined;

/** What an exploration cost, and whether it is all. */
export interface Exploration {
  /**
   * complete: every interleaving was executed or is equivalent to one that was;
   * stopped: visit() wanted no more; otherwise the bound that was hit, which makes the exploration inconclusive.
   */
  readonly outcome: 'complete' | 'stopped' | 'executions' | 'transitions';
  /** Executions visited. */
  readonly executions: number;
  /** Executions that were given up because all that could follow was equivalent to what had been executed. */
  readonly abandoned: number;
  /** Transitions executed, those of every run and every repetition. */
  readonly transitions: number;
}

/** Order in which agents run: the index of the agent of each transition. */
export type Schedule = readonly number[];

/** @returns the schedule of an execution. */
export function scheduleOf(execution: Pick<Execution<unknown>, 'schedule'>): Schedule {
  return execution.schedule;
}
