/** Writes the JSON Schemas that ship with the package, from the zod schemas that reports and scenarios are checked against. */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { auditDocument, comparisonDocument } from '../src/report/audit/schema.ts';
import { checkDocument } from '../src/report/check/schema.ts';
import { replayDocument } from '../src/report/replay/schema.ts';
import { runDocument } from '../src/report/run/schema.ts';
import { scenarioFile } from '../src/scenario/schema.ts';

const FOLDER = new URL('../schemas/', import.meta.url);

/** What each shipped file must hold, by name. */
export const SCHEMAS: Readonly<Record<string, string>> = {
  'replay.schema.json': schemaText(
    replayDocument,
    'dmalab/replay@1',
    'What dmalab replay --json prints. Later versions of @1 may add members; none is taken away.',
  ),
  'check.schema.json': schemaText(
    checkDocument,
    'dmalab/check@1',
    'What dmalab check --json prints. Later versions of @1 may add members; none is taken away.',
  ),
  'audit.schema.json': schemaText(
    auditDocument,
    'dmalab/audit@1',
    'What dmalab audit --json prints. Later versions of @1 may add members; none is taken away.',
  ),
  'audit-comparison.schema.json': schemaText(
    comparisonDocument,
    'dmalab/audit-comparison@1',
    'What dmalab audit --compare --json prints. Later versions of @1 may add members; none is taken away.',
  ),
  'run.schema.json': schemaText(
    runDocument,
    'dmalab/run@1',
    'What dmalab run --json prints. Later versions of @1 may add members; none is taken away.',
  ),
  'scenario.schema.json': schemaText(
    scenarioFile,
    'dmalab scenario',
    'A scenario for dmalab check. Editors complete from this; docs/scenarios.md is the reference.',
  ),
};

/** As input: documents may have members that this version does not know. */
function schemaText(document: z.ZodType, title: string, description: string): string {
  const { $schema, ...schema } = z.toJSONSchema(document, {
    target: 'draft-2020-12',
    io: 'input',
    // zod says what the members of a tuple are, not how many there must be.
    override: ({ jsonSchema }) => {
      const length = jsonSchema.prefixItems?.length;
      if (length !== undefined) Object.assign(jsonSchema, { minItems: length, maxItems: length });
    },
  });
  return `${JSON.stringify({ $schema, title, description, ...schema }, undefined, 2)}\n`;
}

if (import.meta.main)
  for (const [name, text] of Object.entries(SCHEMAS)) {
    writeFileSync(new URL(name, FOLDER), text);
    console.log(`schemas/${name}`);
  }
