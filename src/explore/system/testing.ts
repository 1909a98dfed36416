/** Scenarios as text, checked. */
import { DESIGNS } from '../../designs/index.ts';
import { DEFAULT_BOUNDS, parseScenario } from '../../scenario/index.ts';
import { checkCase } from '../check-case.ts';
import type { CaseResult } from '../result.ts';

/**
 * The only case of a scenario, with a design.
 * @param text without title and expectations.
 */
export function judged(text: string, name = 'dma-direct'): CaseResult {
  const design = DESIGNS.find((each) => each.name === name);
  const expect = `expect: [{ designs: [${name}], verdict: holds, because: it is asked here }]`;
  const parsed = parseScenario(`title: Of a test\n${text}\n${expect}\n`, 'test.yaml');
  if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
  const [one] = parsed.scenario.cases;
  if (one === undefined || design === undefined) throw new Error(`no case, or no design ${name}`);
  return checkCase(one, design, DEFAULT_BOUNDS);
}

/** Its verdict and, where it goes wrong, by which rule. */
export function outcome(text: string, name?: string): string {
  const { verdict, violation } = judged(text, name);
  return violation === undefined ? verdict : `${verdict}: ${violation.rule}`;
}
