/** Which designs to judge: --design, and what is judged without it. */
import { DESIGNS, findDesign } from '../designs/index.ts';
import type { Design } from '../linux/index.ts';
import { closest } from '../text/index.ts';
import { UsageError } from './io.ts';

const RECORDED = 'recorded';

/**
 * The names that --design gives.
 * @returns undefined where nothing was given.
 * @throws UsageError for a name that no design has.
 */
export function parseDesigns(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const all = [RECORDED, ...DESIGNS.map(({ name }) => name)];
  for (const name of names) {
    if (name === 'all' || name === RECORDED || findDesign(name)) continue;
    throw new UsageError(
      `--design: found ${JSON.stringify(name)}${closest(name, [...all, 'all'])}, expected all, or names separated by commas: ${all.join(', ')}`,
    );
  }
  return new Set(names.includes('all') ? all : names);
}

/** Names to show: those asked for, else every release's, `repaired` and the kernel's own; the recording always. */
export function shownDesigns(
  asked: ReadonlySet<string> | undefined,
  own: Design | undefined,
): ReadonlySet<string> {
  if (asked) return new Set([RECORDED, ...asked]);
  const usual = DESIGNS.filter(({ name, releases }) => releases !== undefined || name === 'repaired');
  return new Set([RECORDED, ...usual.map(({ name }) => name), ...(own ? [own.name] : [])]);
}

/** The designs to run: those shown, and the kernel's own, which the exit code may depend on. */
export function designsToRun(shown: ReadonlySet<string>, own: Design | undefined): Design[] {
  return DESIGNS.filter((design) => shown.has(design.name) || design === own);
}
