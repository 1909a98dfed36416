/** What `check` makes of the violations that it found: smaller ones, and files of one of them. */
import { findDesign } from '../designs/index.ts';
import {
  type CheckRow,
  type CheckSummary,
  type CounterexampleFile,
  counterexampleFile,
  shrinkCase,
} from '../explore/index.ts';
import type { Design } from '../linux/index.ts';
import { counterexample, counterexampleSvg, counterexampleTrace } from '../report/check/index.ts';
import { makeStyle } from '../report/index.ts';
import { type Io, UsageError } from './io.ts';
import { refuseExisting, writeNewFile } from './new-file.ts';
import { VERSION } from './version.ts';

export interface CounterexampleFlags {
  /** Make what is shown as small as possible. */
  readonly shrink?: boolean;
  /** Files to write: a scenario, a picture, a trace. */
  readonly write?: string;
  readonly svg?: string;
  readonly perfetto?: string;
  /** Replace files that are there. */
  readonly force?: boolean;
  readonly quiet?: boolean;
}

type Kind = 'write' | 'svg' | 'perfetto';
const KINDS: readonly Kind[] = ['write', 'svg', 'perfetto'];

/** Before anything is checked. @throws UsageError if a file is there already, or two have one name. */
export function checkFileNames(flags: CounterexampleFlags): void {
  const paths = KINDS.flatMap((kind) => flags[kind] ?? []);
  for (const [i, path] of paths.entries()) {
    refuseExisting(path, flags.force ?? false);
    if (paths.indexOf(path) < i) throw new UsageError(`${path}: found it twice, expected a file for each`);
  }
}

/** A summary whose case is as small as possible; the same where nothing is violated. */
export function shrunkSummary(summary: CheckSummary): CheckSummary {
  const { row } = summary;
  if (row.violation === undefined) return summary;
  const { case: smallest, violation, shrinking } = shrinkCase(row.case, designOf(row), row.violation);
  return { ...summary, row: { ...row, case: smallest, violation, shrunk: shrinking } };
}

/**
 * Write the files that were asked for.
 * @param command as it was given, for the file to say.
 * @throws UsageError if it is not clear of which violation, or a file cannot be written.
 */
export function writeCounterexample(
  summaries: readonly CheckSummary[],
  flags: CounterexampleFlags,
  command: readonly string[],
  io: Io,
): void {
  const kinds = KINDS.filter((kind) => flags[kind] !== undefined);
  if (kinds.length === 0) return;
  const violated = summaries.filter(({ row }) => row.violation !== undefined);
  const [only, ...others] = violated;
  if (only === undefined) {
    io.complain(`nothing is violated: ${kinds.map((kind) => flags[kind]).join(', ')} not written`);
    return;
  }
  if (others.length > 0) {
    const names = violated.map(({ scenario, design }) => `${scenario.file} with ${design}`);
    throw new UsageError(
      `--${kinds[0]}: found ${names.length} violations (${names.slice(0, 4).join('; ')}${names.length > 4 ? '; ...' : ''}), expected one: name one scenario and one --design`,
    );
  }
  const written = flags.write === undefined ? undefined : scenarioOf(only, command);
  const row: CheckRow = written
    ? { ...only.row, case: written.case, violation: written.violation }
    : only.row;
  const title = `${only.scenario.title}: ${only.design}`;
  const scenario = flags.write ?? only.row.scenario;
  const texts: Readonly<Record<Kind, () => string>> = {
    write: () => (written ? withTimeline(written) : ''),
    svg: () => counterexampleSvg(row, { title, scenario }),
    perfetto: () =>
      `${JSON.stringify(counterexampleTrace(row, { title, scenario, version: VERSION }), null, 1)}\n`,
  };
  for (const kind of kinds) {
    const path = flags[kind] ?? '';
    writeNewFile(path, texts[kind](), flags.force ?? false);
    if (!flags.quiet) io.complain(`wrote ${path}`);
  }
}

function scenarioOf({ row, scenario }: CheckSummary, command: readonly string[]): CounterexampleFile {
  const { violation, shrunk } = row;
  if (violation === undefined) throw new Error('nothing is violated');
  const from = shrunk
    ? [
        `From ${row.scenario}, shrunk from ${shrunk.before.agents} agents and ${shrunk.before.steps} steps to ${shrunk.after.agents} and ${shrunk.after.steps}.`,
      ]
    : [`From ${row.scenario}.`];
  return counterexampleFile(row.case, designOf(row), violation, {
    title: `${scenario.title} (counterexample)`,
    story: scenario.story.trim().replaceAll(/\s*\n\s*/g, ' '),
    because: `dmalab ${VERSION} found it in ${row.scenario}`,
    bounds: scenario.bounds,
    comment: [`A counterexample that dmalab ${VERSION} found:`, `  dmalab ${command.join(' ')}`, ...from],
  });
}

/** At the end, so that lines of steps stay as they are. */
function withTimeline({ text, violation }: CounterexampleFile): string {
  const lines = counterexample(violation, makeStyle(false)).split('\n');
  return `${text}\n${lines.map((line) => `#${line === '' ? '' : line.replace(/^ /, '')}`).join('\n')}\n`;
}

function designOf({ design }: CheckRow): Design {
  const found = findDesign(design);
  if (!found) throw new Error(`no design ${design}`);
  return found;
}
