import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasDtc } from '../devicetree/testing.ts';
import { type CheckDocument, checkDocument } from '../report/check/schema.ts';
import { childCpuSeconds, dmalab, file, spawnDmalab } from './testing.ts';

const SCENARIOS = fileURLToPath(new URL('../../scenarios/', import.meta.url));
const FOREIGN = `${SCENARIOS}tutorial/5-foreign-page.yaml`;

async function checkJson(...args: string[]): Promise<{ exit: number; results: CheckDocument['results'] }> {
  const { exit, out } = await dmalab(['check', '--json', ...args]);
  return { exit, results: checkDocument.parse(JSON.parse(out)).results };
}

const scenario = (rest: string) => `title: A buffer
devices: { nic: { coherent: false } }
buffers: { data: { size: 64 } }
steps:
  - write: data
  - map: { buffer: data, device: nic, direction: TO_DEVICE }
  - unmap: data
${rest}`;
const expecting = (verdict: string) =>
  scenario(`expect:\n  - designs: [dma-direct]\n    verdict: ${verdict}\n    because: so it is said\n`);

describe('exit code', () => {
  it.each([
    ['0 where everything is as expected, violations too', FOREIGN, [], 0],
    ['0 where nothing is expected and all holds', file('holds.yaml', scenario('')), [], 0],
    ['1 where an expectation is not met', file('wrong.yaml', expecting('violated')), [], 1],
    ['1 where something is violated that nothing was expected of', FOREIGN, ['--design', 'linux-3.12'], 1],
    [
      '3 where a bound was hit',
      `${SCENARIOS}thread/08-programmed-with-the-page-number.yaml`,
      ['--design', 'linux-3.19', '--transitions', '5'],
      3,
    ],
    [
      '3 where a bound was hit before it could be said whether an expectation is met',
      `${SCENARIOS}thread/11-index-race.yaml`,
      ['--executions', '1'],
      3,
    ],
    ['3 where nothing was judged', file('nothing.yaml', 'title: x\nsteps: []\n'), [], 3],
    ['2 where there is no such file', 'no-such.yaml', [], 2],
    ['2 where the file is not a scenario', file('other.yaml', 'a: 1\n'), [], 2],
  ] as const)('%s', async (_, path, args, exit) => {
    expect((await dmalab(['check', path, ...args])).exit).toBe(exit);
  });
});

describe('json', () => {
  it('has a row for each design, with the way it goes wrong', async () => {
    const { exit, results } = await checkJson(FOREIGN, '--design', 'linux-3.19,linux-6.12');
    expect(exit).toBe(0);
    expect(results).toMatchObject([
      { scenario: FOREIGN, design: 'linux-3.19', verdict: 'holds', expected: 'holds', asExpected: true },
      {
        design: 'linux-6.12',
        verdict: 'violated',
        expected: 'violated',
        asExpected: true,
        violation: { rule: 'stale-device-read', hardwareMoves: 0, touched: [] },
      },
    ]);
    const steps = results[1]?.violation?.steps ?? [];
    expect(steps.at(-1)).toMatchObject({ agent: 'backend' });
    expect(new Set(steps.map(({ agent }) => agent))).toContain('frontend');
  });

  it('names the cases of a sweep after a #, and says nothing where nothing is expected', async () => {
    const { results } = await checkJson(
      `${SCENARIOS}sweeps/machine-addresses-of-more-than-32-bits.yaml`,
      '--design',
      'linux-6.12',
    );
    expect(results.map(({ scenario: name }) => name.slice(name.indexOf('#')))).toContain(
      '#buffers.data.at=0x80000000',
    );
    expect(results.filter(({ asExpected }) => asExpected === true)).toHaveLength(1);
    expect(results.filter(({ expected }) => expected === null)).toHaveLength(results.length - 1);
  });

  it('is the same in every run but for the time', async () => {
    const once = async () => (await checkJson(FOREIGN)).results.map((row) => ({ ...row, ms: 0 }));
    expect(await once()).toEqual(await once());
  });
});

describe('what cannot be used', () => {
  it('gets file, line and column, what was found and expected', async () => {
    const path = file(
      'typo.yaml',
      expecting('violated').replace('direction: TO_DEVICE', 'direction: TO_DEVIC'),
    );
    const { errors, out } = await dmalab(['check', path]);
    expect(out).toBe('');
    expect(errors.join('\n')).toMatch(/typo\.yaml:6:\d+: found "?TO_DEVIC"?.*TO_DEVICE/);
  });

  it.each([
    ['a design that there is not', ['--design', 'linux-6.13'], /linux-6\.12/],
    ['a bound that is no number', ['--executions', 'many'], /whole number/],
  ])('%s gets one line with a hint', async (_, args, hint) => {
    const { exit, errors } = await dmalab(['check', FOREIGN, ...args]);
    expect(exit).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(hint);
  });

  it('a folder without scenarios is said to be one', async () => {
    const { exit, errors } = await dmalab(['check', fileURLToPath(new URL('reports', import.meta.url))]);
    expect([exit, errors.length]).toEqual([2, 1]);
    expect(errors[0]).toContain('no scenario');
  });
});

describe('the shipped scenarios', () => {
  it('with every design: each expectation met, printed as a matrix, within a minute', {
    timeout: 300_000,
  }, () => {
    const before = childCpuSeconds();
    const { status, stdout, stderr } = spawnDmalab(['check', '--design', 'all', SCENARIOS]);
    expect(childCpuSeconds() - before).toBeLessThan(60);
    expect(stderr).toBe('');
    // Where nothing was expected of a design, violations are findings.
    expect(status).toBe(1);
    expect(stdout).toMatch(/all \d+ expectations met/);
    expect(stdout).not.toContain('NOT AS EXPECTED');
    expect(stdout).toMatch(/\d+ executions, \d+ transitions in .* bounds a case/);
  });
});

describe('a board\u2019s device tree in a scenario', () => {
  const scenario = (dtb: string) =>
    `title: x\nplatform: { dtb: ${dtb} }\nbuffers: { b: {} }\nsteps: [{ read: b }]\n`;

  it('is looked for beside the scenario, packed or not', async () => {
    const board = readFileSync(new URL('../../scenarios/boards/board.dtb', import.meta.url));
    file('beside.dtb', board);
    file('packed.dtb', gzipSync(board));
    for (const name of ['beside.dtb', 'packed.dtb']) {
      const { errors } = await dmalab(['check', file('board.yaml', scenario(name)), '--quiet']);
      expect(errors).toEqual([]);
    }
  });

  it.each([
    [
      'that is missing',
      'none.dtb',
      /board\.yaml:2:18: found .*none\.dtb, which cannot be read \(ENOENT\), expected a device tree blob/,
    ],
    ['that is none', 'board.yaml', /board\.yaml:2:18: .*board\.yaml: at offset 0x0: found /],
  ])('%s is said with file, line and column', async (_, name, message) => {
    const { exit, errors } = await dmalab(['check', file('board.yaml', scenario(name)), '--quiet']);
    expect(exit).toBe(2);
    expect(errors.join('\n')).toMatch(message);
  });

  it.skipIf(!hasDtc())('that ships is what dtc makes of its source', () => {
    const folder = fileURLToPath(new URL('../../scenarios/boards/', import.meta.url));
    const made = spawnSync('dtc', ['-q', '-@', '-I', 'dts', '-O', 'dtb', `${folder}board.dts`]);
    expect(made.stdout.equals(readFileSync(`${folder}board.dtb`))).toBe(true);
  });
});
