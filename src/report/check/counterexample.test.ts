/** Everything that is made of a violation, over all that ship. Golden files in counterexamples/ were read by eye. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDesign } from '../../designs/index.ts';
import { type CheckRow, checkScenario, summarise } from '../../explore/index.ts';
import { parseScenario, type Scenario } from '../../scenario/index.ts';
import { boardsBeside } from '../../scenario/testing.ts';
import { makeStyle } from '../style.ts';
import { counterexample } from './counterexample.ts';
import { fold } from './counterexample-text.ts';
import { counterexampleTrace, type TraceEvent } from './perfetto.ts';
import { counterexampleSvg } from './svg.ts';

const ROOT = fileURLToPath(new URL('../../../scenarios/', import.meta.url));
const PLAIN = makeStyle(false);

function read(file: string, change = (text: string) => text): Scenario {
  const parsed = parseScenario(
    change(readFileSync(join(ROOT, file), 'utf8')),
    file,
    boardsBeside(join(ROOT, file)),
  );
  if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
  return parsed.scenario;
}

function rowOf(scenario: Scenario, name: string): CheckRow {
  const design = findDesign(name);
  if (!design) throw new Error(name);
  return summarise(scenario, checkScenario(scenario, design, { now: () => 0 })).row;
}

function violationIn(file: string, design: string, change?: (text: string) => string) {
  const { violation } = rowOf(read(file, change), design);
  if (!violation) throw new Error('holds');
  return violation;
}

/** Of each scenario the first design that is expected to violate it. */
const rows = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .sort()
  .flatMap((file) => {
    const scenario = read(file);
    const name = scenario.expectations.find(({ verdict }) => verdict === 'violated')?.designs[0];
    return name === undefined ? [] : [rowOf(scenario, name)];
  });
const CONTEXT = { title: 'A title', scenario: 'scenarios/a.yaml' };

const LONG = 'a-name-that-is-as-long-as-the-language-of-scenarios-lets-be';
const longNames = (text: string) => text.replaceAll('frontend', LONG).replaceAll(/\bdata\b/g, `${LONG}b`);

describe('the timeline', () => {
  it('is never wider than a mail', () => {
    expect(rows.length).toBeGreaterThan(40);
    const violations = [
      ...rows.flatMap(({ violation }) => violation ?? []),
      violationIn('tutorial/5-foreign-page.yaml', 'linux-5.4', longNames),
    ];
    for (const violation of violations)
      for (const line of counterexample(violation, PLAIN).split('\n'))
        expect(line.length, line).toBeLessThanOrEqual(75);
  });

  it('marks where it goes wrong without colour, and once', () => {
    for (const { violation } of rows) {
      if (!violation) continue;
      const marked = counterexample(violation, PLAIN)
        .split('\n')
        .filter((line) => /^ {2}! +\d+ /.test(line));
      expect(marked).toHaveLength(1);
    }
  });

  it.each([
    ['foreign-page', 'tutorial/5-foreign-page.yaml', 'linux-5.4'],
    ['outer-cache', 'thread/06-pl310-foreign-page.yaml', 'linux-3.13'],
    ['hardware-move', 'museum/unmap-arguments-swapped/broken.yaml', 'linux-3.19'],
    ['lost-write', 'museum/grant-lock-dropped/broken.yaml', 'repaired'],
    ['wrong-frame', 'museum/tree-root-read-outside-the-lock/broken.yaml', 'repaired'],
    ['disclosure', 'museum/flush-before-scrub/broken.yaml', 'repaired'],
    ['fault', 'thread/05-one-frame-granted-twice.yaml', 'linux-3.13'],
    ['two-caches', 'museum/maintenance-on-one-cpu/broken.yaml', 'repaired'],
  ])('of %s is as it was read', async (name, file, design) => {
    const text = counterexample(violationIn(file, design), PLAIN);
    await expect(`${text}\n`).toMatchFileSnapshot(`counterexamples/${name}.txt`);
  });

  it('of long names is as it was read', async () => {
    const text = counterexample(violationIn('tutorial/5-foreign-page.yaml', 'linux-5.4', longNames), PLAIN);
    await expect(`${text}\n`).toMatchFileSnapshot('counterexamples/long-names.txt');
  });
});

