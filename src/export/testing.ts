/** Help for tests: Spin and Rumur on a model. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DESIGNS, dmaDirect } from '../designs/index.ts';
import { adversarialProgram } from '../explore/check-case.ts';
import { explore, type Rule } from '../explore/index.ts';
import type { Design } from '../linux/index.ts';
import { type Bounds, type Case, DEFAULT_BOUNDS, parseScenario } from '../scenario/index.ts';
import { boardsBeside } from '../scenario/testing.ts';
import { CannotExport, type ExportOptions, exportCase, type Language } from './index.ts';

/** Rules of which an assertion can fail, sorted. */
export type Rules = readonly Rule[];

const SHIPPED = fileURLToPath(new URL('../../scenarios/', import.meta.url));

/** A case of a scenario that ships, with a design of which the scenario expects something. */
export interface ShippedCase {
  /** Within scenarios/. */
  readonly file: string;
  readonly one: Case;
  readonly design: Design;
  readonly bounds: Bounds;
}

/** @param most cases of each scenario, taken evenly from all of them. */
export function shippedCases(most: number): ShippedCase[] {
  const files = readdirSync(SHIPPED, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.yaml'),
  );
  return files.sort().flatMap((file) => {
    const parsed = parseScenario(
      readFileSync(join(SHIPPED, file), 'utf8'),
      file,
      boardsBeside(join(SHIPPED, file)),
    );
    if ('errors' in parsed) throw new Error(parsed.errors.join(', '));
    const { cases, expectations, bounds } = parsed.scenario;
    const names = new Set(expectations.flatMap(({ designs }) => designs));
    const every = Math.ceil(cases.length / most);
    return cases
      .filter((_, i) => i % every === 0)
      .flatMap((one) =>
        DESIGNS.filter(({ name }) => names.has(name)).map((design) => ({ file, one, design, bounds })),
      );
  });
}

const run = promisify(execFile);
const MOST_OUTPUT = 2 ** 26;

/** Every assertion that can fail, by exhaustive search. */
export async function spin(model: string): Promise<Rules> {
  return inFolder(async (cwd) => {
    await writeFile(join(cwd, 'model.pml'), model);
    await run('spin', ['-a', 'model.pml'], { cwd });
    await run('gcc', ['-O0', '-w', '-DSAFETY', '-o', 'pan', 'pan.c'], { cwd });
    // All errors; nobody has to come to an end (agents that wait are found out before).
    const { stdout } = await run('./pan', ['-c0', '-E', '-m100000', '-w18'], { cwd, maxBuffer: MOST_OUTPUT });
    if (!/ states, stored/.test(stdout) || /too small|out of memory/.test(stdout))
      throw new Error(`Spin did not search everything: ${stdout.slice(0, 1000)}`);
    const failed = [...stdout.matchAll(/assertion violated\s+!\((\w+)\)/g)];
    const errors = Number(/errors: (\d+)/.exec(stdout)?.[1]);
    if (errors > 0 !== failed.length > 0)
      throw new Error(`an error that is no assertion: ${stdout.slice(0, 1000)}`);
    return sorted(failed.map(([, name = '']) => name.replaceAll('_', '-') as Rule));
  });
}

/** The first assertion that fails. */
export async function rumur(model: string): Promise<Rules> {
  return inFolder(async (cwd) => {
    await writeFile(join(cwd, 'model.m'), model);
    await run(
      'rumur',
      [
        '--threads',
        '1',
        '--deadlock-detection',
        'off',
        '--counterexample-trace',
        'off',
        '--output',
        'model.c',
        'model.m',
      ],
      { cwd },
    );
    const native = process.arch === 'x64' ? ['-mcx16'] : [];
    await run('gcc', ['-std=c11', '-O0', '-w', ...native, '-o', 'model', 'model.c', '-lpthread'], { cwd });
    const stdout = await run('./model', [], { cwd, maxBuffer: MOST_OUTPUT }).then(
      (done) => done.stdout,
      // It exits with 1 where an assertion fails.
      (error: { readonly stdout?: string }) => error.stdout ?? '',
    );
    if (/No error found/.test(stdout)) return [];
    const failed = /Assertion failed: .*?: ([a-z-]+): /.exec(stdout)?.[1];
    if (failed === undefined) throw new Error(`Rumur says neither: ${stdout.slice(0, 1000)}`);
    return [failed as Rule];
  });
}

async function inFolder<Answer>(work: (folder: string) => Promise<Answer>): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'dmalab-export-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Every rule that the explorer finds violated somewhere, consequences too: a model does not know which they are. */
export function explored(one: Case, design: Design, bounds: Bounds): Rules {
  const rules: Rule[] = [];
  explore(adversarialProgram(one, design), bounds, ({ world }) => {
    rules.push(...world.found.map(({ rule }) => rule));
    return undefined;
  });
  return sorted(rules);
}

const sorted = (rules: readonly Rule[]): Rules => [...new Set(rules)].sort();

/** The model, or why there is none. */
export function tryExport(
  one: Case,
  language: Language,
  design: Design = dmaDirect,
  options: Partial<ExportOptions> = {},
): { readonly model: string } | { readonly refused: string } {
  try {
    return { model: exportCase(one, design, { language, bounds: DEFAULT_BOUNDS, ...options }) };
  } catch (error) {
    if (error instanceof CannotExport) return { refused: error.message };
    throw error;
  }
}

/** Do all of it, so many at a time. */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  atOnce = 2,
): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
