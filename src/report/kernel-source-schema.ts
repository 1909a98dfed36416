/** What a JSON document says of a kernel’s source that was given. */
import { z } from 'zod';
import type { KernelSourceReport } from './kernel-source-facts.ts';

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

/** The member of a document; nothing where there is no source. */
export function kernelSourceMember(source: KernelSourceReport | undefined): {
  kernelSource?: z.infer<typeof kernelSource>;
} {
  if (source === undefined) return {};
  const { folder, release, design, compiler } = source;
  return {
    kernelSource: {
      folder,
      release,
      design,
      compiler,
      configurations: [...source.configurations],
      files: [...source.files],
      ownHeaders: [...source.ownHeaders],
      shims: [...source.shims],
      empty: [...source.empty],
    },
  };
}
