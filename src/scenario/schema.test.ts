/** What editors are told of scenarios, against what the parser takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { writeScenario } from './index.ts';
import { arbitraryCase, problemsOf } from './testing.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const shipped = JSON.parse(readFileSync(join(root, 'schemas/scenario.schema.json'), 'utf8'));
const schema = z.fromJSONSchema(shipped);
const files = readdirSync(join(root, 'scenarios'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);

/** As an editor does: YAML's own numbers and booleans. */
const accepts = (text: string) => schema.safeParse(parse(text)).success;

describe('the JSON Schema', () => {
  it('accepts every shipped scenario that the parser accepts', () => {
    const texts = files
      .map((file) => readFileSync(join(root, 'scenarios', file), 'utf8'))
      .filter((text) => problemsOf(text).length === 0);
    expect(texts.filter((text) => !accepts(text))).toEqual([]);
    expect(texts.length).toBeGreaterThan(5);
  });

  it('accepts what is written', () => {
    fc.assert(
      fc.property(arbitraryCase(), (one) => accepts(writeScenario(one, { title: 'x' }))),
      { numRuns: 30 },
    );
  });

  it.each([
    ['an unknown key', 'title: x\nsteps: [barrier]\nstep: 3'],
    ['no title', 'steps: [barrier]'],
    ['an unknown action', 'title: x\nsteps: [{ raed: data }]'],
    ['two actions in a step', 'title: x\nsteps: [{ read: data, write: data }]'],
    ['a number for a name', 'title: x\nsteps: [{ read: 3 }]'],
    ['a size that is none', 'title: x\nbuffers: { data: { size: many } }\nsteps: [barrier]'],
    ['an offset beyond the page', 'title: x\nbuffers: { data: { offset: 4096 } }\nsteps: [barrier]'],
    [
      'an unknown design',
      'title: x\nsteps: [barrier]\nexpect: [{ designs: [x], verdict: holds, because: x }]',
    ],
    ['an unknown quirk', 'title: x\nplatform: { quirks: [x] }\nsteps: [barrier]'],
  ])('refuses %s, as the parser does', (_, text) => {
    expect(accepts(text)).toBe(false);
    expect(problemsOf(text)).not.toEqual([]);
  });

  it('describes every field', () => {
    const undescribed = Object.entries(shipped.properties).filter(
      ([, field]) => !(field as { description?: string }).description,
    );
    expect(undescribed.map(([name]) => name)).toEqual([]);
  });
});
