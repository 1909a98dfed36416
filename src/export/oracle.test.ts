/**
 * Spin and Rumur say what the explorer says.
 *
 * Normally a selection; DMALAB_EXPORT=all takes every scenario that ships with every design of which it expects something.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingCheckers } from '../../bench/tools.ts';
import { dmaDirect } from '../designs/index.ts';
import { checkCase } from '../explore/check-case.ts';
import { DEFAULT_BOUNDS } from '../scenario/index.ts';
import { randomCase } from './random-case.ts';
import { explored, inParallel, type Rules, rumur, shippedCases, spin, tryExport } from './testing.ts';

const missing = missingCheckers();
const everything = process.env['DMALAB_EXPORT'] === 'all';
const TIMEOUT = everything ? 3_600_000 : 180_000;

/** Models that differ in their names and comments alone have the same answer. */
function once(check: (model: string) => Promise<Rules>): (model: string) => Promise<Rules> {
  const answers = new Map<string, Promise<Rules>>();
  return (model) => {
    const bare = model.replaceAll(/\/\*.*?\*\/|--.*?$/gms, '');
    const answer = answers.get(bare) ?? check(model);
    answers.set(bare, answer);
    return answer;
  };
}
const askSpin = once(spin);
const askRumur = once(rumur);

/** The tutorial and the thread's claims; every sixth file of the others. */
function selection() {
  const all = shippedCases(everything ? 5 : 1);
  if (everything) return all;
  const files = [...new Set(all.map(({ file }) => file))];
  const taken = new Set(files.filter((file, i) => /^(tutorial|thread)/.test(file) || i % 6 === 0));
  return all.filter(({ file }) => taken.has(file));
}

describe.skipIf(missing !== undefined)(`${missing ?? 'the verdict'}`, () => {
  it('of Spin on what ships is the explorer\u2019s, and so is which assertions fail', {
    timeout: TIMEOUT,
  }, async () => {
    const verdicts = { holds: 0, violated: 0, inconclusive: 0 };
    await inParallel(selection(), async ({ file, one, design, bounds }) => {
      const found = tryExport(one, 'promela', design);
      if ('refused' in found) return;
      const what = `${file}, ${design.name}`;
      const rules = await askSpin(found.model);
      const { verdict, violation } = checkCase(one, design, bounds);
      verdicts[verdict]++;
      expect(rules.length > 0 ? 'violated' : 'holds', what).toBe(verdict);
      expect(rules, what).toEqual(explored(one, design, bounds));
      if (violation) expect(rules, what).toContain(violation.rule);
    });
    expect(verdicts.inconclusive).toBe(0);
    expect(verdicts.holds).toBeGreaterThan(10);
    expect(verdicts.violated).toBeGreaterThan(10);
  });

  it('of Rumur on what ships is the explorer\u2019s, by an assertion that it knows', {
    timeout: TIMEOUT,
  }, async () => {
    let violated = 0;
    const cases = selection();
    const some = everything
      ? cases
      : cases.filter(({ file }, i) => file.startsWith('tutorial') || i % 8 === 0);
    await inParallel(some, async ({ file, one, design, bounds }) => {
      const found = tryExport(one, 'murphi', design);
      if ('refused' in found) return;
      const what = `${file}, ${design.name}`;
      const rules = explored(one, design, bounds);
      const [first] = await askRumur(found.model);
      if (first === undefined) expect(rules, what).toEqual([]);
      else expect(rules, what).toContain(first);
      if (first !== undefined) violated++;
    });
    expect(violated).toBeGreaterThan(2);
  });

  it('of Spin on random cases is the explorer\u2019s', { timeout: TIMEOUT }, async () => {
    let violated = 0;
    let held = 0;
    const runs = everything ? 500 : 12;
    await fc.assert(
      fc.asyncProperty(randomCase, async (one) => {
        const found = tryExport(one, 'promela');
        fc.pre('model' in found);
        if (!('model' in found)) return;
        const rules = explored(one, dmaDirect, DEFAULT_BOUNDS);
        if (rules.length > 0) violated++;
        else held++;
        const asked = await askSpin(found.model);
        expect(asked).toEqual(rules);
      }),
      { numRuns: runs, interruptAfterTimeLimit: TIMEOUT / 2 },
    );
    expect(violated).toBeGreaterThan(0);
    expect(held).toBeGreaterThan(0);
  });

  it.each([
    [
      'nothing is loaded by speculation',
      'museum/invalidated-before-only/broken.yaml',
      /:: d_step \{ \/\* line\d is loaded .*?\n {4}\}/gs,
    ],
    [
      'a clean does nothing',
      'tutorial/2-map-and-unmap.yaml',
      /(?<=\(clean\) \*\/\n.*?)write_back_line0\(\)/gs,
    ],
    [
      'the invalidate of unmap does nothing',
      'tutorial/2-map-and-unmap.yaml',
      /(?<=unmap data .*?)drop_line0\(\)/gs,
    ],
  ])('is another where %s', { timeout: TIMEOUT }, async (_, file, part) => {
    const shipped = shippedCases(1).find((each) => each.file === file);
    if (!shipped) throw new Error(`no ${file}`);
    const found = tryExport(shipped.one, 'promela', shipped.design);
    if ('refused' in found) throw new Error(found.refused);
    const wrong = found.model.replace(part, (text) => (text.startsWith('::') ? ':: false' : 'skip'));
    expect(wrong).not.toBe(found.model);
    expect(await askSpin(wrong)).not.toEqual(await askSpin(found.model));
  });
});
