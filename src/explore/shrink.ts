/** The smallest case that goes wrong in the same way: what a person has to read to understand it. */
import type { Design } from '../linux/index.ts';
import { type Bounds, type Case, parseScenario, type Step, writeScenario } from '../scenario/index.ts';
import { adversarialProgram, checkCase } from './check-case.ts';
import { explore, minimise } from './engine/index.ts';
import type { Shrinking, Size, Violation } from './result.ts';
import { fewerAgents, fewerSteps, fewerThings, keepsRight } from './shrink-steps.ts';
import { plainerDevices, plainerPlatform, plainerSteps, smallerBuffers } from './shrink-values.ts';

export interface Shrunk {
  readonly case: Case;
  readonly violation: Violation;
  readonly shrinking: Shrinking;
}

/** What shrinking may cost: cases tried, and transitions executed for all of them. A few seconds. */
export const SHRINK_BUDGET = { tries: 2000, transitions: 2_000_000 } as const;
/** What one case may cost; what is found until then counts. */
const BOUNDS: Bounds = { executions: 500, transitions: 50_000 };

/** Where and how something goes wrong. */
interface Wrong {
  readonly rule: Violation['rule'];
  /** Of the step, in its file. */
  readonly line: number | undefined;
  readonly moves: number | null;
}

/**
 * Shrinks a case that is violated, as long as the same step violates the same rule, without more moves of the hardware, and nothing goes
 * wrong that did not before. Steps keep the lines of their file. Deterministic.
 */
export function shrinkCase(
  one: Case,
  design: Design,
  violation: Violation,
  { tries, transitions }: { readonly tries: number; readonly transitions: number } = SHRINK_BUDGET,
): Shrunk {
  const wrong: Wrong = {
    rule: violation.rule,
    line: violation.steps.at(-1)?.line,
    moves: violation.hardwareMoves,
  };
  let left = transitions;
  const all = (candidate: Case) => {
    const found = left > 0 ? wrongsOf(candidate, design) : undefined;
    left -= found?.transitions ?? 0;
    return found?.wrongs ?? [];
  };
  const known = new Set(all(one).map(keyOf));
  const fails = (candidate: Case) => {
    const found = all(candidate);
    return (
      found.some((each) => isLike(each, wrong)) &&
      found.every((each) => known.has(keyOf(each))) &&
      canBeWritten(candidate)
    );
  };
  const executed = new Set(violation.steps.map(({ line }) => line));
  const isKept = (step: Step) => keepsRight(step) && executed.has(step.line);
  const { value, tried, minimal } = minimise(one, (each) => smaller(each, isKept), fails, tries);
  const result = value === one ? undefined : checkCase(value, design, BOUNDS, wrong.rule).violation;
  const shrinking = {
    before: sizeOf(one),
    after: sizeOf(value),
    tried,
    budget: tries,
    minimal: minimal && left > 0,
  };
  return { case: value, violation: result ?? violation, shrinking };
}

function* smaller(one: Case, isKept: (step: Step) => boolean): Iterable<Case> {
  const { schedule, ...free } = one;
  if (schedule !== undefined) yield free;
  yield* fewerAgents(one);
  yield* fewerSteps(one, isKept);
  yield* fewerThings(one);
  yield* plainerPlatform(one);
  yield* plainerDevices(one);
  yield* smallerBuffers(one);
  yield* plainerSteps(one);
}

const keyOf = ({ rule, line }: Wrong): string => `${rule} ${line}`;

function isLike(found: Wrong, { rule, line, moves }: Wrong): boolean {
  return (
    found.rule === rule &&
    found.line === line &&
    (found.moves === null) === (moves === null) &&
    (found.moves ?? 0) <= (moves ?? 0)
  );
}

/** All that goes wrong; undefined for a case that cannot be run: what is smaller need not make sense. */
function wrongsOf(
  one: Case,
  design: Design,
): { readonly wrongs: readonly Wrong[]; readonly transitions: number } | undefined {
  const wrongs: Wrong[] = [];
  let crashed = false;
  try {
    const { transitions } = explore(adversarialProgram(one, design), BOUNDS, ({ world, crashes }) => {
      crashed ||= crashes.length > 0;
      for (const { rule, agent, step, moves, consequence } of world.found)
        if (!consequence) wrongs.push({ rule, line: one.agents[agent]?.steps[step]?.line, moves });
      return crashed ? 'stop' : undefined;
    });
    return crashed ? undefined : { wrongs, transitions };
  } catch (error) {
    // A buffer that is not in its RAM, an agent that the schedule names.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Is it a case that a file can say. */
function canBeWritten(one: Case): boolean {
  return 'scenario' in parseScenario(writeScenario(one, { title: 'a smaller case' }), '');
}

function sizeOf({ agents }: Case): Size {
  return { agents: agents.length, steps: agents.reduce((sum, { steps }) => sum + steps.length, 0) };
}
