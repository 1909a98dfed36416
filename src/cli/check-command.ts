/** `dmalab check SCENARIO...`: is this sequence, or this design, right under every cache behaviour and interleaving? */
import { relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DESIGNS } from '../designs/index.ts';
import {
  type CheckRow,
  type CheckSummary,
  checkScenario,
  isOpen,
  isUnmet,
  summarise,
} from '../explore/index.ts';
import { KernelSourceError } from '../kernel-source/index.ts';
import type { Design } from '../linux/index.ts';
import { checkJson, checkReport } from '../report/check/index.ts';
import { makeStyle } from '../report/index.ts';
import { parseScenario, type Scenario } from '../scenario/index.ts';
import { parseDesigns } from './choice.ts';
import {
  type CounterexampleFlags,
  checkFileNames,
  shrunkSummary,
  writeCounterexample,
} from './counterexample-files.ts';
import { Exit } from './exit-code.ts';
import { filesOf } from './folders.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText } from './json-text.ts';
import type { KernelKind } from './kernel-source/source.ts';
import { openSource } from './kernel-source.ts';
import { showProgress } from './progress.ts';
import { scenarioBoards } from './scenario-boards.ts';
import { nameOf, readWhole } from './sources.ts';

export interface CheckFlags extends CounterexampleFlags {
  readonly design?: string;
  readonly kernelSource?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly explain?: boolean;
  readonly executions?: number;
  readonly transitions?: number;
}

/** The scenarios that ship with the package. */
const SHIPPED = fileURLToPath(new URL('../../scenarios/', import.meta.url));

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function checkCommand(paths: readonly string[], flags: CheckFlags, io: Io): Promise<Exit> {
  const { kernelSource: tree } = flags;
  if (!flags.watch) return checkOnce(paths, flags, io);
  if (tree === undefined || flags.json)
    throw new UsageError(
      `--watch: found ${flags.json ? '--json' : 'no --kernel-source'}, expected --kernel-source and a report for people`,
    );
  const { Snapshot, watchedFiles } = await import('./kernel-source/watch.ts');
  for (;;) {
    const files = paths.filter((path) => path !== '-').flatMap(scenarioFiles);
    const snapshot = new Snapshot([...watchedFiles(tree), ...files]);
    try {
      await checkOnce(paths, flags, io);
    } catch (error) {
      // What is being written may be wrong for a while.
      if (!(error instanceof UsageError || error instanceof KernelSourceError)) throw error;
      io.complain(error.message);
    }
    io.complain(`watching ${tree}; interrupt to end`);
    io.complain(`${(await snapshot.change()).join(', ')} saved: checking again`);
  }
}

async function checkOnce(paths: readonly string[], flags: CheckFlags, io: Io): Promise<Exit> {
  const source = await openSource(flags.kernelSource);
  const asked = parseDesigns(flags.design, source?.name);
  checkFileNames(flags);
  const files =
    paths.length === 0 ? scenarioFiles(relative('.', SHIPPED) || '.') : paths.flatMap(scenarioFiles);
  const scenarios = await readScenarios(files, flags, io);
  const built = source?.build(kernelsOf(scenarios));
  const begin = performance.now();
  const rows: CheckRow[] = [];
  const summaries: CheckSummary[] = [];
  const tasks = scenarios.flatMap((scenario) =>
    designsFor(scenario, asked, built?.designs).map((design) => ({ scenario, design })),
  );
  const progress = await showProgress(tasks.length, flags.quiet ? undefined : io.terminal);
  try {
    for (const [done, { scenario, design }] of tasks.entries()) {
      progress.at(done);
      // Signals are delivered between tasks only.
      await setImmediate();
      const found = checkScenario(scenario, design, { now: () => performance.now() });
      const summary = summarise(scenario, found);
      const shown = flags.shrink || flags.write !== undefined ? shrunkSummary(summary) : summary;
      rows.push(...found.map((row) => (row === summary.row ? shown.row : row)));
      summaries.push(shown);
    }
  } finally {
    progress.stop();
  }
  if (summaries.length === 0)
    throw new UsageError(
      'found no design to check: those asked for do not run where the scenarios are (on Xen, or without it)',
    );
  if (flags.json) {
    for (const text of jsonText(checkJson(rows, built?.report))) io.out(text);
    io.out('\n');
  } else {
    const explain = flags.explain ?? summaries.length <= 4;
    const ms = performance.now() - begin;
    io.out(checkReport({ summaries, explain, ms, source: built?.report }, makeStyle(io.colours)));
  }
  writeCounterexample(summaries, flags, commandOf(paths, flags), io);
  return exitOf(summaries);
}

