/** What a JSON document says of a kernel’s source that was given, for its schema. */
import { z } from 'zod';

const names = z.array(z.string());

export const kernelSource = z
  .object({
    folder: z.string().describe('as given'),
    release: z.string(),
    design: z.string().describe('name of the design that it became'),
    compiler: z.string(),
    configurations: names,
    files: names.describe('the kernel\u2019s own files, compiled unmodified'),
    ownHeaders: names.describe('headers that are the kernel\u2019s own'),
    shims: names.describe('dmalab\u2019s headers and files'),
    empty: names.describe('headers that were left empty'),
  })
  .optional()
  .describe('what was compiled, where --kernel-source was given');

export type KernelSourceMember = z.infer<typeof kernelSource>;
