/**
 * Every interleaving, one after the other, with nothing left out: the yardstick of the reduced exploration, and so
 * written apart from it, as plainly as possible. One transition at a time, every call repeated for every transition.
 */
import type { Scheduler } from '../../machine/index.ts';
import { NO_FOOTPRINT } from '../../machine/index.ts';
import type { Bounds } from '../../scenario/index.ts';
import type { AgentProgram, Crash, Exploration, Instance, Program, Transition, Visit } from './contract.ts';

/** Ends a call at the next atomic. */
class Pause extends Error {}

/** Where an agent stands. */
interface Place {
  readonly program: AgentProgram;
  call: number;
  /** Of the atomics done in this call: what each did again, as the call sees it. */
  answers: (() => unknown)[];
  /** The next atomic; undefined: it has finished, or crashed. */
  next: { what: string; ready: () => boolean } | undefined;
}

class Naive<World> {
  readonly transitions: Transition[] = [];
  readonly crashes: Crash[] = [];
  readonly instance: Instance<World>;
  readonly places: readonly Place[];

  constructor(program: Program<World>) {
    this.instance = program.make(NO_FOOTPRINT);
    this.places = this.instance.agents.map((agent) => ({
      program: agent,
      call: 0,
      answers: [],
      next: undefined,
    }));
    this.places.forEach((_, agent) => {
      this.run(agent, 0);
    });
  }

  enabled(): number[] {
    return [...this.places.keys()].filter((agent) => this.places[agent]?.next?.ready());
  }

  /** Let an agent do so many new atomics, then go on to the one after them. */
  run(agent: number, atomics: number): void {
    const place = this.places[agent];
    if (!place) throw new RangeError(`no agent ${agent}`);
    let left = atomics;
    place.next = undefined;
    while (place.call < place.program.calls) {
      let position = 0;
      let nested = false;
      const scheduler: Scheduler = {
        atomic: <Answer>(what: string, action: () => Answer, ready: () => boolean = () => true): Answer => {
          if (nested) return action();
          let again = place.answers[position] as (() => Answer) | undefined;
          if (!again) {
            if (left === 0) {
              place.next = { what, ready };
              throw new Pause();
            }
            left -= 1;
            this.transitions.push({ agent, call: place.call, what });
            nested = true;
            again = outcome(action);
            nested = false;
            place.answers.push(again);
          }
          position += 1;
          return again();
        },
      };
      try {
        place.program.step(place.call, scheduler);
      } catch (error) {
        if (error instanceof Pause) return;
        this.crashes.push({
          agent,
          call: place.call,
          message: error instanceof Error ? error.message : String(error),
          error,
        });
        place.call = place.program.calls;
      }
      place.call += 1;
      place.answers = [];
    }
  }
}

/** Do it now; what it came to, as often as wanted. */
function outcome<Answer>(action: () => Answer): () => Answer {
  try {
    const answer = action();
    return () => answer;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** Executes every interleaving of a program, in lexicographic order of the schedules. Same results as explore(). */
export function bruteForce<World>(program: Program<World>, bounds: Bounds, visit: Visit<World>): Exploration {
  let executions = 0;
  let transitions = 0;
  const result = (outcome: Exploration['outcome']): Exploration => ({
    outcome,
    executions,
    abandoned: 0,
    transitions,
  });

  /** Who is next at each depth, and who else could be after that. */
  const path: { agent: number; others: number[] }[] = [];
  for (;;) {
    if (executions === bounds.executions) return result('executions');
    const naive = new Naive(program);
    for (let depth = 0; ; depth++) {
      let choice = path[depth];
      if (!choice) {
        const [agent, ...others] = naive.enabled();
        if (agent === undefined) break;
        choice = { agent, others };
        path.push(choice);
      }
      if (transitions === bounds.transitions) return result('transitions');
      transitions += 1;
      naive.run(choice.agent, 1);
    }
    executions += 1;
    const blocked = naive.places.flatMap(({ next }, agent) => (next ? [{ agent, what: next.what }] : []));
    const end = naive.crashes.length > 0 ? 'crash' : blocked.length > 0 ? 'deadlock' : 'finished';
    const schedule = path.map(({ agent }) => agent);
    const { transitions: done, crashes } = naive;
    const execution = {
      world: naive.instance.world,
      end,
      schedule,
      transitions: done,
      blocked,
      crashes,
    } as const;
    if (visit(execution) === 'stop') return result('stopped');

    while (path.at(-1)?.others.length === 0) path.pop();
    const last = path.at(-1);
    if (!last) return result('complete');
    last.agent = last.others.shift() as number;
  }
}