/** As somebody would type it. */
function commandOf(paths: readonly string[], flags: CheckFlags): string[] {
  const given = Object.entries(flags).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  return ['check', ...paths, ...given];
}

const SCENARIOS = { pattern: /\.ya?ml(\.gz)?$/, what: 'scenario', shown: '*.yaml' };

function scenarioFiles(path: string): string[] {
  return filesOf(path, SCENARIOS);
}

/** Read them all before anything is checked: what cannot be read is said of every file. */
async function readScenarios(files: readonly string[], flags: CheckFlags, io: Io): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  const complaints: string[] = [];
  for (const path of files) {
    const source = { path, io, wanted: 'a scenario' };
    const text = new TextDecoder().decode(await readWhole(source));
    const parsed = parseScenario(text, nameOf(source), scenarioBoards(path));
    if ('errors' in parsed) complaints.push(...parsed.errors);
    else scenarios.push(withBounds(parsed.scenario, flags));
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('\ndmalab: '));
  return scenarios;
}

function withBounds(scenario: Scenario, { executions, transitions }: CheckFlags): Scenario {
  const { bounds } = scenario;
  return {
    ...scenario,
    bounds: {
      executions: executions ?? bounds.executions,
      transitions: transitions ?? bounds.transitions,
    },
  };
}

/**
 * Designs that were asked for, else those of which something is expected, else (a scenario that expects nothing) all; only such as run where
 * the scenario is.
 */
function designsFor(
  scenario: Scenario,
  asked: ReadonlySet<string> | undefined,
  sources: readonly Design[] = [],
): Design[] {
  const expected = new Set(scenario.expectations.flatMap(({ designs }) => designs));
  const isWanted = ({ name, expectedAs = name }: Design) =>
    asked?.has(name) ?? (expected.size === 0 || expected.has(expectedAs));
  const builtIn = DESIGNS.filter(
    (design) => isWanted(design) && (expected.has(design.name) || fits(scenario, design.on)),
  );
  const runsSource = kernelsOf([scenario]).length > 0;
  return [
    ...builtIn,
    ...sources.filter((design) => runsSource && isWanted(design) && fits(scenario, design.on)),
  ];
}

/** The kernels that are to run a kernel's source in these scenarios: none of what it is not for (x86). */
function kernelsOf(scenarios: readonly Scenario[]): KernelKind[] {
  return scenarios.flatMap(({ cases }) =>
    cases.flatMap(({ platform: { architecture, lpae } }) =>
      architecture === 'x86' ? [] : [{ architecture, physBits: architecture === 'arm64' || lpae ? 64 : 32 }],
    ),
  );
}

function fits(scenario: Scenario, on: Design['on']): boolean {
  const xen = scenario.cases[0]?.platform.xen !== undefined;
  return xen === (on === 'xen');
}

function exitOf(summaries: readonly CheckSummary[]): Exit {
  if (
    summaries.some(isUnmet) ||
    summaries.some((one) => one.asExpected === null && one.verdict === 'violated')
  )
    return Exit.findings;
  if (summaries.some(isOpen)) return Exit.inconclusive;
  return Exit.nothingFound;
}
