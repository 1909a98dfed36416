/** The order in which something is shown to go wrong: few switches between agents, and those between steps where possible. */
import {
  type Execution,
  type Program,
  replay,
  type Schedule,
  shorten,
  type Transition,
} from './engine/index.ts';

/** Replays that looking for fewer switches may cost. */
const REPLAYS = 100;
/** Steps that are tried in one piece. */
const STEPS = 20;

/** @param violates of an execution of the schedule, which does. */
export function readable<World>(
  program: Program<World>,
  schedule: Schedule,
  violates: (execution: Execution<World>) => boolean,
  replays = REPLAYS,
): Schedule {
  if (new Set(schedule).size < 2) return schedule;
  let best = shorten(program, schedule, violates, replays);
  let tries = 0;
  for (;;) {
    const better = inOnePiece(replay(program, best)?.transitions ?? []).find((candidate) => {
      const execution = tries++ < STEPS ? replay(program, candidate) : undefined;
      return execution !== undefined && violates(execution);
    });
    if (better === undefined) return best;
    best = better;
  }
}

/** Schedules in which a step that others come between begins only when they have acted. */
function inOnePiece(transitions: readonly Transition[]): Schedule[] {
  const candidates: Schedule[] = [];
  for (const [last, { agent, call }] of transitions.entries()) {
    const goesOn = transitions.findIndex((each, i) => i > last && each.agent === agent);
    if (goesOn <= last + 1 || transitions[goesOn]?.call !== call) continue;
    const isPart = (i: number) => transitions[i]?.agent === agent && transitions[i]?.call === call;
    let first = last;
    while (isPart(first - 1)) first -= 1;
    const pieces = [
      transitions.slice(0, first),
      transitions.slice(last + 1, goesOn),
      transitions.slice(first, last + 1),
      transitions.slice(goesOn),
    ];
    candidates.push(pieces.flat().map((each) => each.agent));
  }
  return candidates;
}
