/** `dmalab run`: exit codes, documents, files, and that what it records is judged as it went. */
import { existsSync, readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { type RunDocument, runDocument } from '../report/run/schema.ts';
import { dmalab, file, pathOf, replayJson } from './testing.ts';

async function runJson(...args: string[]): Promise<{ exit: number; document: RunDocument }> {
  const { exit, out, errors } = await dmalab(['run', '--json', ...args]);
  expect(errors).toEqual([]);
  return { exit, document: runDocument.parse(JSON.parse(out)) };
}

/** 16 KiB over contiguous frames at 512: the page-crossing loop goes wrong on it. */
const CROSSING = ['--bytes', '16384'];

describe('exit code', () => {
  it.each([
    ['1 where data arrived wrong', [...CROSSING], 1],
    ['0 where all arrived', [...CROSSING, '--design', 'repaired'], 0],
    ['0 with a coherent device', [...CROSSING, '--hardware', 'coherent'], 0],
    ['1 where it can arrive wrong', [...CROSSING, '--adversarial'], 1],
    ['0 where it cannot', [...CROSSING, '--adversarial', '--align', '0'], 0],
    [
      '1 where the kernel takes a device for coherent that is not',
      [...CROSSING, '--align', '0', '--believed', 'coherent'],
      1,
    ],
    ['0 behind a bus with an offset', [...CROSSING, '--design', 'repaired', '--bus-offset', '0xc0000000'], 0],
    [
      '1 where the design forgets the offset',
      [...CROSSING, '--align', '0', '--design', 'linux-5.4', '--bus-offset', '0xc0000000'],
      1,
    ],
    ['0 for packets', ['--bytes', '3000', '--packet', '1500', '--align', '77'], 0],
  ] as const)('%s', async (_, args, exit) => {
    expect((await dmalab(['run', ...args])).exit).toBe(exit);
  });
});

describe('a command line that makes no sense is refused in one line', () => {
  const ppm = file('tiny.ppm', 'P6\n1 1\n255\nabc');
  it.each([
    [['--align', '100'], '--align: found 100, expected whole sectors'],
    [['--request', '1000'], '--request: found 1000, expected whole sectors'],
    [['--align', '4096'], '--align: found 4096, expected less than a page'],
    [['--packet', '13'], '--packet: found 13, expected 14 to 65535'],
    [['--design', 'linux-6.11'], 'found "linux-6.11" (did you mean linux-6.12?)'],
    [['--design', 'dma-direct'], 'found "dma-direct"'],
    [['--kernel', 'trixie'], '--kernel: found "trixie", expected a release such as 6.12'],
    [['--cache', '4'], '--cache: found "4", expected unbounded or a shape such as 64x4'],
    [['--cache', '0x2'], '--cache: found "0x2"'],
    [['--rate', '1'], 'Expected a number from 0 to 0.9'],
    [['--dma-bits', '16'], 'Expected a whole number from 32 to 64'],
    [['--bus-offset', '100'], 'Expected whole pages of 4096 bytes'],
    [['--bytes', '99999999'], '--bytes: found'],
    [['--data', 'no-such-file'], 'no-such-file: cannot be read'],
    [['--data', ppm, '--bytes', '5'], 'found several of --data, --bytes and --image'],
    [['--image', file('no-image.png', 'hello')], 'found neither a PNG nor a binary PPM'],
    [['--image', file('cut.ppm', 'P6\n9 9\n255\nabc')], 'found 3 bytes of pixels, expected 243'],
    [['--picture', 'x.png'], '--picture: expected --image as well'],
    [['--image', ppm, '--picture', 'x.png', '--adversarial'], '--adversarial: a machine without bytes'],
    [['--record', 'x.txt', '--seeds', '2'], '--record: found 2 runs, expected one'],
    [['--arrived', ppm], 'found a file of that name, expected none'],
    [['--request', '33554432', '--bytes', '1'], '--request: found 33554432, expected at most 1048576'],
    [['--depth', '65'], '--depth: found 65, expected at most 64'],
    [['--packet', '65535', '--depth', '64', '--bytes', '8000000'], 'the load does not fit'],
  ] as const)('%j', async (args, message) => {
    const { exit, out, errors } = await dmalab(['run', ...args]);
    expect(errors.join('\n')).toContain(message);
    expect(errors).toHaveLength(1);
    expect([exit, out]).toEqual([2, '']);
    expect(existsSync('x.png') || existsSync('x.txt')).toBe(false);
  });
});

describe('the document', () => {
  it('says which bytes arrived wrong, and names the flush that missed them', async () => {
    const { document } = await runJson(...CROSSING);
    const [run] = document.runs;
    expect(run).toMatchObject({ design: 'linux-6.12', seed: 1, verdict: 'corrupted', errors: 0 });
    expect(run?.wrong.length).toBeGreaterThan(0);
    for (const { finding } of run?.wrong ?? []) {
      const cause = run?.findings[finding ?? -1];
      expect(cause?.flush?.issued).toMatch(/^GNTTABOP_cache_flush (CLEAN|INVAL) bus=0x\w+e00 /);
      expect(cause?.flush?.meant).not.toBe(cause?.flush?.landed);
      expect(cause?.device).toBe('nvme');
    }
  });

  it('has a run for each design and seed', async () => {
    const { document } = await runJson(
      '--bytes',
      '512',
      '--design',
      'repaired,linux-3.19',
      '--seed',
      '4',
      '--seeds',
      '3',
    );
    expect(document.runs.map(({ design, seed }) => `${design} ${seed}`)).toEqual([
      'repaired 4',
      'repaired 5',
      'repaired 6',
      'linux-3.19 4',
      'linux-3.19 5',
      'linux-3.19 6',
    ]);
  });

  it('counts what the load costs, and not what setting up does', async () => {
    const { document } = await runJson(
      '--bytes',
      '4096',
      '--request',
      '4096',
      '--align',
      '0',
      '--design',
      'repaired',
    );
    expect(document.runs[0]?.cost).toEqual({
      mappings: 2,
      nativeCalls: 0,
      bouncedBytes: 0,
      // Write: clean. Read: clean, then invalidate.
      linesCleaned: 128,
      linesInvalidated: 64,
      linesCleanInvalidated: 0,
      hypercalls: { GNTTABOP_cache_flush: 3, GNTTABOP_map_grant_ref: 2, GNTTABOP_unmap_grant_ref: 2 },
    });
  });

  it('is of a device that bounces where its address lines do not reach', async () => {
    const { document } = await runJson(
      ...['--bytes', '4096', '--request', '4096', '--align', '0', '--dma-bits', '32'],
    );
    expect(document.runs[0]).toMatchObject({
      verdict: 'intact',
      cost: { nativeCalls: 4, bouncedBytes: 3 * 4096 },
    });
  });
});

describe('files', () => {
  it('what arrived is what was sent, where nothing goes wrong', async () => {
    const sent = Uint8Array.from({ length: 5001 }, (_, i) => (i * 31) % 256);
    const data = file('sent.bin', sent);
    const arrived = pathOf('arrived.bin');
    await dmalab(['run', '--data', data, '--design', 'repaired', '--arrived', arrived]);
    expect(new Uint8Array(readFileSync(arrived))).toEqual(sent);
  });

  it('an image comes back as an image, whole or with what was stale', async () => {
    const pixels = Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 7) % 251);
    const image = file('sent.ppm', Buffer.concat([Buffer.from('P6\n# made here\n96 64\n255\n'), pixels]));
    for (const design of ['repaired', 'linux-6.12']) {
      const picture = pathOf(`${design}.png`);
      await dmalab(['run', '--image', image, '--design', design, '--picture', picture]);
      const { width, height, channels, data } = decode(readFileSync(picture));
      expect([width, height, channels]).toEqual([96, 64, 3]);
      if (design === 'repaired') expect(new Uint8Array(data)).toEqual(pixels);
      else expect(new Uint8Array(data)).not.toEqual(pixels);
      // What was written can be sent again.
      expect((await dmalab(['run', '--image', picture, '--design', 'repaired'])).exit).toBe(0);
    }
  });

  it('a plot has a curve for each different cost, and marks where it goes wrong', async () => {
    const plot = pathOf('plot.svg');
    await dmalab([
      'run',
      '--bytes',
      '512',
      '--align',
      '0',
      '--design',
      'linux-3.19,linux-6.12,repaired',
      '--plot',
      plot,
    ]);
    const svg = readFileSync(plot, 'utf8');
    expect(svg).toContain('linux-3.19, repaired');
    expect(svg).toContain('linux-6.12 (where crossed, data can arrive wrong)');
    expect(svg.match(/<polyline/g)).toHaveLength(2 * 9);
  });
});

