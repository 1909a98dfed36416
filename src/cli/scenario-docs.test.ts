/** The examples of docs/scenarios.md, checked; and nothing that can be written is missing there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCHEMAS } from '../../scripts/write-schemas.ts';
import { parseScenario } from '../scenario/index.ts';
import { dmalab, file } from './testing.ts';

const text = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/```yaml\n(title: (.*)\n[^`]*|#.*\ntitle: (.*)\n[^`]*)```/g)].map(
  ([, yaml = '', title, second]) => [title ?? second ?? '', yaml] as const,
);
const wrong = [...text.matchAll(/```yaml wrong\n([^`]*)```\n\n```text\n([^`]*)```/g)].map(
  ([, yaml = '', errors = '']) => [yaml, errors] as const,
);

describe('examples', () => {
  it('are all found', () => {
    const fences = [...text.matchAll(/^```\w/gm)].length;
    expect(examples.length + 2 * wrong.length).toBe(fences);
  });

  it.each(examples)('%s: as it expects', async (_, yaml) => {
    const { exit, out, errors } = await dmalab(['check', file('example.yaml', yaml), '--quiet']);
    expect(errors).toEqual([]);
    expect(exit, out).toBe(0);
  });

  it.each(wrong)('errors of %j', (yaml, errors) => {
    const result = parseScenario(yaml, 'transfer.yaml');
    expect('errors' in result && result.errors.slice(0, errors.trimEnd().split('\n').length)).toEqual(
      errors.trimEnd().split('\n'),
    );
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Names of all fields and actions. */
function namesIn(schema: Schema | boolean | undefined): string[] {
  if (typeof schema !== 'object') return [];
  const { properties = {}, additionalProperties, items, anyOf = [], $defs = {} } = schema;
  const inner = [...Object.values(properties), ...anyOf, ...Object.values($defs)];
  return [
    ...Object.keys(properties),
    ...[...inner, additionalProperties, items].flatMap((one) => namesIn(one)),
  ];
}

it('every field and every action has its place', () => {
  const names = new Set(namesIn(JSON.parse(SCHEMAS['scenario.schema.json'] ?? '{}')));
  const isThere = (name: string) => text.includes(`\`${name}\``) || text.includes(`${name}:`);
  expect([...names].filter((name) => !isThere(name))).toEqual([]);
  expect(names.size).toBeGreaterThan(80);
});
