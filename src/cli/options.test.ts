import { describe, expect, it } from 'vitest';
import { DESIGNS } from '../designs/index.ts';
import { BOARD, dmalab, NATIVE, replayJson, rightLines, small, TRACE, traceFile } from './testing.ts';

const right = traceFile('right.txt', rightLines());

/** What the command says of a wrong command line. */
async function complaint(...args: string[]): Promise<string> {
  const { exit, out, errors } = await dmalab(args);
  expect(exit).toBe(2);
  expect(out).toBe('');
  expect(errors).toHaveLength(1);
  expect(errors[0]).not.toContain('\n');
  return errors[0] ?? '';
}

describe('a wrong command line', () => {
  it('is told in one line', async () => {
    expect(await complaint()).toContain('dmalab replay TRACE');
    expect(await complaint('rpelay')).toMatch(/unknown command 'rpelay' \(Did you mean replay\?\)/);
    expect(await complaint('replay')).toContain("missing required argument 'trace'");
    expect(await complaint('replay', TRACE, TRACE)).toContain('Expected 1 argument but got 2');
    expect(await complaint('replay', TRACE, '--dbt', 'x')).toMatch(/unknown option '--dbt' .*--dtb/);
    expect(await complaint('replay', TRACE, '--dtb')).toContain('argument missing');
    expect(await complaint('replay', TRACE, '--hardware', 'both')).toContain('coherent, non-coherent');
  });

  it('has a line size that no cache has', async () => {
    for (const size of ['0', '8', '63', '4096', '-64', '64.5', 'x', ''])
      expect(await complaint('replay', TRACE, '--line-size', size)).toContain('power of two from 16 to 2048');
  });

  it('has a kernel release that is none, or older than any design', async () => {
    expect(await complaint('replay', TRACE, '--kernel', 'trixie')).toMatch(/found "trixie", .*6\.12/);
    expect(await complaint('replay', TRACE, '--kernel', '3.1', ...BOARD)).toContain('expected 3.13 or later');
  });

  it('misspells a design: names the nearest, and all there are', async () => {
    const message = await complaint('replay', TRACE, '--design', 'repaired,linux-6.11');
    expect(message).toContain('found "linux-6.11" (did you mean linux-6.12?)');
    expect(message).toContain('recorded, dma-direct, linux-3.12');
    expect(await complaint('replay', TRACE, '--design', 'al')).toContain('(did you mean all?)');
    expect(await complaint('replay', TRACE, '--design', 'repaired,')).toContain('found ""');
  });
});

describe('help and version', () => {
  it('go to standard output, exit 0', async () => {
    for (const args of [['--help'], ['replay', '--help'], ['--version'], ['help', 'replay']]) {
      const { exit, out, errors } = await dmalab(args);
      expect(exit).toBe(0);
      expect(out).not.toBe('');
      expect(errors).toEqual([]);
    }
  });
});

describe('--design', () => {
  const names = async (...args: string[]) =>
    (await replayJson(TRACE, [...BOARD, ...args])).document.designs.map(({ name }) => name);

  it('replaces the list; the recording is always there', async () => {
    const releases = [
      'linux-3.13',
      'linux-3.17',
      'linux-3.19',
      'linux-5.4',
      'linux-5.9',
      'linux-6.12',
      'linux-7.3',
    ];
    expect(await names()).toEqual(['recorded', ...releases, 'repaired']);
    expect(await names('--design', 'all')).toEqual(['recorded', ...DESIGNS.map(({ name }) => name)]);
    expect(await names('--design', 'linux-3.19, repaired')).toEqual(['recorded', 'linux-3.19', 'repaired']);
    expect(await names('--design', 'recorded')).toEqual(['recorded']);
  });

  it('gives what tables cost, and says of designs for other machines what they need', async () => {
    const args = [...BOARD, '--design', 'foreign-index,smmu'];
    const { designs } = (await replayJson(TRACE, args)).document;
    expect(designs.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['recorded', 'errors'],
      ['foreign-index', 'clean'],
      ['smmu', 'inconclusive'],
    ]);
    expect(designs[1]?.cost).toMatchObject({ indexInserts: 1547, indexRemoves: 1547, indexPeak: 35 });
    expect(designs[2]?.inconclusive[0]?.because).toMatch(/^not judged on a recording: it needs an SMMU/);
    const { out } = await dmalab(['replay', TRACE, ...args]);
    expect(out).toMatch(/^ {2}smmu {11}inconclusive$/m);
    expect(out).toMatch(/^ {2}foreign-index keeps a table: 1547 inserts, 1547 removes, /m);
    expect(out).toMatch(/^ {2}smmu is inconclusive: not judged on a recording: it needs an SMMU/m);
  });

  it('does not change the exit code', async () => {
    expect((await replayJson(TRACE, [...BOARD, '--design', 'repaired'])).exit).toBe(1);
  });
});

describe('--kernel', () => {
  it('says which design is the kernel’s own', async () => {
    for (const [given, own] of [
      ['3.16', 'linux-3.13'],
      ['4.19.0', 'linux-3.19'],
      ['v5.4', 'linux-5.4'],
      ['6.1.0-18-arm64', 'linux-5.9'],
      ['6.12.107+deb13-arm64', 'linux-6.12'],
      ['linux-7.3', 'linux-7.3'],
    ] as const) {
      const { document } = await replayJson(TRACE, [...BOARD, '--kernel', given]);
      expect(document.platform.ownDesign).toBe(own);
      expect(document.trace.kernel).toBe(given);
      const conforming = document.designs.filter(({ conformance }) => conformance !== null);
      expect(conforming.map(({ name }) => name)).toEqual([own]);
    }
  });

  it('is dma-direct without Xen, whatever the release', async () => {
    const { document } = await replayJson(right, [...NATIVE, '--kernel', '2.6']);
    expect(document.platform.ownDesign).toBe('dma-direct');
  });
});

describe('--hardware', () => {
  it('overrules what the hardware does, not what the kernel believes', async () => {
    const unmaintained = traceFile('none.txt', [
      small.map('FROM_DEVICE', '80001000', 4096),
      small.forCpu('80001000', 4096, 2),
      small.unmap('FROM_DEVICE', '80001000', 4096),
    ]);
    expect((await replayJson(unmaintained, ['--hardware', 'non-coherent'])).exit).toBe(1);
    expect((await replayJson(unmaintained, ['--hardware', 'coherent'])).exit).toBe(0);
    const { document } = await replayJson(TRACE, [...BOARD, '--hardware', 'coherent']);
    expect(document.devices.map(({ coherent }) => coherent)).toEqual([false, false]);
  });
});

describe('--line-size', () => {
  it('changes what counts as an edge', async () => {
    // A buffer of one 64-byte line: alone in its line, or two to a line.
    const path = traceFile('line.txt', rightLines('80001040', 64));
    expect((await replayJson(path, NATIVE)).document.designs[0]?.verdict).toBe('clean');
    const wide = await replayJson(path, [...NATIVE, '--line-size', '128']);
    expect(wide.document.designs[0]?.verdict).toBe('hazards');
    expect(wide.document.platform.lineSize).toBe(128);
  });
});

describe('--quiet and --json', () => {
  it('leave standard error empty where nothing is wrong', async () => {
    for (const args of [[], ['--quiet'], ['-q', '--json']])
      expect((await dmalab(['replay', right, ...NATIVE, ...args])).errors).toEqual([]);
  });
});
