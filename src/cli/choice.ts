/** Which designs to judge: --design, and what is judged without it. */
import { DESIGNS } from '../designs/index.ts';
import type { Design } from '../linux/index.ts';
import { closest } from '../text/index.ts';
import { UsageError } from './io.ts';

const RECORDED = 'recorded';

/**
 * The names that --design gives.
 * @param source name of the kernel's source, which is always among them.
 * @returns undefined where nothing was given.
 * @throws UsageError for a name that no design has.
 */
export function parseDesigns(text: string | undefined, source?: string): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const sources = source === undefined ? [] : [source];
  const names = text.split(',').map((name) => name.trim());
  const all = [RECORDED, ...DESIGNS.map(({ name }) => name), ...sources];
  for (const name of names) {
    if (name === 'all' || all.includes(name)) continue;
    throw new UsageError(
      `--design: found ${JSON.stringify(name)}${closest(name, [...all, 'all'])}, expected all, or names separated by commas: ${all.join(', ')}`,
    );
  }
  return new Set(names.includes('all') ? all : [...names, ...sources]);
}

/** Names to show: those asked for, else every release's, `repaired` and the kernel's own; the recording always. */
export function shownDesigns(
  asked: ReadonlySet<string> | undefined,
  own: Design | undefined,
  source: Design | undefined,
): ReadonlySet<string> {
  if (asked) return new Set([RECORDED, ...asked]);
  const usual = DESIGNS.filter(({ name, releases }) => releases !== undefined || name === 'repaired');
  return new Set([
    RECORDED,
    ...usual.map(({ name }) => name),
    ...(own ? [own.name] : []),
    ...(source ? [source.name] : []),
  ]);
}

/** The designs to run: those shown, and the kernel's own, which the exit code may depend on. */
export function designsToRun(
  shown: ReadonlySet<string>,
  own: Design | undefined,
  source: Design | undefined,
): Design[] {
  const designs = source ? [...DESIGNS, source] : DESIGNS;
  return designs.filter((design) => shown.has(design.name) || design === own);
}
