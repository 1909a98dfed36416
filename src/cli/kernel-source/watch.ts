/** `--watch`: wait until somebody saves one of the files. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  CONFIGURATIONS,
  headerPath,
  OWN_HEADERS,
  PRIVATE_HEADERS,
  PROBES,
  SOURCE_FILES,
} from '../../kernel-source/index.ts';

/** Milliseconds between looks. Looking works where notifications do not: editors replace files, trees lie on networks. */
const INTERVAL = 200;

/** Everything of a tree that a build depends on. */
export function watchedFiles(tree: string): string[] {
  const headers = CONFIGURATIONS.flatMap((one) => OWN_HEADERS.map((name) => headerPath(name, one)));
  const probed = PROBES.map(({ header }) => header);
  const names = new Set(['Makefile', ...SOURCE_FILES, ...PRIVATE_HEADERS, ...headers, ...probed]);
  return [...names].map((name) => join(tree, name));
}

/** What the files are like at a moment. */
export class Snapshot {
  readonly #states: ReadonlyMap<string, string>;

  constructor(files: readonly string[]) {
    this.#states = new Map(files.map((file) => [file, stateOf(file)]));
  }

  /** Wait. @returns the files that have been saved since. */
  async change(): Promise<string[]> {
    for (;;) {
      const changed = [...this.#states].flatMap(([file, state]) => (stateOf(file) === state ? [] : [file]));
      if (changed.length > 0) return changed;
      await setTimeout(INTERVAL);
    }
  }
}

function stateOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}
