/** A developer edits a file and saves it, and is told. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dmalab, MAIN } from '../testing.ts';
import { applyEdit, type Edit, editedTree, MISSING, TREE } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'dmalab-watch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const REPAIR: Edit = {
  file: 'arch/arm/xen/mm.c',
  from: 'handle += cflush.length;',
  to: 'handle += XEN_PAGE_SIZE;',
};
const BREAK: Edit = { file: REPAIR.file, from: REPAIR.to, to: 'handle += nothing;' };

it('--watch alone is refused', async () => {
  const { exit, errors } = await dmalab(['check', '--watch']);
  expect([exit, errors.join()]).toEqual([2, expect.stringContaining('--watch: found no --kernel-source')]);
});

describe.skipIf('missing' in TREE)(`watching a tree ${MISSING}`, () => {
  it('checks again when a file is saved, and says what does not compile', { timeout: 120_000 }, async () => {
    const tree = editedTree(folder, 'tree', []);
    const scenario = 'scenarios/museum/page-crossing-to-device/broken.yaml';
    const child = spawn(process.execPath, [
      MAIN,
      'check',
      scenario,
      '--kernel-source',
      tree,
      '--watch',
      '--design',
      'source-6.1',
    ]);
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const waitFor = async (text: RegExp) => {
      while (!text.test(said)) await once(child.stderr, 'data');
      said = said.slice((text.exec(said)?.index ?? 0) + 1);
    };
    try {
      await waitFor(/all 1 expectation met[\s\S]*watching /);
      applyEdit(tree, REPAIR);
      await waitFor(/mm\.c saved: checking again[\s\S]*1 of 1 expectation not met[\s\S]*watching /);
      applyEdit(tree, BREAK);
      await waitFor(/cannot be compiled for arm64\n[\s\S]*mm\.c:\d+:\d+: error: [\s\S]*watching /);
    } finally {
      child.kill('SIGINT');
    }
    expect(await once(child, 'exit')).toEqual([130, null]);
  });
});
