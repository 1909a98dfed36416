/** A program whose beginning is given: only interleavings that begin with a schedule are explored. */
import type { Footprint } from '../machine/index.ts';
import type { Case } from '../scenario/index.ts';
import type { AgentProgram, Execution, Program, Schedule } from './engine/index.ts';

/** Shared by all agents: whose turn it is. */
const TURN = 'schedule';

/**
 * The same program, in which an agent can do its next atomic only when its turn has come. After the schedule's end everybody
 * may go on. A schedule that cannot be followed ends in a deadlock before its end.
 */
export function pinned<World>(program: Program<World>, schedule: Schedule): Program<World> {
  return {
    make: (footprint) => {
      let done = 0;
      let touches = 0;
      const counting: Footprint = {
        touch: (cell, write) => {
          touches += 1;
          footprint.touch(cell, write);
        },
      };
      const touch = () => footprint.touch(TURN, done < schedule.length);
      const { world, agents } = program.make(counting);
      const mayAct = (agent: number, ready: (() => boolean) | undefined): boolean => {
        const before = touches;
        const isReady = ready?.() ?? true;
        // A condition that names its cells names all of them.
        if (ready === undefined || touches > before) footprint.touch(TURN, false);
        return isReady && (done >= schedule.length || schedule[done] === agent);
      };
      const inTurn = ({ calls, step }: AgentProgram, agent: number): AgentProgram => ({
        calls,
        step: (index, scheduler) =>
          step(index, {
            atomic: (what, action, ready) =>
              scheduler.atomic(
                what,
                () => {
                  touch();
                  done += 1;
                  return action();
                },
                () => mayAct(agent, ready),
              ),
          }),
      });
      return { world, agents: agents.map(inTurn) };
    },
  };
}

/** A case's schedule by the agents' indexes; undefined where it has none. */
export function pinnedSchedule({ schedule, agents }: Case): Schedule | undefined {
  return schedule?.map((name) => agents.findIndex((agent) => agent.name === name));
}

/** @returns why an execution of a pinned case could not follow its schedule; undefined where it has none or came to its end. */
export function unfollowed(
  { schedule: done, blocked }: Pick<Execution<unknown>, 'schedule' | 'blocked'>,
  { schedule = [], agents }: Case,
): string | undefined {
  const next = schedule[done.length];
  if (next === undefined) return undefined;
  const waits = blocked.find(({ agent }) => agents[agent]?.name === next);
  const why = waits ? `cannot do yet: ${waits.what}` : 'has finished';
  return `the schedule cannot be followed: transition ${done.length + 1} is that of ${next}, who ${why}`;
}