it('folded text has every word and no line that is too long', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$|^\[0x[0-9a-f]{1,9}, 0x[0-9a-f]{1,9}\)$/), {
    minLength: 1,
  });
  fc.assert(
    fc.property(
      words,
      fc.integer({ min: 12, max: 40 }),
      fc.integer({ min: 0, max: 4 }),
      (all, width, hanging) => {
        const lines = fold(all.join(' '), width, hanging);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        const bare = (text: string) => text.replaceAll(/\s/g, '');
        expect(bare(lines.join(''))).toBe(bare(all.join('')));
      },
    ),
  );
});

describe('the picture', () => {
  it('is well-formed, and needs nothing from elsewhere', () => {
    for (const row of rows) {
      const svg = counterexampleSvg(row, CONTEXT);
      expect(unbalanced(svg)).toEqual([]);
      expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
        /href|http|<script|<style|NaN|undefined/,
      );
    }
  });

  it('escapes what comes from outside', () => {
    const [row] = rows;
    if (!row) throw new Error('none');
    const svg = counterexampleSvg(row, { title: '<b>&"\'\u0000', scenario: ']]>&lt;' });
    expect(unbalanced(svg)).toEqual([]);
    expect(svg).toContain('&lt;b&gt;&amp;&quot;&apos;\uFFFD');
    expect(svg).toContain(']]&gt;&amp;lt;');
  });

  it('says in words what each copy holds, and marks one place', () => {
    for (const row of rows) {
      const svg = counterexampleSvg(row, CONTEXT);
      expect(svg.match(/>! /g)).toHaveLength(1);
      for (const { name } of row.violation?.steps.at(-1)?.copies ?? []) expect(svg).toContain(`>${name}<`);
    }
  });
});

/** Tags that are not closed, or not open. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const tags = svg
    .replace(/^<\?xml[^>]*\?>/, '')
    .matchAll(/<(\/?)([a-z][A-Za-z]*)((?: [\w:-]+="[^"<>]*")*)(\/?)>|[<>]/g);
  for (const [all, end, name = all, , empty] of tags) {
    if (all === '<' || all === '>') wrong.push(all);
    else if (end) {
      if (open.pop() !== name) wrong.push(name);
    } else if (!empty) open.push(name);
  }
  return [...wrong, ...open];
}

describe('the trace', () => {
  const traces = rows.map((row) => counterexampleTrace(row, { ...CONTEXT, version: '1.2.3' }));

  it('has what the format asks of each event', () => {
    for (const { traceEvents, otherData } of traces) {
      expect(otherData['time']).toContain('not real');
      for (const event of traceEvents) {
        for (const number of [event.ts, event.pid, event.tid]) expect(Number.isInteger(number)).toBe(true);
        expect(event.name.length).toBeGreaterThan(0);
        if (event.ph === 'X') expect(event.dur).toBeGreaterThan(0);
        if (event.ph === 'i') expect(event.s).toMatch(/^[tg]$/);
        if (event.ph === 's' || event.ph === 'f') expect(event.id).toBe(1);
      }
    }
  });

  it('names each track, and slices of one nest or follow each other', () => {
    for (const { traceEvents } of traces) {
      const named = new Set(traceEvents.filter(({ name }) => name === 'thread_name').map(trackName));
      const slices = traceEvents.filter((event) => event.ph === 'X');
      for (const track of new Set(traceEvents.filter(({ ph }) => ph !== 'M').map(trackName))) {
        expect(named).toContain(track);
        const open: number[] = [];
        for (const { ts, dur } of slices.filter((slice) => trackName(slice) === track)) {
          while ((open.at(-1) ?? Number.POSITIVE_INFINITY) <= ts) open.pop();
          expect(ts + dur).toBeLessThanOrEqual(open.at(-1) ?? Number.POSITIVE_INFINITY);
          open.push(ts + dur);
        }
      }
    }
  });

  it('marks one place, and every flow has both ends, each within a slice', () => {
    let flows = 0;
    for (const { traceEvents } of traces) {
      expect(traceEvents.filter((event) => event.ph === 'i' && event.s === 'g')).toHaveLength(1);
      const ends = traceEvents.filter(({ ph }) => ph === 's' || ph === 'f');
      expect(ends.map(({ ph }) => ph)).toEqual(ends.length === 0 ? [] : ['s', 'f']);
      for (const end of ends)
        expect(
          traceEvents.some(
            (event) =>
              event.ph === 'X' &&
              trackName(event) === trackName(end) &&
              event.ts <= end.ts &&
              end.ts < event.ts + event.dur,
          ),
        ).toBe(true);
      flows += ends.length;
    }
    expect(flows).toBeGreaterThan(10);
  });
});

const trackName = ({ pid, tid }: TraceEvent) => `${pid}:${tid}`;
