/** One case with one design: every interleaving on a machine with adversarial caches. */
import { KernelSourceError } from '../kernel-source/index.ts';
import { type Design, KernelDied } from '../linux/index.ts';
import { AdversarialMachine } from '../machine/adversarial/index.ts';
import type { Bounds, Case } from '../scenario/index.ts';
import { explore, type Program, replay, type Schedule, scheduleOf } from './engine/index.ts';
import { pinned, pinnedSchedule, unfollowed } from './pinned.ts';
import { readable } from './readable.ts';
import type { CaseResult, Rule } from './result.ts';
import { tellStory } from './story.ts';
import type { Found } from './system/found.ts';
import type { Looked } from './system/looked.ts';
import { machineSpec } from './system/machine-spec.ts';
import { makeProgram } from './system/program.ts';
import type { System } from './system/system.ts';

/** Said in place of "holds" where nothing could have gone wrong. */
const NOTHING_JUDGED =
  'nothing was judged: no step reads, writes, maps or invalidates anything, and no device accesses memory';
/** Said beside "holds" where it means less than it seems to. */
const NO_DATA =
  'no data was looked at: neither a CPU nor a device reads any, so what is stale would not show';

/** Something found, and the order of events in which it was. */
interface Best {
  readonly found: Found;
  readonly schedule: Schedule;
}

/** The program of a case on the adversarial machine, pinned to the case's schedule if it has one. */
export function adversarialProgram(one: Case, design: Design): Program<System> {
  const program = makeProgram(
    one,
    design,
    (platform, sink, footprint) => new AdversarialMachine(machineSpec(platform), sink, { footprint }),
  );
  const schedule = pinnedSchedule(one);
  return schedule === undefined ? program : pinned(program, schedule);
}

/** @param wanted the rule that is expected: reported rather than others, where it is violated. */
export function checkCase(one: Case, design: Design, bounds: Bounds, wanted?: string): CaseResult {
  let best: Best | undefined;
  let stuck: string | undefined;
  const looked: Looked = { atData: false, atAnything: false };
  const exploration = explore(adversarialProgram(one, design), bounds, (execution) => {
    for (const { message, agent, call, error } of execution.crashes) {
      // It has been reported; the others went on.
      if (error instanceof KernelDied) continue;
      if (error instanceof KernelSourceError) throw error;
      throw new Error(
        `${one.agents[agent]?.name ?? ''}, line ${one.agents[agent]?.steps[call]?.line ?? 0}: ${message}`,
      );
    }
    if (execution.end === 'deadlock')
      stuck ??=
        unfollowed(execution, one) ??
        `nobody can go on: ${execution.blocked.map(({ agent, what }) => `${one.agents[agent]?.name}: ${what}`).join('; ')}`;
    looked.atData ||= execution.world.looked.atData;
    looked.atAnything ||= execution.world.looked.atAnything;
    for (const found of execution.world.found)
      if (!found.consequence && (best === undefined || isBetter(found, best.found, wanted)))
        best = { found, schedule: scheduleOf(execution).slice(0, found.transition) };
    return undefined;
  });
  const { executions, transitions, outcome } = exploration;
  const cost = { executions, transitions };
  if (best) {
    const { found, schedule } = easiest(adversarialProgram(one, design), best);
    const violation = tellStory(one, design, found, schedule);
    return { verdict: 'violated', because: undefined, ...cost, violation };
  }
  if (outcome !== 'complete')
    return {
      verdict: 'inconclusive',
      because: `the bound of ${bounds[outcome === 'transitions' ? 'transitions' : 'executions']} ${outcome} was hit`,
      ...cost,
      violation: undefined,
    };
  // Nobody can go on: what would have come was not judged.
  if (stuck !== undefined) return { verdict: 'inconclusive', because: stuck, ...cost, violation: undefined };
  if (!looked.atAnything)
    return { verdict: 'inconclusive', because: NOTHING_JUDGED, ...cost, violation: undefined };
  return { verdict: 'holds', because: looked.atData ? undefined : NO_DATA, ...cost, violation: undefined };
}

/** The same found in an order that is easier to read, where there is one. */
function easiest(program: Program<System>, best: Best): Best {
  const { rule, agent, step, moves } = best.found;
  const same = (found: Found): boolean =>
    found.rule === rule &&
    found.agent === agent &&
    found.step === step &&
    (found.moves ?? 0) <= (moves ?? 0) &&
    !found.consequence;
  const schedule = readable(program, best.schedule, ({ world }) => world.found.some(same));
  const found = replay(program, schedule)?.world.found.filter(same) ?? [];
  const [first = best.found] = found.toSorted((a, b) => (isBetter(a, b, rule) ? -1 : 1));
  return { found: first, schedule };
}

/** The expected rule first, then the fewest hardware moves, then the shortest way, then the lowest address. */
function isBetter(a: Found, b: Found, wanted: string | undefined): boolean {
  const keys = (found: Found) => [
    found.rule === wanted ? 0 : 1,
    RANK[found.rule],
    found.moves ?? 0,
    found.transition,
    found.from,
  ];
  const [x, y] = [keys(a), keys(b)];
  for (let i = 0; i < x.length; i++) {
    const [left = 0, right = 0] = [x[i], y[i]];
    if (left !== right) return left < right;
  }
  return false;
}

/** What needs no cache is said first: the rest follows from it. */
const RANK: Readonly<Record<Rule, number>> = {
  fault: 0,
  'wrong-frame': 0,
  'kernel-bug': 0,
  'kernel-warning': 0,
  'stale-device-read': 1,
  'stale-cpu-read': 1,
  'lost-write': 1,
  disclosure: 1,
};