describe('what is recorded is judged as it went', () => {
  it.each([
    ['linux-6.12', [], 'errors'],
    ['linux-6.12', ['--align', '0'], 'clean'],
    ['linux-6.12', ['--contiguous', '1', '--depth', '3'], 'clean'],
    ['linux-6.12', ['--persistent'], 'errors'],
    ['linux-6.12', ['--dma-bits', '32'], 'clean'],
    ['linux-6.12', ['--packet', '1400', '--align', '100'], 'hazards'],
    ['linux-7.3', [], 'errors'],
    ['linux-7.3', ['--request', '512', '--depth', '4'], 'clean'],
    ['linux-3.19', ['--kernel', '3.19'], 'clean'],
    ['linux-5.4', ['--kernel', '5.4'], 'errors'],
  ] as const)('%s %j: %s', async (design, args, verdict) => {
    const record = pathOf(`record-${design}-${args.join('')}.txt`);
    const run = await runJson('--bytes', '20480', '--design', design, '--record', record, ...args);
    const kernel = args[0] === '--kernel' ? ['--kernel', args[1]] : [];
    const { document } = await replayJson(record, [
      '--hardware',
      'non-coherent',
      '--design',
      design,
      ...kernel,
    ]);
    const [recorded, own] = document.designs;
    expect(document.trace).toMatchObject({ unparsed: 0, maintenanceRecorded: true });
    expect(document.misuse).toEqual([]);
    expect(recorded).toMatchObject({ name: 'recorded', verdict });
    expect(own?.conformance?.operations).toBeGreaterThan(0);
    expect(own?.conformance).toMatchObject({ mismatches: [], matched: own?.conformance?.operations });
    // Hazards depend on neighbours, which nobody uses here.
    expect(run.document.runs[0]?.verdict).toBe(verdict === 'errors' ? 'corrupted' : 'intact');
    expect(document.trace.mappings).toBeGreaterThanOrEqual(run.document.runs[0]?.cost.mappings ?? 0);
  });

  it('a coherent device\u2019s has no maintenance', async () => {
    const record = pathOf('record-coherent.txt');
    await dmalab(['run', ...CROSSING, '--hardware', 'coherent', '--record', record]);
    const { document } = await replayJson(record, ['--hardware', 'coherent']);
    expect(document.designs[0]).toMatchObject({ name: 'recorded', findings: [] });
  });
});
