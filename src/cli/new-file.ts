/** Files that a command writes: all of it or nothing, and never over another one unasked. */
import { existsSync, linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { UsageError } from './io.ts';

/** @throws UsageError if the file is there already and may not be replaced. */
export function refuseExisting(path: string, force: boolean): void {
  if (existsSync(path) && !force)
    throw new UsageError(`${path}: found a file of that name, expected none (--force replaces it)`);
}

/** @throws UsageError if it cannot be written, or is there already and may not be replaced. */
export function writeNewFile(path: string, text: string | Uint8Array, force: boolean): void {
  refuseExisting(path, force);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { flag: 'wx' });
    if (force) renameSync(draft, path);
    else publish(draft, path);
  } catch (error) {
    throw new UsageError(`${path}: cannot be written: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link fails where somebody has made the file meanwhile; some file systems have no links. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || existsSync(path)) throw error;
    renameSync(draft, path);
  }
}
