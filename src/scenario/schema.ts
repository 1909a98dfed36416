/** The shape of a scenario file. schemas/scenario.schema.json, which editors complete from, is written from it. */
import { z } from 'zod';
import { PAGE_SIZE } from '../address/index.ts';
import { DESIGNS } from '../designs/index.ts';
import { LINUX_RELEASES } from '../linux/index.ts';
import { QUIRKS } from '../linux/simulated/index.ts';
import type { MachineRule } from '../machine/index.ts';
import { XEN_QUIRKS, XEN_VERSIONS } from '../xen/index.ts';
import { bufferSize, step } from './step-schema.ts';
import { sweepShape } from './sweep.ts';
import { fields, flag, integer, name, named, optionalFields, version, words } from './values.ts';

/** What can be violated: the machine's rules and those that do not depend on a cache.*/
const RULES = [
  'stale-device-read',
  'stale-cpu-read',
  'lost-write',
  'disclosure',
  'wrong-frame',
  'fault',
] as const satisfies readonly (MachineRule | 'wrong-frame' | 'fault')[];

const LINE_SIZE = 'a power of two from 32 to 2048';
const lineSize = () => integer(32, 2048, LINE_SIZE, (value) => Number.isInteger(Math.log2(value)));
const lineSizes = () => z.union([lineSize(), z.tuple([lineSize(), lineSize()])]);
const count = (to: number) => integer(1, to, `a number from 1 to ${to}`);
/** As many as cannot take long to check. */
const MOST = { domains: 16, devices: 16, buffers: 64, agents: 16, steps: 200, schedule: 2000, designs: 64 };
/** Bytes: what a bus of Arm addresses. */
const ADDRESSES = 2 ** 48;
const address = () =>
  integer(0, ADDRESSES - 1, 'the machine address of a page, such as 0x140000000 or 5GiB', isPageAligned);

const platform = optionalFields({
  dtb: words()
    .optional()
    .describe(
      'device tree of the board, relative to this file: architecture and outer cache are taken from it',
    ),
  architecture: z
    .enum(['arm', 'arm64', 'x86'])
    .optional()
    .describe('if not given, that of the device tree; without one arm64'),
  linux: version('a release of Linux', LINUX_RELEASES, '6.12')
    .optional()
    .describe('release of every Linux here: native maintenance, bounce rules; 6.12 if not given'),
  xen: z
    .union([z.literal('none'), version('a release of Xen', XEN_VERSIONS, '4.20')])
    .optional()
    .describe('version of the hypervisor; if not given there is none, and one kernel named host'),
  lineSize: lineSizes().optional().describe('bytes of a cache line; two where cores differ; 64 if not given'),
  believedLineSizes: z
    .array(lineSize())
    .optional()
    .describe('line size that each core believes in; the smallest if not given'),
  cpus: count(64).optional().describe('cores; as many as agents run on if not given'),
  outerCache: flag()
    .optional()
    .describe('PL310: beyond the inner caches, by physical address; if not given, as in the device tree'),
  outerCacheDriver: z
    .enum(['linux', 'none'])
    .optional()
    .describe('who can maintain the outer cache; linux if not given'),
  smmu: flag().optional().describe('devices are behind an SMMU, and dom0 is not direct mapped'),
  preemption: flag()
    .optional()
    .describe(
      'agents on one core interleave anywhere; false: between steps only, and Xen finishes a hypercall before it gives way; true if not given',
    ),
  explicitBarriers: flag().optional().describe('maintenance is complete only after a barrier step'),
  lpae: flag().optional().describe('40-bit physical addresses on 32-bit Arm; true if not given'),
  pfnValid: z
    .enum(['exact', 'pageblock', 'section', 'always', 'never'])
    .optional()
    .describe(
      'what has a struct page: exactly the own RAM, blocks of 4 MiB or sections of 128 MiB with any of it, everything, nothing; as the release does it if not given',
    ),
  foreignPages: z
    .enum(['balloon', 'extended-region'])
    .optional()
    .describe(
      'where dom0 maps foreign pages: in place of pages that it gives back, or in an extended region, with struct pages (Xen 4.16, Linux 5.17, arm64); balloon if not given',
    ),
  p2mEntries: count(2 ** 20)
    .optional()
    .describe('entries that the p2m of foreign pages has memory for; any number if not given'),
  scrubDomheap: flag().optional().describe('Xen scrubs what a living domain frees (scrub-domheap)'),
  swiotlb: optionalFields({
    force: flag().optional().describe('swiotlb=force'),
    slots: count(2 ** 20)
      .optional()
      .describe('of 2 KiB; 32768 if not given'),
  }).optional(),
  cacheFlush: flag().optional().describe('Xen has GNTTABOP_cache_flush; from 4.5 on Arm if not given'),
  quirks: z
    .array(z.enum([...names(XEN_QUIRKS), ...names(QUIRKS)]))
    .optional()
    .describe('bugs that this Xen and this Linux have'),
});

