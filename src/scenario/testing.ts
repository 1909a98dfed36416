/** Help for tests of scenarios. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readFdt } from '../devicetree/index.ts';
import type { ReadBoard } from './board.ts';
import { parseScenario } from './parse.ts';
import type { Case, Scenario } from './types.ts';

/** The scenario. @throws if something is wrong with it. */
export function scenarioOf(text: string): Scenario {
  const result = parseScenario(text, 'test.yaml');
  if ('errors' in result) throw new Error(result.errors.join('\n'));
  return result.scenario;
}

/** The one case of a scenario without a sweep. */
export function only(text: string): Case {
  const { cases } = scenarioOf(text);
  const [one, ...more] = cases;
  if (one === undefined || more.length > 0) throw new Error(`${cases.length} cases`);
  return one;
}

/** What is wrong with it: "line:column: message" each; empty if nothing is. */
export function problemsOf(text: string): string[] {
  const result = parseScenario(text, 'test.yaml');
  return 'errors' in result ? result.errors.map((error) => error.replace('test.yaml:', '')) : [];
}

export { arbitraryCase } from './random-case.ts';

/** Reads the device tree that a scenario's file names, as the command line does. */
export function boardsBeside(file: string): ReadBoard {
  return (path) => readFdt(readFileSync(join(dirname(file), path)));
}
