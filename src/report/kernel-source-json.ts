/** What a JSON document says of a kernel’s source. Apart from its schema: a report need not load zod. */
import type { KernelSourceReport } from './kernel-source-facts.ts';
import type { KernelSourceMember } from './kernel-source-schema.ts';

/** The member of a document; nothing where there is no source. */
export function kernelSourceMember(source: KernelSourceReport | undefined): {
  kernelSource?: KernelSourceMember;
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
