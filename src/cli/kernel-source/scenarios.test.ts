/**
 * On every scenario that ships, and on random ones, the source comes out as the design of its release does: on a platform of its
 * own release, since no source before 6.5 asks whether a small kmalloc() object must bounce.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dmaDirect, findDesign } from '../../designs/index.ts';
import { type CheckRow, checkScenario } from '../../explore/index.ts';
import type { Design } from '../../linux/index.ts';
import type { Case, Scenario } from '../../scenario/index.ts';
import { arbitraryCase } from '../../scenario/random-case.ts';
import { designsOf, MISSING, shippedScenarios, TREE } from './testing.ts';

const scenarios = shippedScenarios();

/** Everything but the name and the time. */
const outcome = ({
  scenario,
  verdict,
  violation,
  executions,
  transitions,
  expected,
  asExpected,
}: CheckRow) => ({
  scenario,
  verdict,
  violation,
  executions,
  transitions,
  expected,
  asExpected,
});
const outcomes = (scenario: Scenario, design: Design) =>
  checkScenario({ ...scenario, cases: scenario.cases.map(ofRelease) }, design, { now: () => 0 }).map(outcome);
const ofRelease = (one: Case): Case => ({ ...one, platform: { ...one.platform, linux: [6, 1] } });

/** Without Xen dma-direct maps registers as 7.3 does; and what does not fit, the source warns of. */
const mapsRegisters = ({ agents }: Case) =>
  agents.some(({ steps }) => steps.some((step) => 'attributes' in step && step.attributes.includes('mmio')));

describe.skipIf('missing' in TREE)(`the source and the design of its release agree ${MISSING}`, () => {
  const sources = 'missing' in TREE ? { xen: dmaDirect, direct: dmaDirect } : designsOf();
  /** The source that runs where the case is, and its design. */
  const pairFor = ({ platform }: Pick<Case, 'platform'>): readonly [Design, Design] => {
    const source = platform.xen === undefined ? sources.direct : sources.xen;
    return [source, findDesign(source.expectedAs ?? source.name) ?? dmaDirect];
  };

  it('on every scenario and sweep', { timeout: 120_000 }, () => {
    let cases = 0;
    for (const scenario of scenarios) {
      const [one] = scenario.cases;
      if (one === undefined || one.platform.architecture === 'x86') continue;
      const [source, design] = pairFor(one);
      const ours = outcomes(scenario, design);
      expect(outcomes(scenario, source)).toEqual(ours);
      cases += ours.length;
    }
    expect(cases).toBeGreaterThan(1000);
  });

  it('on random ones', { timeout: 120_000 }, () => {
    let violated = 0;
    const bounds = { executions: 60, transitions: 20_000 };
    fc.assert(
      fc.property(arbitraryCase(), (one) => {
        if (one.platform.architecture === 'x86' || mapsRegisters(one)) return;
        const [source, design] = pairFor(one);
        const scenario = { file: 'random', title: '', story: '', cases: [one], expectations: [], bounds };
        const ours = outcomes(scenario, design);
        expect(outcomes(scenario, source)).toEqual(ours);
        violated += ours.filter(({ verdict }) => verdict === 'violated').length;
      }),
      // A counterexample is too big to be made small in time.
      { numRuns: 200, endOnFailure: true },
    );
    expect(violated).toBeGreaterThan(10);
  });
});
