/** The JSON documents of `audit --json`. The schemas are the contract; schemas/ holds them as JSON Schema. */
import { z } from 'zod';
import { RULES, type Rule } from '../../audit/index.ts';

const address = z.string().regex(/^0x[0-9a-f]+$/);
const path = z.string().regex(/^\//).describe('full node path');
const nodePath = path.nullable();
const rules = Object.keys(RULES) as Rule[];

const underXen = z.object({
  class: z
    .string()
    .regex(
      /^(no maintenance|native for local and hypercall for foreign|native for local and foreign|bounce|cannot address|unsafe: .+)$/,
    )
    .describe('what DMA of guests\u2019 pages needs, when a backend in dom0 puts them through this device'),
  because: z.string(),
  designs: z.array(z.string()).describe('designs for which this holds'),
});

const device = z.object({
  path,
  names: z.string().describe('labels (&label) and aliases, separated by commas; may be empty'),
  kind: z
    .string()
    .nullable()
    .describe('what it is, where its name or binding tells; "pci": a host bridge and all that is behind it'),
  does: z.string().describe('how one can tell that it does DMA'),
  coherent: z.boolean().describe('as the device tree tells Linux'),
  because: z.string().describe('why so: node and property'),
  outerCache: nodePath.describe('cache beyond those that instructions maintain'),
  iommu: nodePath.describe('enabled IOMMU in front of it'),
  dmaLimit: address.nullable().describe('last machine address that it reaches; null: no dma-ranges limit it'),
  windows: z
    .array(z.object({ dma: address, machine: address, size: address }))
    .describe(
      'DMA addresses [dma, dma + size) are machine addresses from `machine` on; empty: all are the same; the first 8',
    ),
  underXen,
});

const finding = z.object({
  rule: z.enum(rules),
  severity: z.enum(['error', 'hazard', 'note']),
  path,
  explanation: z.string(),
});

const board = z.object({
  file: z.string().describe('as given'),
  model: z.string(),
  compatible: z.array(z.string()),
  devices: z.array(device),
  findings: z.array(finding),
});

export const auditDocument = z.object({ schema: z.literal('dmalab/audit@1'), boards: z.array(board) });
export type AuditDocument = z.infer<typeof auditDocument>;

const change = z.object({
  what: z.enum(['coherent', 'dmaLimit', 'windows', 'iommu', 'outerCache', 'underXen']),
  before: z.string(),
  after: z.string(),
});

export const comparisonDocument = z.object({
  schema: z.literal('dmalab/audit-comparison@1'),
  before: z.string().describe('the first file, as given'),
  after: z.string().describe('the second'),
  removed: z.array(path).describe('devices that are no longer there'),
  added: z.array(path),
  changed: z.array(z.object({ path, changes: z.array(change) })),
  resolved: z.array(finding).describe('findings (rule and path) that only the first has'),
  introduced: z.array(finding).describe('and that only the second has'),
});
export type ComparisonDocument = z.infer<typeof comparisonDocument>;
