/** Running one given schedule. */
import { NO_FOOTPRINT } from '../../machine/index.ts';
import type { End, Execution, Program, Schedule, Transition } from './contract.ts';
import { type Conductor, Run } from './run.ts';

/** Called after each transition; the world is as that transition left it. 'stop': the replay ends here. */
export type After<World> = (transition: Transition, world: World) => 'stop' | undefined;

/**
 * Runs a schedule again, up to its end. The world in the answer is the caller's to read.
 * @returns undefined if the schedule is not one of this program: somebody's turn came who had finished or was blocked.
 */
export function replay<World>(
  program: Program<World>,
  schedule: Schedule,
  after?: After<World>,
): Execution<World> | undefined {
  let done = 0;
  let stopped = false;
  const mayGoOn = (agent: number): boolean =>
    !stopped && schedule[done] === agent && run.agents[agent]?.enabled === true;
  const conductor: Conductor = {
    before: () => {},
    after: () => {
      done += 1;
      const transition = run.transitions.at(-1);
      if (after && transition && after(transition, run.world) === 'stop') stopped = true;
    },
    goesOn: () => false,
  };
  const run = new Run(program, NO_FOOTPRINT, conductor);
  for (const agent of run.agents) agent.begin();
  conductor.goesOn = mayGoOn;

  while (!stopped && done < schedule.length) {
    const agent = schedule[done] as number;
    if (!mayGoOn(agent)) return undefined;
    run.agents[agent]?.resume();
  }
  const { world, transitions, crashes } = run;
  const unfinished = run.unfinished();
  const blocked = unfinished.filter(({ agent }) => !run.agents[agent]?.enabled);
  return {
    world,
    end: endOf(crashes.length, unfinished.length, blocked.length),
    transitions,
    blocked,
    crashes,
  };
}

/** How an execution with so many crashed, unfinished and blocked agents ends where it stands. */
export function endOf(crashed: number, unfinished: number, blocked: number): End {
  if (crashed > 0) return 'crash';
  if (unfinished === 0) return 'finished';
  return unfinished === blocked ? 'deadlock' : 'cut';
}
