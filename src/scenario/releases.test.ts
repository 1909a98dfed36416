/** Releases of Linux and Xen that do not exist are refused; those that do are taken as they are written. */
import { describe, expect, it } from 'vitest';
import { parseScenario } from './index.ts';
import { problemsOf } from './testing.ts';

const platform = (text: string) => problemsOf(`title: x\nplatform: { ${text} }\nsteps: []`);
const RELEASES = '3.0 to 3.19, 4.0 to 4.20, 5.0 to 5.19, 6.0 to 6.19, 7.0 to 7.3';

describe('a release that does not exist', () => {
  it.each([
    [
      'after the last one',
      'linux: 99.1',
      `2:20: found "99.1" (did you mean 7.3?), expected a release of Linux: ${RELEASES}`,
    ],
    [
      'between two series',
      'linux: 4.21',
      `2:20: found "4.21" (did you mean 4.20?), expected a release of Linux: ${RELEASES}`,
    ],
    [
      'before the first',
      'linux: 2.6',
      `2:20: found "2.6" (did you mean 3.0?), expected a release of Linux: ${RELEASES}`,
    ],
    [
      'of Xen',
      'xen: 9.9',
      '2:18: found "9.9" (did you mean 4.22?), expected none, or a release of Xen: 4.0 to 4.22',
    ],
    [
      'of Xen, a digit too much',
      'xen: 4.200',
      '2:18: found "4.200" (did you mean 4.22?), expected none, or a release of Xen: 4.0 to 4.22',
    ],
    ['of Linux for arm64', 'linux: 3.6', '2:20: found 3.6, expected 3.7 or later: before there is no arm64'],
    ['of Xen for Arm', 'xen: 4.2', '2:18: found 4.2, expected 4.3 or later: before it does not run on Arm'],
  ])('%s', (_, text, problem) => {
    expect(platform(text)).toEqual([problem]);
  });

  it('in a sweep is refused with its case', () => {
    expect(problemsOf('title: x\nsteps: []\nsweep: { platform.linux: [6.12, 6.20] }')).toEqual([
      `3:33: found "6.20" (did you mean 6.19?), expected a release of Linux: ${RELEASES} (case platform.linux=6.20)`,
    ]);
  });
});

it.each(['3.7', '3.19', '4.20', '5.4', '6.1', '6.10', '7.3'])(
  'Linux %s is taken as it is written',
  (text) => {
    const parsed = parseScenario(`title: x\nplatform: { linux: ${text} }\nsteps: []`, 'x.yaml');
    expect('scenario' in parsed && parsed.scenario.cases[0]?.platform.linux.join('.')).toBe(text);
  },
);

it('what runs on x86 may be older than what runs on Arm', () => {
  expect(platform('architecture: x86, linux: 3.2, xen: 4.1')).toEqual([]);
});
