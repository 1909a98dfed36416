/** A violation as a scenario file of its own, which goes wrong in the same way when it is run. */
import type { Design } from '../linux/index.ts';
import { type Bounds, type Case, parseScenario, writeScenario } from '../scenario/index.ts';
import { adversarialProgram, checkCase } from './check-case.ts';
import { explore } from './engine/index.ts';
import type { Violation } from './result.ts';

export interface CounterexampleFile {
  /** YAML. */
  readonly text: string;
  /** As the file says it: steps have its lines. */
  readonly case: Case;
  readonly violation: Violation;
}

export interface CounterexampleOptions {
  readonly title: string;
  readonly story: string;
  /** Why the violation is expected. */
  readonly because: string;
  readonly bounds: Bounds;
  /** Lines that the file begins with. */
  readonly comment: readonly string[];
}

/**
 * Writes a violated case as a file. Where the order of agents matters, it says the order.
 * @throws Error if the file does not go wrong in the same way: a bug.
 */
export function counterexampleFile(
  one: Case,
  design: Design,
  violation: Violation,
  options: CounterexampleOptions,
): CounterexampleFile {
  const { rule } = violation;
  const { schedule: _, ...free } = one;
  const isAlways = one.schedule === undefined && goesAlwaysWrong(one, design, rule, options.bounds);
  const schedule = violation.schedule.map((agent) => one.agents[agent]?.name ?? '');
  const text = fileOf(isAlways ? free : { ...free, schedule }, design, rule, options);
  const parsed = parseScenario(text, '');
  if ('errors' in parsed) throw new Error(`a counterexample is no scenario: ${parsed.errors.join('; ')}`);
  const [written] = parsed.scenario.cases;
  const again = written && checkCase(written, design, options.bounds, rule).violation;
  if (!written || again?.rule !== rule) throw new Error('a counterexample does not go wrong again');
  return { text, case: written, violation: again };
}

/** Does every order of the agents go wrong like this. */
function goesAlwaysWrong(one: Case, design: Design, rule: string, bounds: Bounds): boolean {
  if (one.agents.length < 2) return true;
  let always = true;
  const { outcome } = explore(adversarialProgram(one, design), bounds, ({ world }) => {
    always = world.found.some((found) => found.rule === rule && !found.consequence);
    return always ? undefined : 'stop';
  });
  return always && outcome === 'complete';
}

function fileOf(one: Case, design: Design, rule: string, options: CounterexampleOptions): string {
  const { title, story, because, bounds, comment } = options;
  const head = comment.map((line) => `#${line === '' ? '' : ' '}${oneLine(line)}\n`).join('');
  const expectations = [{ designs: [design.name], verdict: 'violated', rule, because } as const];
  return `${head}${writeScenario(one, { title, story, bounds, expectations })}`;
}

/** Names of files may hold anything. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
