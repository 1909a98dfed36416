/**
 * For tests: a Linux tree, unpacked once from Debian's linux-source package, and what is built of it.
 *
 * The package is an oracle: in CI it must be there. Elsewhere tests that need it are skipped, and say so.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CONFIGURATIONS,
  type Configuration,
  headerPath,
  OWN_HEADERS,
  PRIVATE_HEADERS,
  PROBES,
  SOURCE_FILES,
  sourceDesigns,
} from '../../kernel-source/index.ts';
import type { Design } from '../../linux/index.ts';
import { parseScenario, type Scenario } from '../../scenario/index.ts';
import { scenarioBoards } from '../scenario-boards.ts';
import { buildSource, openTree } from './build.ts';

/** What Debian 12 has; the changes that tests make are of its text. */
const PACKAGE = '/usr/src/linux-source-6.1.tar.xz';
/** What a build reads of a tree. */
const NEEDED = [
  '*/Makefile',
  '*/arch/arm/xen',
  '*/arch/arm/include/asm/xen',
  '*/arch/arm64/include/asm/xen',
  '*/drivers/xen/swiotlb-xen.c',
  '*/include/linux',
  '*/include/uapi/linux/const.h',
  '*/include/vdso',
  '*/include/xen',
  '*/kernel/dma',
] as const;

/** The tree, or why there is none. */
export const TREE: { readonly folder: string } | { readonly missing: string } = findTree();

/** "there is no ..." for the names of tests that are skipped; empty where the tree is there. */
export const MISSING = 'missing' in TREE ? TREE.missing : '';

function findTree(): typeof TREE {
  const missing = lacking();
  if (missing !== undefined) {
    if (process.env['CI']) throw new Error(`${missing}: in CI it must be there`);
    return { missing };
  }
  return { folder: unpack(PACKAGE) };
}

function lacking(): string | undefined {
  for (const program of ['clang', 'wasm-ld'])
    if (spawnSync(program, ['--version']).status !== 0) return `no ${program} (apt-get install clang lld)`;
  return existsSync(PACKAGE) ? undefined : `no ${PACKAGE} (apt-get install linux-source-6.1)`;
}

/** Unpack what is needed, once; another process may be at it. */
function unpack(path: string): string {
  const { size, mtimeMs } = statSync(path);
  const folder = join(tmpdir(), `dmalab-linux-${size}-${Math.round(mtimeMs)}`);
  if (existsSync(folder)) return folder;
  const part = mkdtempSync(`${folder}-`);
  const { status, stderr } = spawnSync(
    'tar',
    ['-xf', path, '-C', part, '--strip-components=1', '--wildcards', ...NEEDED],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${path} cannot be unpacked: ${stderr}`);
  try {
    renameSync(part, folder);
  } catch {
    // The other process was first.
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}

/** The tree, where it is known to be there. */
export function treeFolder(): string {
  if ('missing' in TREE) throw new Error(TREE.missing);
  return TREE.folder;
}

/** The designs of a tree, for arm64 with and without Xen, and for arm. */
export function designsOf(
  folder = treeFolder(),
  configurations: readonly Configuration['name'][] = ['arm64', 'arm-lpae', 'arm'],
): { readonly xen: Design; readonly direct: Design } {
  const { source } = buildSource(openTree(folder), new Set(configurations));
  const [xen, direct] = sourceDesigns(source);
  if (!xen || !direct) throw new Error('no designs');
  return { xen, direct };
}

/** A change of a file's text: what is replaced must be there exactly once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of what is compiled of the tree, with edits; it goes away with `outer`. */
export function editedTree(outer: string, name: string, edits: readonly Edit[]): string {
  const folder = join(outer, name);
  const headers = CONFIGURATIONS.flatMap((one) => OWN_HEADERS.map((header) => headerPath(header, one)));
  const probed = PROBES.map(({ header }) => header);
  for (const file of new Set(['Makefile', ...SOURCE_FILES, ...PRIVATE_HEADERS, ...headers, ...probed])) {
    if (!existsSync(join(treeFolder(), file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(treeFolder(), file), join(folder, file));
  }
  for (const edit of edits) applyEdit(folder, edit);
  return folder;
}

export function applyEdit(folder: string, { file, from, to }: Edit): void {
  const path = join(folder, file);
  const parts = readFileSync(path, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} times ${JSON.stringify(from)}`);
  writeFileSync(path, parts.join(to));
}

const SCENARIOS = fileURLToPath(new URL('../../../scenarios/', import.meta.url));

/** All scenarios that ship, by path. */
export function shippedScenarios(): Scenario[] {
  return readdirSync(SCENARIOS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => {
      const parsed = parseScenario(
        readFileSync(path, 'utf8'),
        relative(SCENARIOS, path),
        scenarioBoards(path),
      );
      if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
      return parsed.scenario;
    });
}