const domain = optionalFields({
  directMapped: flag()
    .optional()
    .describe('guest-physical addresses are machine addresses; as for dom0 without an SMMU'),
  hardware: flag().optional().describe('it drives the devices, as dom0 does'),
  ram: fields({
    at: address(),
    size: integer(PAGE_SIZE, 2 ** 40, 'a number of bytes, whole pages, such as 256MiB', isPageAligned),
  })
    .optional()
    .describe('first machine address and bytes; 256 MiB, dom0\u2019s from 1 GiB, if not given'),
});

const device = optionalFields({
  node: words()
    .optional()
    .describe(
      'its node in the device tree (path, alias or &label): coherent, maskBits and busOffset are taken from there',
    ),
  coherent: flag()
    .optional()
    .describe('the hardware snoops the CPU caches; if not given, as its node says; without one false'),
  believedCoherent: flag()
    .optional()
    .describe(
      'the kernel believes so (dma-coherent in the device tree); if not given, as its node says; without one what is true',
    ),
  maskBits: integer(1, 52, 'a number from 1 to 52').optional().describe('address bits; 52 if not given'),
  busOffset: integer(-ADDRESSES, ADDRESSES, 'a number of bytes, a multiple of 4096', isPageAligned)
    .optional()
    .describe('added to a machine address on its bus (dma-ranges); 0 if not given'),
  behaves: z
    .enum(['any-time', 'scripted'])
    .optional()
    .describe(
      'any-time: while a buffer is mapped it may access it at any moment; scripted: in steps only; any-time if not given',
    ),
});

const buffer = optionalFields({
  domain: name().optional().describe('whose memory it is; the hardware domain\u2019s if not given'),
  offset: integer(0, PAGE_SIZE - 1, 'a number of bytes from 0 to 4095')
    .optional()
    .describe('bytes into its first page; 0 if not given'),
  size: bufferSize().optional().describe('bytes; 4096 if not given'),
  at: address()
    .optional()
    .describe(
      'machine address of its first page, inside or outside the RAM of its domain; the next free one if not given',
    ),
  after: name()
    .optional()
    .describe('it begins where this buffer ends, in the same cache line if that is not at its end'),
  contiguous: flag()
    .optional()
    .describe('its machine frames follow each other; false: every second frame; true if not given'),
  compound: flag()
    .optional()
    .describe('its pages are one compound page, mapped by the first; false if not given'),
  initially: z
    .enum(['written', 'anything', 'clean', 'anothers'])
    .optional()
    .describe(
      'written: its data may be in the cache alone; anything: its content is of no use; clean: nothing is cached; anothers: it was another owner\u2019s page; written if not given',
    ),
});

const steps = z.array(step).max(MOST.steps);
const agent = fields({
  domain: name().optional().describe('in whose kernel it runs; the hardware domain if not given'),
  device: name().optional().describe('or the device whose program it is'),
  cpu: integer(0, 63, 'a number from 0 to 63').optional().describe('0 if not given'),
  steps,
});

const expectation = fields({
  designs: z
    .union([z.literal('all'), z.array(z.enum(DESIGNS.map((design) => design.name))).min(1)])
    .describe('names of designs; all: every design that runs on the platform'),
  verdict: z.enum(['holds', 'violated', 'inconclusive']),
  rule: z.enum(RULES).optional().describe('the rule that is violated; any if not given'),
  because: words().describe('why, written down before it is run'),
});

const bounds = optionalFields({
  executions: count(1e9).optional(),
  transitions: count(1e12).optional(),
});

/** A file. What a sweep replaces is of this shape after it was replaced. */
export const scenarioFile = fields({
  title: words().describe('one line for lists and reports'),
  story: words().optional().describe('what happens; which bug or claim it is'),
  platform: platform.optional().describe('the hardware, the hypervisor, the kernels'),
  domains: named(domain, MOST.domains)
    .optional()
    .describe('besides dom0 (under Xen) or host, which are implied'),
  devices: named(device, MOST.devices).optional().describe('what does DMA'),
  buffers: named(buffer, MOST.buffers).optional().describe('memory that is there from the beginning'),
  agents: named(agent, MOST.agents).optional().describe('who does something; they interleave'),
  steps: steps.optional().describe('what the only agent does, where there is one'),
  schedule: z
    .array(name())
    .max(MOST.schedule)
    .optional()
    .describe('the agent of each transition: this interleaving only'),
  expect: z.array(expectation).max(MOST.designs).optional().describe('the verdict of each design, and why'),
  sweep: sweepShape
    .optional()
    .describe('a case for each combination: paths of fields, such as buffers.data.offset, and their values'),
  bounds: bounds.optional().describe('what exploration may cost, per case and design'),
});
export type ScenarioFile = z.output<typeof scenarioFile>;

function names<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table) as Name[];
}

function isPageAligned(value: number): boolean {
  return value % PAGE_SIZE === 0;
}
