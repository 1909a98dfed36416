import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SCHEMAS } from '../../scripts/write-schemas.ts';

const folder = new URL('../../schemas/', import.meta.url);

it('are shipped as the reports are written: node scripts/write-schemas.ts', () => {
  expect(readdirSync(folder).sort()).toEqual(Object.keys(SCHEMAS).sort());
  for (const [name, text] of Object.entries(SCHEMAS))
    expect(readFileSync(new URL(name, folder), 'utf8'), name).toBe(text);
});

it('of reports name the document that they are of', () => {
  for (const [name, text] of Object.entries(SCHEMAS)) {
    if (name === 'scenario.schema.json') continue;
    const schema = JSON.parse(text);
    expect(schema.properties.schema.const).toBe(schema.title);
    expect(schema.required).toContain('schema');
  }
});
