/** The JSON document of `replay --json`. The schema is the contract; schemas/ holds it as JSON Schema. */
import { z } from 'zod';
import { kernelSource } from '../kernel-source-schema.ts';

const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .describe('address, hexadecimal');
const count = z.int().min(0);
const direction = z.enum(['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE']);
const severity = z.enum(['error', 'hazard']);
const range = z.tuple([address, address]).describe('[from, to): DMA addresses, the slot\u2019s when bounced');

const finding = z.object({
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
  severity,
  hardwareMoves: count
    .nullable()
    .describe('fewest spontaneous hardware moves; null where no cache is involved'),
  device: z.string(),
  line: count.describe('trace line of the map event'),
  dmaAddr: address,
  size: count,
  dir: direction,
  missed: z.array(range).describe('bytes of the buffer whose maintenance is missing'),
  touched: z.array(range).describe('bytes outside it that were destructively maintained'),
  explanation: z.string(),
});

const misuse = z.object({
  rule: z.string(),
  severity,
  device: z.string(),
  line: count,
  dmaAddr: address,
  size: count,
  dir: direction,
  explanation: z.string(),
});

const cost = z.object({
  hypercalls: count,
  linesCleaned: count,
  linesInvalidated: count,
  linesCleanInvalidated: count,
  bouncedBytes: count,
  indexInserts: count,
  indexRemoves: count,
  indexLookups: count,
  indexPeak: count,
});

const design = z.object({
  name: z.string().describe('"recorded" is the maintenance in the trace itself'),
  verdict: z.enum(['clean', 'hazards', 'errors', 'inconclusive', 'not-recorded']),
  inconclusive: z.array(z.object({ line: count, device: z.string(), because: z.string() })),
  findings: z.array(finding),
  findingsDropped: count.describe('further findings that were counted and not kept'),
  cost,
  conformance: z
    .object({
      operations: count,
      matched: count,
      mismatches: z.array(
        z.object({ line: count, predicted: z.string().nullable(), recorded: z.string().nullable() }),
      ),
    })
    .nullable(),
});

export const replayDocument = z.object({
  schema: z.literal('dmalab/replay@1'),
  kernelSource,
  trace: z.object({
    lines: count,
    events: count,
    mappings: count,
    foreignMappings: count,
    unparsed: count,
    lost: count,
    kernel: z.string().describe('as given, or the release inferred from the names of events'),
    maintenanceRecorded: z.boolean(),
  }),
  platform: z.object({
    xen: z.boolean(),
    xenBecause: z.string(),
    ownDesign: z.string(),
    ownDesignBecause: z.string(),
    lineSize: count,
    locality: z.string().describe('how local pages were told from foreign ones'),
  }),
  devices: z.array(
    z.object({
      name: z.string(),
      coherent: z.boolean().nullable().describe('what the kernel believes; null: not known'),
      because: z.string(),
      mappings: count,
      foreignMappings: count,
    }),
  ),
  misuse: z.array(misuse),
  designs: z.array(design),
  assumptions: z.array(z.string()),
});
export type ReplayDocument = z.infer<typeof replayDocument>;
