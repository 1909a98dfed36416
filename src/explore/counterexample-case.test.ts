import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dmaDirect, findDesign } from '../designs/index.ts';
import { type Case, DEFAULT_BOUNDS, parseScenario, type Scenario } from '../scenario/index.ts';
import { boardsBeside } from '../scenario/testing.ts';
import { checkScenario, summarise } from './check.ts';
import { checkCase } from './check-case.ts';
import { type CounterexampleFile, counterexampleFile } from './counterexample-case.ts';
import type { Violation } from './result.ts';
import { shrinkCase } from './shrink.ts';
import { smallCase } from './testing.ts';

const OPTIONS = {
  title: 'A counterexample',
  story: '',
  because: 'it was found',
  bounds: DEFAULT_BOUNDS,
  comment: ['dmalab wrote this', '', 'from a\nfile'],
};

const ROOT = fileURLToPath(new URL('../../scenarios/', import.meta.url));

function shippedScenarios(): Scenario[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const parsed = parseScenario(
        readFileSync(join(ROOT, file), 'utf8'),
        file,
        boardsBeside(join(ROOT, file)),
      );
      if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
      return parsed.scenario;
    });
}

/** What `check` says of the file. */
function runAgain({ text }: CounterexampleFile, name: string) {
  const parsed = parseScenario(text, 'again.yaml');
  if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
  const design = findDesign(name);
  if (!design) throw new Error(name);
  return checkScenario(parsed.scenario, design, { now: () => 0 });
}

const wrongAgent = ({ steps }: Violation) => steps.at(-1)?.agent;

describe('every violation that is shipped', () => {
  const violated = shippedScenarios().flatMap((scenario) =>
    scenario.expectations
      .filter(({ verdict }) => verdict === 'violated')
      .flatMap(({ designs }) => designs.map((design) => [scenario.file, design, scenario] as const)),
  );

  it.each(violated)(
    '%s with %s is a file that goes wrong in the same way, shrunk and not',
    (_, name, scenario) => {
      const design = findDesign(name);
      if (!design) throw new Error(name);
      const { row } = summarise(scenario, checkScenario(scenario, design, { now: () => 0 }));
      const { violation } = row;
      if (!violation) throw new Error('holds');
      const shrunk = shrinkCase(row.case, design, violation, { tries: 25, transitions: 5_000 });
      expect(shrunk.shrinking.after.steps).toBeLessThanOrEqual(shrunk.shrinking.before.steps);
      for (const each of [row, shrunk]) {
        const file = counterexampleFile(each.case, design, each.violation ?? violation, OPTIONS);
        const [again, ...others] = runAgain(file, name);
        expect(others).toEqual([]);
        expect(again).toMatchObject({ verdict: 'violated', asExpected: true });
        expect(again?.violation?.rule).toBe(violation.rule);
        expect(again?.violation && wrongAgent(again.violation)).toBe(wrongAgent(violation));
        expect(again?.violation?.hardwareMoves ?? 0).toBeLessThanOrEqual(violation.hardwareMoves ?? 0);
      }
    },
  );
});

describe('random cases that go wrong', () => {
  it('are files that do so again; the same schedule is followed', { timeout: 60_000 }, () => {
    let violated = 0;
    let pinned = 0;
    fc.assert(
      fc.property(smallCase, (one) => {
        const violation = violationOf(one);
        if (!violation) return;
        const shrunk = shrinkCase(one, dmaDirect, violation, { tries: 60, transitions: 20_000 });
        const file = counterexampleFile(shrunk.case, dmaDirect, shrunk.violation, OPTIONS);
        const [again] = runAgain(file, 'dma-direct');
        expect(again).toMatchObject({ verdict: 'violated', asExpected: true });
        violated++;
        if (file.case.schedule) pinned++;
      }),
      { numRuns: 400 },
    );
    expect(violated).toBeGreaterThan(30);
    expect(pinned).toBeGreaterThan(2);
  });

  it('shrink the same way each time', () => {
    fc.assert(
      fc.property(smallCase, (one) => {
        const violation = violationOf(one);
        if (!violation) return;
        const twice = [0, 1].map(() =>
          shrinkCase(one, dmaDirect, violation, { tries: 40, transitions: 20_000 }),
        );
        expect(twice[0]).toEqual(twice[1]);
      }),
      { numRuns: 40 },
    );
  });
});

function violationOf(one: Case): Violation | undefined {
  return checkCase(one, dmaDirect, DEFAULT_BOUNDS).violation;
}
