/** The JSON document of `check --json`. The schema is the contract; schemas/ holds it as JSON Schema. */
import { z } from 'zod';
import { kernelSource } from '../kernel-source-schema.ts';

const count = z.int().min(0);
const address = z.string().regex(/^0x[0-9a-f]+$/);
const range = z.tuple([address, address]).describe('[from, to): machine addresses');
const verdict = z.enum(['holds', 'violated', 'inconclusive']);

const step = z.object({
  agent: z.string().describe('name of the agent; "hardware" for a spontaneous move of the cache'),
  action: z.string(),
  at: z.string().describe('address or range, or empty'),
  state: z.string().describe('what each copy of the byte holds after it; empty where no cache is involved'),
});

const result = z.object({
  scenario: z.string().describe('the scenario\u2019s file; #case appended in sweeps'),
  design: z.string(),
  verdict,
  expected: verdict.nullable().describe('null where none is written'),
  asExpected: z.boolean().nullable(),
  because: z
    .string()
    .optional()
    .describe('why it is inconclusive or not as expected, or why it means little that it holds'),
  executions: count,
  transitions: count,
  ms: z.number().min(0),
  violation: z
    .object({
      rule: z.enum([
        'stale-device-read',
        'stale-cpu-read',
        'lost-write',
        'disclosure',
        'wrong-frame',
        'fault',
        'kernel-bug',
        'kernel-warning',
      ]),
      hardwareMoves: count.nullable(),
      missed: z.array(range).describe('bytes of the buffer that go wrong'),
      touched: z.array(range).describe('bytes of others that are destroyed'),
      explanation: z.string(),
      steps: z.array(step),
    })
    .optional(),
});

export const checkDocument = z.object({
  schema: z.literal('dmalab/check@1'),
  kernelSource,
  results: z.array(result),
});
export type CheckDocument = z.infer<typeof checkDocument>;
