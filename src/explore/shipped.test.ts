/** The scenarios that ship: every expectation, and what the folders promise of themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DESIGNS, findDesign } from '../designs/index.ts';
import { parseScenario, type Scenario } from '../scenario/index.ts';
import { boardsBeside } from '../scenario/testing.ts';
import { checkCase } from './check-case.ts';
import { checkScenario, summarise } from './index.ts';

const ROOT = fileURLToPath(new URL('../../scenarios/', import.meta.url));

const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
  .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
  .sort();

function read(file: string): Scenario {
  const parsed = parseScenario(readFileSync(join(ROOT, file), 'utf8'), file, boardsBeside(join(ROOT, file)));
  if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
  return parsed.scenario;
}

const scenarios = files.map(read);
const inFolder = (folder: string) => scenarios.filter(({ file }) => file.startsWith(`${folder}/`));

describe.each(scenarios.map((scenario) => [scenario.file, scenario] as const))('%s', (_, scenario) => {
  it('comes out as expected', { timeout: 60_000 }, () => {
    for (const { name } of DESIGNS) {
      const design = findDesign(name);
      if (!design || !scenario.expectations.some(({ designs }) => designs.includes(name))) continue;
      const summary = summarise(scenario, checkScenario(scenario, design, { now: () => 0 }));
      expect(summary.asExpected, `${name}: ${summary.row.because}`).toBe(true);
    }
  });
});

it('every expectation has a reason', () => {
  for (const { expectations } of scenarios) {
    expect(expectations.length).toBeGreaterThan(0);
    for (const { because } of expectations) expect(because.length).toBeGreaterThan(5);
  }
});

describe('the museum', () => {
  const pairs = new Map<string, { broken?: Scenario; repaired?: Scenario }>();
  for (const scenario of inFolder('museum')) {
    const [, name = '', which = ''] = scenario.file.split('/');
    pairs.set(name, { ...pairs.get(name), [which.replace('.yaml', '')]: scenario });
  }

  it('has at least 30 pairs', () => {
    expect(pairs.size).toBeGreaterThanOrEqual(30);
  });

  it.each([...pairs])('%s: the two differ by the mechanism alone, and so does the outcome', (_, pair) => {
    const { broken, repaired } = pair;
    if (!broken || !repaired) throw new Error('not a pair');
    const differences = differing(caseOf(broken), caseOf(repaired));
    // The mechanism: a bug of the platform, a step or its argument, a property of a device; or the design alone.
    expect(differences.length).toBeLessThanOrEqual(1);
    const designs = (scenario: Scenario) => scenario.expectations.flatMap((each) => each.designs).sort();
    if (differences.length === 1) expect(designs(broken)).toEqual(designs(repaired));
    else expect(designs(broken).filter((name) => designs(repaired).includes(name))).toEqual([]);
    for (const { verdict } of broken.expectations) expect(verdict).toBe('violated');
    for (const { verdict } of repaired.expectations) expect(verdict).toBe('holds');
  });
});

/** A case without the lines on which its steps stand. */
function caseOf({ cases }: Scenario): unknown {
  return JSON.parse(JSON.stringify(cases[0], (key, value: unknown) => (key === 'line' ? undefined : value)));
}

/** Paths at which two values differ; an element more or less in a list is one difference. */
function differing(a: unknown, b: unknown, path = ''): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) {
    const [short, long] = a.length < b.length ? [a, b] : [b, a];
    const rest = [...long];
    for (const element of short) {
      const at = rest.findIndex((other) => JSON.stringify(other) === JSON.stringify(element));
      if (at >= 0) rest.splice(at, 1);
    }
    return rest.length === long.length - short.length
      ? [`${path}: one more`]
      : [`${path}: other`, `${path}: elements`];
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return [path];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    differing((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`),
  );
}

describe('the thread', () => {
  it('has a scenario or more for each of its fifteen claims', () => {
    const claims = new Set(
      inFolder('thread').map(({ file }) => Number(file.slice('thread/'.length).slice(0, 2))),
    );
    expect([...claims].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
  });

  it('is walked through in docs/thread.md, every scenario of it', () => {
    const text = readFileSync(join(ROOT, '../docs/thread.md'), 'utf8');
    for (const { file } of inFolder('thread')) expect(text).toContain(file.slice('thread/'.length));
    for (const [, name = ''] of text.matchAll(/`(?:scenarios\/thread\/)?(\d\d-[a-z0-9-]+\.yaml)`/g))
      expect(files).toContain(`thread/${name}`);
  });
});

it('there are five tutorials', () => {
  expect(inFolder('tutorial')).toHaveLength(5);
});

describe('sweeps', () => {
  const first = (file: string, design: string) => {
    const found = findDesign(design);
    if (!found) throw new Error(design);
    const scenario = read(file);
    return summarise(scenario, checkScenario(scenario, found, { now: () => 0 }));
  };

  it('report the smallest case: a sector offset, and a buffer that just crosses the page', () => {
    const { row, violated } = first('sweeps/page-crossing.yaml', 'linux-6.12');
    expect(violated).toBeGreaterThan(0);
    expect(row.scenario).toContain('#buffers.data.offset=512,buffers.data.size=4096');
    expect(row.violation?.missed.length).toBeGreaterThan(0);
  });

  it('stay silent for designs whose loop is right', () => {
    expect(first('sweeps/page-crossing.yaml', 'linux-3.19').violated).toBe(0);
    expect(first('sweeps/page-crossing.yaml', 'repaired').violated).toBe(0);
  });
});

it('the repaired design holds wherever any other one does', { timeout: 300_000 }, () => {
  const repaired = findDesign('repaired');
  if (!repaired) throw new Error('no such design');
  // What no design of an Arm dom0 without an SMMU can repair is no defect of the DMA layer; neither is a bug elsewhere (a quirk).
  const others = DESIGNS.filter(({ on, needs, name }) => on === 'xen' && !needs && name !== 'repaired');
  let repairs = 0;
  for (const { file, cases, bounds, expectations } of scenarios) {
    const judged = cases.filter(
      ({ platform }) => platform.xen && !platform.smmu && platform.quirks.length === 0,
    );
    const fails = judged.filter((one) => checkCase(one, repaired, bounds).verdict !== 'holds');
    for (const one of fails) {
      const better = others.filter((design) => checkCase(one, design, bounds).verdict === 'holds');
      expect(
        better.map(({ name }) => name),
        `${file} ${one.name}`,
      ).toEqual([]);
    }
    const isDefect = expectations.some(({ verdict }) => verdict === 'violated');
    if (isDefect && judged.length > 0 && fails.length === 0) repairs++;
  }
  // Scenarios in which another design is expected to go wrong.
  expect(repairs).toBeGreaterThan(10);
});

describe('bounds', () => {
  it('that are hit make the verdict inconclusive', () => {
    const scenario = read('thread/11-index-race.yaml');
    const design = findDesign('repaired');
    if (!design) throw new Error('no design');
    const bounded = { ...scenario, bounds: { executions: 1, transitions: 10 } };
    const [row] = checkScenario(bounded, design, { now: () => 0 });
    expect(row).toMatchObject({ verdict: 'inconclusive', asExpected: false });
    expect(row?.because).toContain('the bound of');
  });
});
