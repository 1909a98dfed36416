/** Arguments that can be files or folders of them. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './io.ts';

/** What is looked for in a folder. */
export interface Kind {
  readonly pattern: RegExp;
  /** "scenario". */
  readonly what: string;
  /** "*.yaml". */
  readonly shown: string;
}

/**
 * A folder stands for the files of its kind in it, in the order of their names; any other path for itself.
 * @throws UsageError for a folder without such a file.
 */
export function filesOf(path: string, { pattern, what, shown }: Kind): string[] {
  if (path === '-' || !isFolder(path)) return [path];
  const files = readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0)
    throw new UsageError(`${path}: found no ${what}, expected files named ${shown} in it`);
  return files;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
