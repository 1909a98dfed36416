/** Making a counterexample readable: fewest switches between agents, and as short as possible. */
import { NO_FOOTPRINT } from '../../machine/index.ts';
import type { Execution, Program, Schedule } from './contract.ts';
import { Run } from './run.ts';

/** Replays that a shortening may cost unless told otherwise. */
const REPLAYS = 1000;

/**
 * Looks for a schedule with fewer switches between agents, or as many and fewer transitions, that still violates.
 * Deterministic. What it gives has no shorter beginning that violates; it need not be the best there is: it takes the first
 * improvement it meets until there is none, then, while the budget lasts, tries all schedules of fewer switches.
 * @param violates is asked after every transition of what is tried (and before the first); execution.end is 'cut' there
 *   unless all have finished or are blocked.
 * @param replays how many replays it may cost.
 * @throws RangeError if the schedule given does not violate.
 */
export function shorten<World>(
  program: Program<World>,
  schedule: Schedule,
  violates: (execution: Execution<World>) => boolean,
  replays = REPLAYS,
): Schedule {
  let left = replays;
  const attempt = (candidate: Schedule): Schedule | undefined => {
    left -= 1;
    return untilViolation(program, candidate, violates);
  };
  const cut = attempt(schedule);
  if (!cut) throw new RangeError('a schedule is to be shortened that does not violate');

  let best = cut;
  /** Takes the first improvement. @returns whether there was one. */
  const improve = (candidates: Iterable<Schedule>): boolean => {
    for (const candidate of candidates) {
      if (left <= 0) return false;
      const found = attempt(candidate);
      if (found && isBetter(found, best)) {
        best = found;
        return true;
      }
    }
    return false;
  };
  while (improve(withLess(best)) || improve(merged(best)));
  for (let switches = 0; switches < switchesOf(best); switches++) {
    if (improve(ofSwitches(cut, switches))) while (improve(withLess(best)));
  }
  return best;
}

/** @returns the shortest beginning that violates; undefined if none does or the schedule is impossible before. */
function untilViolation<World>(
  program: Program<World>,
  schedule: Schedule,
  violates: (execution: Execution<World>) => boolean,
): Schedule | undefined {
  const never = { before: () => {}, after: () => {}, goesOn: () => false };
  const run = new Run(program.make(NO_FOOTPRINT), never);
  run.begin();
  for (let done = 0; !violates(run.execution()); done++) {
    const agent = schedule[done];
    if (agent === undefined || !run.isEnabled(agent)) return undefined;
    run.agents[agent]?.resume();
  }
  return schedule.slice(0, run.execution().schedule.length);
}

function isBetter(one: Schedule, other: Schedule): boolean {
  const difference = switchesOf(one) - switchesOf(other);
  return difference < 0 || (difference === 0 && one.length < other.length);
}

function switchesOf(schedule: Schedule): number {
  return schedule.filter((agent, i) => i > 0 && agent !== schedule[i - 1]).length;
}

/** Without some of an agent's transitions: all, or its last half, quarter ... or one; without the whole of a stretch. */
function* withLess(schedule: Schedule): Iterable<Schedule> {
  for (const agent of new Set(schedule)) {
    const count = schedule.filter((other) => other === agent).length;
    for (let drop = count; drop >= 1; drop = Math.floor(drop / 2)) {
      let keep = count - drop;
      yield schedule.filter((other) => other !== agent || keep-- > 0);
    }
  }
  const stretches = stretchesOf(schedule);
  for (const gone of stretches) yield stretches.filter((stretch) => stretch !== gone).flat();
}

/** A stretch joined to the same agent's one before, or that one delayed to it. */
function* merged(schedule: Schedule): Iterable<Schedule> {
  const stretches = stretchesOf(schedule);
  for (const [to, stretch] of stretches.entries()) {
    const from = stretches.findLastIndex((other, i) => i < to && other[0] === stretch[0]);
    if (from < 0) continue;
    const [before, same, between, after] = [
      stretches.slice(0, from),
      stretches.slice(from, from + 1),
      stretches.slice(from + 1, to),
      stretches.slice(to + 1),
    ];
    yield [...before, ...same, stretch, ...between, ...after].flat();
    yield [...before, ...between, ...same, stretch, ...after].flat();
  }
}

/** Every schedule of so many switches that gives no agent more transitions than this one does. */
function* ofSwitches(schedule: Schedule, switches: number, last?: number): Iterable<Schedule> {
  for (const agent of [...new Set(schedule)].sort((one, other) => one - other)) {
    if (agent === last) continue;
    const count = schedule.filter((other) => other === agent).length;
    if (switches === 0) {
      yield new Array<number>(count).fill(agent);
      continue;
    }
    for (let length = 1; length <= count; length++) {
      let skip = length;
      const rest = schedule.filter((other) => other !== agent || skip-- <= 0);
      const first = new Array<number>(length).fill(agent);
      for (const further of ofSwitches(rest, switches - 1, agent)) yield [...first, ...further];
    }
  }
}

/** Longest pieces of one agent. */
function stretchesOf(schedule: Schedule): number[][] {
  const stretches: number[][] = [];
  for (const agent of schedule) {
    const last = stretches.at(-1);
    if (last?.[0] === agent) last.push(agent);
    else stretches.push([agent]);
  }
  return stretches;
}
