import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dmaDirect } from '../designs/index.ts';
import { DEFAULT_BOUNDS } from '../scenario/index.ts';
import { only } from '../scenario/testing.ts';
import { exportCase, LANGUAGES } from './index.ts';
import { shippedCases, tryExport } from './testing.ts';

/** A native scenario with one device that does not snoop, and a buffer. */
const native = (steps: string, more = '', buffer = 'size: 64') =>
  only(`
title: test
story: test
platform: { architecture: arm64, linux: 6.1${more} }
devices: { nic: { coherent: false, behaves: scripted } }
buffers: { data: { ${buffer} } }
steps:
${steps}
`);

const refusal = (...args: Parameters<typeof native>) => {
  const found = tryExport(native(...args), 'promela');
  return 'refused' in found ? found.refused : undefined;
};
const text = (...args: Parameters<typeof native>) => {
  const found = tryExport(native(...args), 'promela');
  return 'model' in found ? found.model : found.refused;
};

describe('a model', () => {
  it('is the same every time', () => {
    for (const { one, design } of shippedCases(1).slice(0, 10))
      for (const language of LANGUAGES)
        expect(tryExport(one, language, design)).toEqual(tryExport(one, language, design));
  });

  it('has one line for many that are alike, and says so', () => {
    const model = text('  - write: data\n  - read: data', '', 'size: 4096');
    expect(model).toContain('line0: 0x40000000, data (stands for 64 lines)');
    expect(model).not.toContain('line1');
  });

  it('tells lines apart that an invalidate covers whole and in part', () => {
    const model = text('  - invalidate: data\n  - read: data', '', 'offset: 32, size: 128');
    expect(model).toContain('line0: 0x40000000, bytes of others | data\n');
    expect(model).toContain('line1: 0x40000040, data + 32\n');
    expect(model).toContain('line2: 0x40000080, data + 96 | bytes of others\n');
  });

  it('leaves out lines of which nothing is asserted', () => {
    expect(text('  - write: data')).not.toContain('line0');
    expect(text('  - read: data')).toContain('line0');
  });

  it('has pending maintenance only where barriers are explicit', () => {
    const steps = '  - clean: data\n  - barrier\n  - device-read: { buffer: data, device: nic }';
    expect(text(steps, ', explicitBarriers: true')).toContain('pending0 = CLEANING');
    expect(text(steps)).not.toContain('pending0');
  });

  it('says whose data it is only where pages change hands', () => {
    expect(text('  - read: data', '', 'size: 64, initially: anothers')).toContain('own_memory0');
    expect(text('  - read: data')).not.toContain('own_');
  });
});

describe('is refused with the reason', () => {
  it.each([
    ['two line sizes', ', lineSize: [64, 128]', /lines of 64 and 128 bytes/],
    ['an outer cache', ', outerCache: true', /outer cache/],
    [
      'maintenance on one core',
      ', xen: 4.20, cpus: 2, quirks: [maintenance-on-local-cpu-only]',
      /executing core/,
    ],
    ['pending maintenance of several cores', ', cpus: 2, explicitBarriers: true', /on 2 cores/],
  ])('%s', (_, platform, reason) => {
    expect(refusal('  - read: data', platform)).toMatch(reason);
  });

  it('more lines than it may have, with how many there are', () => {
    const steps = Array.from(
      { length: 10 },
      (_, i) => `  - read: { buffer: data, bytes: [${i * 64}, 640] }`,
    ).join('\n');
    expect(refusal(steps, '', 'size: 640')).toMatch(/^10 cache lines differ .* \(--lines 10 allows it\)$/);
    expect(tryExport(native(steps, '', 'size: 640'), 'murphi', dmaDirect, { lines: 10 })).toHaveProperty(
      'model',
    );
  });

  it('what depends on the order of agents', () => {
    const one = only(`
title: test
story: test
platform: { architecture: arm64, linux: 6.1, swiotlb: { force: true } }
devices: { nic: { coherent: false, behaves: scripted } }
buffers: { one: { size: 64 }, two: { size: 64 } }
agents:
  first: { domain: host, steps: [{ map: { buffer: one, device: nic, direction: TO_DEVICE } }] }
  second: { domain: host, steps: [{ map: { buffer: two, device: nic, direction: TO_DEVICE } }] }
`);
    expect(tryExport(one, 'promela')).toHaveProperty(
      'refused',
      expect.stringMatching(/depends on the order of the agents/),
    );
  });

  it('agents that wait for ever', () => {
    const one = only(`
title: test
story: test
platform: { architecture: arm64, linux: 6.1 }
buffers: { data: { size: 64 } }
agents:
  first: { domain: host, steps: [{ wait: b }, { signal: a }] }
  second: { domain: host, steps: [{ wait: a }, { signal: b }, { read: data }] }
`);
    const reason = /nobody can go on \(first: wait b; second: wait a\)/;
    expect(tryExport(one, 'promela')).toHaveProperty('refused', expect.stringMatching(reason));
  });

  it('an exploration that is not over within the bounds', () => {
    const [first] = shippedCases(1);
    if (!first) throw new Error('no scenario');
    const found = tryExport(first.one, 'promela', first.design, {
      bounds: { executions: 0, transitions: 1 },
    });
    expect(found).toHaveProperty('refused', expect.stringMatching(/within 0 executions/));
  });
});

it.each([
  ['promela', 'pml'],
  ['murphi', 'm'],
] as const)('a tutorial in %s is as it was', (language, ending) => {
  const file = 'scenarios/tutorial/3-missing-sync.yaml';
  const one = only(readFileSync(file, 'utf8'));
  const about = [
    'A receive buffer that stays mapped needs a sync before the CPU looks',
    `${file}, design dma-direct`,
  ];
  const model = exportCase(one, dmaDirect, { language, bounds: DEFAULT_BOUNDS, about });
  expect(model).toBe(readFileSync(new URL(`golden/missing-sync.${ending}`, import.meta.url), 'utf8'));
});

it('every scenario that ships is exported, or refused with a reason', { timeout: 60_000 }, () => {
  const refused: string[] = [];
  let exported = 0;
  for (const { file, one, design } of shippedCases(1)) {
    const found = tryExport(one, 'murphi', design);
    if ('model' in found) exported++;
    else refused.push(`${file}, ${design.name}: ${found.refused}`);
  }
  // The count is part of the report of a test run.
  process.stdout.write(`exported ${exported}, refused ${refused.length}:\n${refused.join('\n')}\n`);
  expect(exported).toBeGreaterThan(5 * refused.length);
});
