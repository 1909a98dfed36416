/**
 * What each command loads. A start is mostly the loading of modules, half a millisecond each: an import across rooms that
 * brings more is to be noticed here, and either wanted or made from a narrower door.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { DTB, MAIN, NATIVE, pathOf, rightLines, spawnDmalab, traceFile } from './testing.ts';

const ROOT = join(dirname(MAIN), '../..');
const SCENARIO = join(ROOT, 'scenarios/tutorial/3-missing-sync.yaml');
const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
);

/** Loaded before the command: writes down what else is, and leaves it in a file. */
const HOOK = `
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
const urls = [];
registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
process.once('exit', () => writeFileSync(process.env.DMALAB_LOADED, urls.join('\\n')));
`;

const OF_TRACES = [
  'address',
  'coherence',
  'designs',
  'devicetree',
  'linux',
  'machine',
  'replay',
  'text',
  'trace',
];
const SIMULATED = [
  'designs',
  'linux',
  'linux/api',
  'linux/simulated',
  'machine',
  'machine/adversarial',
  'xen',
];
const OF_SCENARIOS = ['explore', 'explore/engine', 'kernel-source', 'scenario', 'yaml', 'zod', ...SIMULATED];
const ALWAYS = ['cli', 'commander'];

it.each<readonly [command: string, args: () => readonly string[], parts: readonly string[]]>([
  ['nothing', () => ['--version'], ALWAYS],
  [
    'replay',
    () => ['replay', traceFile('loaded.txt', rightLines()), ...NATIVE],
    [...ALWAYS, ...OF_TRACES, 'report', 'report/replay', 'cli-table3', 'picocolors'],
  ],
  [
    'check',
    () => ['check', SCENARIO],
    [
      ...ALWAYS,
      ...OF_SCENARIOS,
      'address',
      'coherence',
      'devicetree',
      'report',
      'report/check',
      'picocolors',
      'text',
    ],
  ],
  [
    'run',
    () => ['run', '--bytes', '512'],
    [
      ...ALWAYS,
      ...SIMULATED,
      'machine/concrete',
      'address',
      'coherence',
      'devicetree',
      'pv',
      'report',
      'report/run',
      'picocolors',
      'text',
    ],
  ],
  [
    'audit',
    () => ['audit', DTB],
    [...ALWAYS, 'address', 'audit', 'devicetree', 'report', 'report/audit', 'picocolors', 'text'],
  ],
  [
    'export',
    () => ['export', SCENARIO, '--design', 'linux-6.12', '--to', 'promela'],
    [...ALWAYS, ...OF_SCENARIOS, 'address', 'coherence', 'devicetree', 'export', 'text'],
  ],
])('%s loads what it needs and no more', (_, args, parts) => {
  const list = pathOf('loaded-modules.txt');
  const { status, stderr } = spawnDmalab(args(), {
    env: {
      ...process.env,
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(HOOK)}`,
      DMALAB_LOADED: list,
    },
  });
  expect(stderr).toBe('');
  expect(status).toBeLessThanOrEqual(1);
  const loaded = new Set(readFileSync(list, 'utf8').split('\n').flatMap(partsOf));
  expect([...loaded].sort()).toEqual([...parts].sort());
});

/** A module's room, by the nearest door; or the package, where it is one of ours and not one of theirs. */
function partsOf(url: string): string[] {
  if (!url.startsWith('file:')) return [];
  const path = relative(ROOT, fileURLToPath(url));
  const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (name !== undefined) return Object.hasOwn(dependencies, name) ? [name] : [];
  return [relative('src', doorOf(dirname(path)))];
}

/** The folder itself where there is no door: src/cli/ has none. */
function doorOf(folder: string): string {
  for (let at = folder; at !== 'src' && at !== '.'; at = dirname(at))
    if (existsSync(join(ROOT, at, 'index.ts'))) return at;
  return folder;
}
