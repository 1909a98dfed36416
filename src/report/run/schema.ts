/** The JSON document of `run --json`. The schema is the contract; schemas/ holds it as JSON Schema. */
import { z } from 'zod';

const count = z.int().min(0);
const address = z.string().regex(/^0x[0-9a-f]+$/);
const range = z.tuple([address, address]).describe('[from, to): machine addresses');

const flush = z.object({
  at: z.enum(['map', 'unmap']),
  issued: z.string().describe('the operation with all its arguments'),
  meant: z.string().describe('bytes of the buffer that it is there for'),
  landed: z.string().describe('bytes that it was carried out on'),
});

const finding = z.object({
  rule: z.enum(['stale-device-read', 'stale-cpu-read', 'lost-write', 'disclosure', 'wrong-frame', 'fault']),
  consequence: z.boolean().describe('follows from another finding'),
  hardwareMoves: count.nullable().describe('null where no cache is involved'),
  ranges: z.array(range),
  line: address.describe('first byte of the first cache line'),
  when: z.string().describe('what was going on when it showed'),
  had: z.string().nullable().describe('whose bytes were read'),
  should: z.string().nullable().describe('whose should have been'),
  device: z.string().nullable(),
  dmaAddr: address.nullable(),
  size: count.nullable(),
  dir: z.enum(['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL']).nullable(),
  flush: flush.nullable().describe('the very operation that missed the bytes or destroyed them'),
  explanation: z.string(),
});

const wrong = z.object({
  from: count.describe('[from, to) of the data, bytes'),
  to: count,
  differing: count.describe('bytes of them that differ from what was sent'),
  request: count,
  finding: count.nullable().describe('index of what made them so'),
});

const run = z.object({
  design: z.string(),
  seed: count,
  verdict: z
    .enum(['intact', 'corrupted', 'can-be-corrupted', 'failed'])
    .describe('failed: requests were answered with errors; can-be-corrupted: on the adversarial machine'),
  errors: count,
  wrong: z.array(wrong),
  findings: z.array(finding),
  cost: z.object({
    mappings: count,
    nativeCalls: count,
    bouncedBytes: count,
    linesCleaned: count,
    linesInvalidated: count,
    linesCleanInvalidated: count,
    hypercalls: z.record(z.string(), count),
  }),
});

export const runDocument = z.object({
  schema: z.literal('dmalab/run@1'),
  load: z.object({
    kind: z.enum(['disk', 'net']),
    bytes: count,
    description: z.string(),
  }),
  machine: z.object({
    kind: z.enum(['concrete', 'adversarial']),
    lineSize: count,
    coherent: z.boolean(),
    cache: z.string(),
  }),
  runs: z.array(run),
});
export type RunDocument = z.infer<typeof runDocument>;
