/** Whatever the text, there is a scenario or errors with places in it, and soon. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Case, parseScenario, writeScenario } from './index.ts';

vi.setConfig({ testTimeout: 30_000 });

// Without sweeps, which take their time and are tested by themselves.
const folder = new URL('../../scenarios/', import.meta.url);
const valid = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .sort()
  .map((file) => readFileSync(new URL(file, folder), 'utf8'))
  .filter((text) => !text.includes('sweep:'));

/** Nothing but a scenario or errors comes out of it. */
function check(text: string): void {
  const result = parseScenario(text, 'fuzz.yaml');
  if ('errors' in result) {
    const lines = text.split('\n').length;
    expect(result.errors.length).toBeGreaterThan(0);
    expect(result.errors.length).toBeLessThanOrEqual(10);
    for (const { line, column, message } of result.problems) {
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(lines);
      expect(column).toBeGreaterThan(0);
      expect(message).not.toContain('\n');
    }
    return;
  }
  const [one] = result.scenario.cases;
  if (one === undefined) throw new Error('a scenario without a case');
  // What was taken for right is right: it can be written, and read again.
  const again = parseScenario(writeScenario(one, { title: 'x' }), 'again.yaml');
  if ('errors' in again) throw new Error(again.errors.join('\n'));
  expect(again.scenario.cases.map(comparable)).toEqual([comparable(one)]);
}

const comparable = ({ name: _, ...one }: Case) => ({
  ...one,
  agents: one.agents.map((agent) => ({ ...agent, steps: agent.steps.map((step) => ({ ...step, line: 0 })) })),
});

const TOKENS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    ',',
    '- ',
    '\n',
    '  ',
    '\t',
    '#',
    '&a ',
    '*a',
    '!x ',
    '|',
    '>',
    '"',
    "'",
    '?',
  ],
  ...[
    'null',
    'true',
    '-1',
    '0',
    '1e9',
    '0x',
    '4096',
    '9007199254740993',
    '16MiB',
    'none',
    '__proto__',
    'constructor',
  ],
  ...[
    'page',
    'data',
    'guest',
    'dom0',
    'nic',
    'read',
    'map',
    'grant',
    'steps',
    'agents',
    'after: data',
    'sweep',
  ],
  ...['\0', '\u2028', '\ud800', '\ufeff', '%YAML 1.1\n---\n', '---\n', '...\n', '<<: '],
];

/** An edit of a text at a place: part of it is left out and something put there. */
const edit = fc.record({
  at: fc.nat({ max: 2 ** 20 }),
  length: fc.nat({ max: 12 }),
  token: fc.oneof(fc.constantFrom('', ...TOKENS), fc.string({ maxLength: 4 })),
});

function edited(text: string, edits: readonly { at: number; length: number; token: string }[]): string {
  return edits.reduce((current, { at, length, token }) => {
    const from = at % (current.length + 1);
    return current.slice(0, from) + token + current.slice(from + length);
  }, text);
}

describe('the parser', () => {
  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), check), { numRuns: 300 });
  });

  it('takes any tokens', () => {
    const tokens = fc.array(fc.constantFrom(...TOKENS), { maxLength: 60 }).map((all) => all.join(''));
    fc.assert(fc.property(tokens, check), { numRuns: 500 });
  });

  it('takes any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((all) => new TextDecoder().decode(all));
    fc.assert(fc.property(bytes, check), { numRuns: 200 });
  });

  it('takes scenarios with random edits', () => {
    const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...valid), edits, (text, all) => check(edited(text, all))),
      { numRuns: 600 },
    );
  });

  it('takes scenarios with two lines exchanged, left out or doubled', () => {
    const place = fc.nat({ max: 1000 });
    fc.assert(
      fc.property(fc.constantFrom(...valid), place, place, fc.nat({ max: 2 }), (text, a, b, what) => {
        const lines = text.split('\n');
        const [i, j] = [a % lines.length, b % lines.length];
        const [one = '', other = ''] = [lines[i], lines[j]];
        if (what === 0) lines.splice(i, 1);
        else if (what === 1) lines.splice(j, 0, one);
        else [lines[i], lines[j]] = [other, one];
        check(lines.join('\n'));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the largest texts', () => {
  const size = 64 * 1024;
  const times = (text: string) => text.repeat(Math.floor(size / text.length));

  it.each(['[', '- ', '? ', '! ', '*a ', '"', 'a:\n', '- &a x\n- *a\n', ': '])('made of %j', (text) => {
    const begin = performance.now();
    check(times(text));
    expect(performance.now() - begin).toBeLessThan(8_000);
  });

  it.each([
    ['buffers', (i: number) => `buffers: { ${many(i, (n) => `b${n}: { after: b${n + 1} }`)} }`],
    ['agents', (i: number) => `agents: { ${many(i, (n) => `a${n}: { steps: [] }`)} }`],
    ['steps', (i: number) => `steps: [ ${many(i, () => '{ wait: x }')} ]`],
    ['signals', (i: number) => `steps: [ ${many(i, (n) => `{ signal: x${n} }`)} ]`],
    ['a sweep', (i: number) => `steps: [barrier]\nsweep: { ${many(i, (n) => `platform.x${n}: [1, 2]`)} }`],
    ['a range', () => 'steps: [barrier]\nsweep: { platform.cpus: { from: 0, to: 16777216 } }'],
  ])('with too many %s', (_, text) => {
    const begin = performance.now();
    check(`title: x\n${text(4000)}`);
    expect(performance.now() - begin).toBeLessThan(8_000);
  });
});

const many = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index)).join(', ');
