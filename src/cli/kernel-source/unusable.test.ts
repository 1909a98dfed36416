/** A tree or a compiler that cannot be used: exit 2, what was found and what was looked for, and the compiler's own words. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { dmalab } from '../testing.ts';
import { type Edit, editedTree, MISSING, TREE } from './testing.ts';

const MM = 'arch/arm/xen/mm.c';
const SCENARIO = 'scenarios/museum/page-crossing-to-device/broken.yaml';

const folder = mkdtempSync(join(tmpdir(), 'dmalab-unusable-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

async function refused(tree: string): Promise<string> {
  const { exit, out, errors } = await dmalab(['check', SCENARIO, '--kernel-source', tree]);
  expect([exit, out]).toEqual([2, '']);
  return errors.join('\n');
}

/** A folder with a Makefile. */
function folderWith(makefile: string): string {
  const made = mkdtempSync(join(folder, 'tree-'));
  writeFileSync(join(made, 'Makefile'), makefile);
  return made;
}

it('a folder that is not there', async () => {
  expect(await refused(join(folder, 'none'))).toMatch(
    /none: found no Makefile in it, expected a Linux source tree of 5\.10 or later \(looked for Makefile and arch\/arm\/xen\/mm\.c/,
  );
});

it('a tree of something else', async () => {
  expect(await refused(folderWith('all:\n\techo\n'))).toContain(
    'found a Makefile without VERSION and PATCHLEVEL',
  );
});

it('a Linux that is too old, or a part of one', async () => {
  expect(await refused(folderWith('VERSION = 3\nPATCHLEVEL = 12\n'))).toContain(
    'found a tree of 3.12 without arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c',
  );
});

it('the same of a replay', async () => {
  const { exit, errors } = await dmalab(['replay', 'no-trace', '--kernel-source', folder]);
  expect([exit, errors.join()]).toEqual([2, expect.stringContaining('found no Makefile in it')]);
});

describe.skipIf('missing' in TREE)(`of a tree that is there ${MISSING}`, () => {
  let trees = 0;
  const treeWith = (edit: Edit) => editedTree(folder, `edited-${trees++}`, [edit]);
  const anyTree = () => editedTree(folder, `whole-${trees++}`, []);
  const START = 'struct gnttab_cache_flush cflush;\n\n\tcflush.offset';

  it('a file that does not compile', async () => {
    const said = await refused(treeWith({ file: MM, from: 'cflush.op = op;', to: 'cflush.op = op' }));
    expect(said).toMatch(
      /cannot be compiled for arm64\n.*arch\/arm\/xen\/mm\.c:\d+:\d+: error: expected ';'/,
    );
  });

  it('a function that the shims do not have', async () => {
    const said = await refused(
      treeWith({ file: MM, from: START, to: START.replace('\n\n', '\n\n\tflush_everything(dev);\n') }),
    );
    expect(said).toContain('use functions that dmalab\u2019s shims do not have');
    expect(said).toMatch(/arch\/arm\/xen\/mm\.c:\d+:\d+: .*'flush_everything'/);
  });

  it('a type that the shims do not have', async () => {
    const said = await refused(
      treeWith({ file: MM, from: START, to: START.replace('\n\n', '\n\tstruct nobody x;\n\n') }),
    );
    expect(said).toMatch(/arch\/arm\/xen\/mm\.c:\d+:\d+: error: .*struct nobody/);
  });

  it('a function that is not called is not missed', async () => {
    const tree = treeWith({
      file: MM,
      from: 'static bool hypercall_cflush',
      to: 'void elsewhere(void)\n{\n\tflush_everything(1);\n}\nstatic bool hypercall_cflush',
    });
    const { exit } = await dmalab(['check', SCENARIO, '--kernel-source', tree]);
    expect(exit).toBe(0);
  });

  it.each([
    ['CLANG', 'the compiler'],
    ['WASM_LD', 'the linker'],
  ])('no %s', async (variable, what) => {
    vi.stubEnv(variable, join(folder, 'no-such-program'));
    expect(await refused(anyTree())).toMatch(
      new RegExp(`found no .*no-such-program that runs, expected ${what} of LLVM 14 or later \\(on Debian`),
    );
  });

  it('a clang without WebAssembly', async () => {
    const clang = join(folder, 'clang-without');
    writeFileSync(
      clang,
      '#!/bin/sh\n[ "$1" = --version ] && exec echo "clang version 9"\necho "error: unable to create target: \'No available targets are compatible with triple \\"wasm64\\"\'" >&2\nexit 1\n',
    );
    chmodSync(clang, 0o755);
    vi.stubEnv('CLANG', clang);
    expect(await refused(anyTree())).toMatch(
      /cannot be compiled for arm64 \(this clang has no wasm64; on Debian: .*\)\nerror: unable to create target/,
    );
  });

  it('a name of a design that is not the source\u2019s', async () => {
    const { exit, errors } = await dmalab([
      'check',
      SCENARIO,
      '--kernel-source',
      anyTree(),
      '--design',
      'source-6.2',
    ]);
    expect([exit, errors.join()]).toEqual([2, expect.stringContaining('did you mean source-6.1?')]);
  });

  it('a folder whose name has a blank and quotes in it', async () => {
    mkdirSync(join(folder, 'a "tree" of mine'));
    const tree = editedTree(join(folder, 'a "tree" of mine'), 'linux 6', []);
    const { exit, errors } = await dmalab(['check', SCENARIO, '--kernel-source', tree]);
    expect([exit, errors]).toEqual([0, []]);
  });
});
