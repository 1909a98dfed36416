/** Running one given schedule. */
import { NO_FOOTPRINT } from '../../machine/index.ts';
import type { Execution, Program, Schedule, Transition } from './contract.ts';
import { Run } from './run.ts';

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
  let begun = false;
  let stopped = false;
  const mayGoOn = (agent: number): boolean =>
    begun && !stopped && schedule[done] === agent && run.isEnabled(agent);
  const run = new Run(program.make(NO_FOOTPRINT), {
    before: () => {},
    after: () => {
      done += 1;
      if (after?.(run.transition(done - 1), run.world) === 'stop') stopped = true;
    },
    goesOn: mayGoOn,
  });
  run.begin();
  begun = true;
  while (!stopped && done < schedule.length) {
    const agent = schedule[done] as number;
    if (!mayGoOn(agent)) return undefined;
    run.agents[agent]?.resume();
  }
  return run.execution();
}
