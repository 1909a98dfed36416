/** Predictions come from everything but maintenance events. */
import { beforeAll, describe, expect, test } from 'vitest';
import { exampleText, ON_XEN, type Outcome, replayExample } from './testing.ts';

const MAINTENANCE =
  /: (arch_sync_for_(device|cpu)|xen_sync_for_(device|cpu)|dma_cache_maint|cflush(_ret)?): /;

/** The lines left, and the number that each has in the whole text. */
const left = exampleText
  .split('\n')
  .map((text, i) => ({ text, line: i + 1 }))
  .filter(({ text }) => !MAINTENANCE.test(text));
const wholeLine = (line: number) => left[line - 1]?.line ?? 0;

let whole: Outcome;
let bare: Outcome;
beforeAll(() => {
  whole = replayExample(exampleText, { designs: ON_XEN });
  bare = replayExample(left.map(({ text }) => text).join('\n'), { designs: ON_XEN });
});

test('the copy without maintenance has fewer lines by every maintenance event', () => {
  expect(exampleText.split('\n').length - left.length).toBe(322 + 322 + 2 * 1043 + 1436 + 2 * 2038);
});

test('recorded is not clean but not recorded', () => {
  expect(bare.verdict()).toBe('not-recorded');
  expect(bare.result.maintenanceRecorded).toBe(false);
});

test('nothing can be compared', () => {
  expect(bare.result.tracks.filter(({ conforms }) => conforms)).toEqual([]);
});

describe.each(ON_XEN)('%s', (name) => {
  test('has the same verdict', () => {
    expect(bare.verdict(name)).toBe(whole.verdict(name));
  });

  test('has the same findings', () => {
    const inWhole = bare
      .of(name)
      .track.findings.kept()
      .map((finding) => ({
        ...finding,
        line: wholeLine(finding.line),
        explanation: finding.explanation.replace(
          /line (\d+)/g,
          (_all, line) => `line ${wholeLine(Number(line))}`,
        ),
      }));
    expect(inWhole).toEqual(whole.of(name).track.findings.kept());
  });

  test('has the same cost', () => {
    expect(bare.of(name).track.cost).toEqual(whole.of(name).track.cost);
  });
});

test.each<[string, RegExp, string]>([
  ['hypercalls', /: cflush(_ret)?: /, 'local'],
  ['native maintenance', /: arch_sync_/, 'foreign'],
])('without its %s a recording is judged on the other pages only', (_name, dropped, place) => {
  const outcome = replayExample(
    exampleText
      .split('\n')
      .map((text) => (dropped.test(text) ? '#' : text))
      .join('\n'),
    { designs: ['linux-6.12'] },
  );
  expect(
    outcome.findings('recorded', 'error').every(({ foreign }) => foreign === (place === 'foreign')),
  ).toBe(true);
  expect(outcome.of('recorded').track.findings.errorMappings).toBe(place === 'foreign' ? 8 : 0);
  expect(outcome.of('recorded').inconclusive).toHaveLength(1);
  expect(outcome.of('linux-6.12').conforms).toBe(false);
});
