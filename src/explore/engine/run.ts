/**
 * Runs agents an atomic at a time. An agent whose turn is over is thrown out of its call at the next atomic; when its turn
 * comes again the call is made again from its beginning with the recorded answers. As long as the conductor lets it go on it
 * just goes on.
 */
import type { Scheduler } from '../../machine/index.ts';
import type { AgentProgram, Crash, End, Execution, Instance, Transition } from './contract.ts';

/** Who decides who runs, and is told of what happens. */
export interface Conductor {
  /** The agent is about to do its atomic. */
  before(agent: number): void;
  /** It has done it (or its action threw). */
  after(agent: number): void;
  /** The agent has come to a further atomic. May it go on at once? */
  goesOn(agent: number): boolean;
}

/** Thrown to end a call at an atomic that is not to be done now. */
const LEAVE = { toString: () => 'end of turn (never to be caught)' };

/** Stands in the answers for an action that threw. */
class Thrown {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** The program broke the explorer's rules; not a finding. */
export class ProgramError extends Error {}

/** One execution in the making. */
export class Run<World> {
  readonly world: World;
  readonly agents: readonly Agent[];
  readonly crashes: Crash[] = [];
  readonly conductor: Conductor;
  /** Within an action. */
  acting = false;
  // Of each transition, in order; apart, since they are many and few are ever looked at.
  readonly #agents: number[] = [];
  readonly #calls: number[] = [];
  readonly #whats: string[] = [];

  constructor(instance: Instance<World>, conductor: Conductor) {
    this.conductor = conductor;
    this.world = instance.world;
    this.agents = instance.agents.map((agent, index) => new Agent(this, agent, index));
  }

  /** All agents run up to their first atomics, in turn, and on if the conductor lets them. */
  begin(): void {
    for (const agent of this.agents) agent.begin();
  }

  /** Can the agent do its next atomic? */
  isEnabled(agent: number): boolean {
    return this.agents[agent]?.enabled === true;
  }

  /** An agent begins a transition. */
  note(agent: number, call: number, what: string): void {
    this.#agents.push(agent);
    this.#calls.push(call);
    this.#whats.push(what);
  }

  transition(index: number): Transition {
    const [agent, call, what] = [this.#agents[index], this.#calls[index], this.#whats[index]];
    if (agent === undefined || call === undefined || what === undefined) throw new RangeError(`${index}`);
    return { agent, call, what };
  }

  /** What has been executed, and who stands where. */
  execution(): Execution<World> {
    const { world, crashes } = this;
    const unfinished = this.agents.flatMap(({ what }, agent) =>
      what === undefined ? [] : [{ agent, what }],
    );
    const blocked = unfinished.filter(({ agent }) => !this.isEnabled(agent));
    const all = (): Transition[] => this.#whats.map((_, index) => this.transition(index));
    return {
      world,
      end: endOf(crashes.length, unfinished.length, blocked.length),
      schedule: this.#agents,
      get transitions() {
        return all();
      },
      blocked,
      crashes,
    };
  }
}

function endOf(crashed: number, unfinished: number, blocked: number): End {
  if (crashed > 0) return 'crash';
  if (unfinished === 0) return 'finished';
  return unfinished === blocked ? 'deadlock' : 'cut';
}

/** Where an agent stands, and its scheduler. */
export class Agent implements Scheduler {
  /** Its next atomic; undefined: it has finished, or not begun. */
  what: string | undefined;
  /** Condition of its next atomic. */
  ready: (() => boolean) | undefined;
  readonly #run: Run<unknown>;
  readonly #program: AgentProgram;
  readonly #index: number;
  #call = 0;
  /** Of this call's atomics that are done. */
  #answers: unknown[] = [];
  /** The call's next atomic. */
  #position = 0;
  #turn = false;
  #leaving = false;

  constructor(run: Run<unknown>, program: AgentProgram, index: number) {
    this.#run = run;
    this.#program = program;
    this.#index = index;
  }

  /** Can it do its next atomic? */
  get enabled(): boolean {
    return this.what !== undefined && (this.ready === undefined || this.ready());
  }

  /** Run up to its first atomic, and on if the conductor lets it. */
  begin(): void {
    this.#continue();
  }

  /** Do its next atomic, which must be ready, and go on until the conductor stops it or it has finished. */
  resume(): void {
    this.#turn = true;
    this.#continue();
  }

  #continue(): void {
    while (this.#call < this.#program.calls) {
      this.#position = 0;
      try {
        this.#program.step(this.#call, this);
        if (this.#leaving) throw new ProgramError(`${this.#name}: it caught what ends a call at an atomic`);
        if (this.#turn) throw this.#differs('it made no further atomic');
      } catch (error) {
        if (this.#leaving && error === LEAVE) {
          this.#leaving = false;
          return;
        }
        if (error instanceof ProgramError || this.#leaving) throw error;
        this.#crash(error);
        break;
      }
      this.#call += 1;
      this.#answers = [];
    }
    this.what = undefined;
    this.ready = undefined;
  }

  atomic<Answer>(what: string, action: () => Answer, ready?: () => boolean): Answer {
    const run = this.#run;
    if (run.acting) return nested(what, action, ready);
    if (this.#leaving) throw LEAVE;
    if (this.#position < this.#answers.length) {
      const answer = this.#answers[this.#position++];
      if (answer instanceof Thrown) throw answer.error;
      return answer as Answer;
    }
    if (this.#turn) {
      if (what !== this.what) throw this.#differs(`"${what}" instead of "${this.what}"`);
      this.#turn = false;
    } else {
      this.what = what;
      this.ready = ready;
      if (!run.conductor.goesOn(this.#index)) {
        this.#leaving = true;
        throw LEAVE;
      }
    }
    return this.#do(what, action);
  }

  #do<Answer>(what: string, action: () => Answer): Answer {
    const run = this.#run;
    run.note(this.#index, this.#call, what);
    this.#position += 1;
    run.conductor.before(this.#index);
    run.acting = true;
    try {
      const answer = action();
      this.#answers.push(answer);
      return answer;
    } catch (error) {
      this.#answers.push(new Thrown(error));
      throw error;
    } finally {
      run.acting = false;
      run.conductor.after(this.#index);
    }
  }

  #crash(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#run.crashes.push({ agent: this.#index, call: this.#call, message, error });
    this.#call = this.#program.calls;
  }

  get #name(): string {
    return `agent ${this.#index}, call ${this.#call}`;
  }

  #differs(how: string): ProgramError {
    return new ProgramError(`${this.#name}: repeated with the same answers it did otherwise: ${how}`);
  }
}

/** An atomic within an action is part of it. */
function nested<Answer>(what: string, action: () => Answer, ready?: () => boolean): Answer {
  if (ready && !ready()) throw new ProgramError(`waiting within an atomic: ${what}`);
  return action();
}
