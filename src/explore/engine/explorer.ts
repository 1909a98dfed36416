/** One execution after another, each along a branch not yet taken: explore.ts says how and why. */
import { Collector } from './collector.ts';
import type { Program } from './contract.ts';
import { History } from './history.ts';
import { Races } from './races.ts';
import { type Conductor, ProgramError, Run } from './run.ts';

/**
 * What became of an execution: it ran to its end; it was given up since all that can follow is equivalent to what has been
 * executed; or the bound on transitions was hit.
 */
type Ended = 'complete' | 'abandoned' | 'transitions';

const NOBODY = -1;

export class Explorer<World> implements Conductor {
  /** Executed so far, repeated ones too. */
  transitions = 0;
  readonly #program: Program<World>;
  readonly #agents: number;
  readonly #most: number;
  readonly #collector = new Collector();
  readonly #history: History;
  readonly #races: Races;
  /** By agent: the cells that the condition of its next atomic has named; undefined: it has not been asked. */
  readonly #conditions: (number[] | undefined)[] = [];
  #run: Run<World> | undefined;
  #ended: Ended = 'complete';
  /** Transitions of this run. Below the length of the history they are repeated. */
  #depth = 0;
  /** Who acts at the end of the history, where that has been decided beforehand. */
  #branch = NOBODY;
  #next = NOBODY;

  /** @param most bound on transitions. */
  constructor(program: Program<World>, agents: number, most: number) {
    this.#program = program;
    this.#agents = agents;
    this.#most = most;
    this.#history = new History(agents);
    this.#races = new Races(this.#history, this.#collector);
  }

  /** Run to the end, from the beginning. */
  execute(): { run: Run<World>; ended: Ended } {
    this.#depth = 0;
    this.#next = NOBODY;
    this.#run = undefined;
    this.#conditions.length = 0;
    this.#collector.ignore();
    const run = new Run(this.#program.make(this.#collector), this);
    this.#collector.forbid();
    run.begin();
    this.#run = run;

    for (;;) {
      if (this.#next === NOBODY) this.#next = this.#decide(run);
      const agent = run.agents[this.#next];
      if (!agent) break;
      agent.resume();
    }
    if (this.#ended !== 'transitions') this.#findBlocked();
    this.#collector.ignore();
    return { run, ended: this.#ended };
  }

  /** Take the last branch not yet taken. @returns false if there is none. */
  prepareNext(): boolean {
    const history = this.#history;
    while (history.length > 0) {
      history.pop();
      const depth = history.length;
      const last = history.agent(depth);
      for (let agent = 0; agent < this.#agents; agent++) {
        if (agent === last || !history.isChosen(depth, agent) || history.asleep(depth, agent)) continue;
        history.sleep();
        this.#branch = agent;
        return true;
      }
    }
    return false;
  }

  before(agent: number): void {
    this.#next = NOBODY;
    if (this.#depth < this.#history.length) {
      this.#collector.ignore();
    } else {
      this.#collector.begin();
      for (const cell of this.#conditions[agent] ?? []) this.#collector.add(cell, false);
    }
  }

  after(agent: number): void {
    this.#collector.forbid();
    this.transitions += 1;
    const what = this.#agent(agent).what as string;
    if (this.#depth === this.#history.length) {
      this.#complete(agent, what);
    } else if (this.#history.what(this.#depth) !== what) {
      const before = this.#history.what(this.#depth);
      throw new ProgramError(`a world made again is another: "${what}" instead of "${before}"`);
    }
    this.#conditions[agent] = undefined;
    this.#depth += 1;
  }

  goesOn(agent: number): boolean {
    if (!this.#run) return false;
    this.#next = this.#decide(this.#run);
    return this.#next === agent;
  }

  /** Who is next? NOBODY: the execution has ended, and #ended says why. */
  #decide(run: Run<World>): number {
    if (this.transitions === this.#most && run.agents.some(({ what }) => what !== undefined)) {
      this.#ended = 'transitions';
      return NOBODY;
    }
    if (this.#depth < this.#history.length) return this.#history.agent(this.#depth);
    if (this.#branch !== NOBODY) {
      const agent = this.#branch;
      this.#branch = NOBODY;
      if (!this.#isEnabled(agent))
        throw new ProgramError(`a world made again is another: agent ${agent} is blocked`);
      return agent;
    }
    this.#history.arrive(this.#isEnabled);
    return this.#choose();
  }

  /** The same agent if possible: running on costs nothing, and makes for few switches. */
  #choose(): number {
    const history = this.#history;
    const depth = this.#depth;
    const last = depth > 0 ? history.agent(depth - 1) : 0;
    let someEnabled = false;
    for (let i = 0; i < this.#agents; i++) {
      const agent = (last + i) % this.#agents;
      if (!history.isEnabled(depth, agent)) continue;
      someEnabled = true;
      if (history.asleep(depth, agent)) continue;
      history.choose(depth, agent);
      return agent;
    }
    this.#ended = someEnabled ? 'abandoned' : 'complete';
    return NOBODY;
  }

  readonly #isEnabled = (index: number): boolean => {
    const { what, ready } = this.#agent(index);
    if (what === undefined || !ready) return what !== undefined;
    this.#collector.begin();
    const answer = evaluate(what, ready);
    this.#collector.forbid();
    const { cells } = this.#collector.touched;
    const before = this.#conditions[index];
    if (!before) this.#conditions[index] = [...cells];
    else if (before.length !== cells.length || before.some((cell, i) => cell !== cells[i])) {
      throw new ProgramError(`"${what}": its condition does not always look at the same cells`);
    }
    return answer;
  };

  /** A new event has been executed. */
  #complete(agent: number, what: string): void {
    const collector = this.#collector;
    this.#races.executed(agent, this.#agent(agent).ready !== undefined, this.#known(agent));
    this.#history.push(agent, what, collector.touched);
    this.#history.sleepOn((other, touched) => other === agent || collector.conflicts(touched));
  }

  #findBlocked(): void {
    const depth = this.#history.length;
    for (let agent = 0; agent < this.#agents; agent++) {
      const waits = this.#agent(agent).what !== undefined && !this.#history.isEnabled(depth, agent);
      if (waits) this.#races.blocked(agent, this.#known(agent));
    }
  }

  /** The cells of the agent's condition, if it names any. */
  #known(agent: number): readonly number[] | undefined {
    const cells = this.#conditions[agent];
    return cells && cells.length > 0 ? cells : undefined;
  }

  #agent(index: number) {
    const agent = this.#run?.agents[index];
    if (!agent) throw new ProgramError('a world made again has other agents');
    return agent;
  }
}

/** A condition that throws has not been asked in the name of the agent that runs. */
function evaluate(what: string, ready: () => boolean): boolean {
  try {
    return ready();
  } catch (cause) {
    throw new ProgramError(`"${what}": its condition threw`, { cause });
  }
}
