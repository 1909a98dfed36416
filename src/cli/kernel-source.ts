/** `--kernel-source DIR`, where it was given: few runs need what builds a tree, so it is loaded for those only. */
import type { Source } from './kernel-source/source.ts';

/** @throws UsageError if it is no Linux tree. */
export async function openSource(folder: string | undefined): Promise<Source | undefined> {
  if (folder === undefined) return undefined;
  const source = await import('./kernel-source/source.ts');
  return new source.Source(folder);
}
