/** What goes wrong in the kernel's own code is a finding with its file and line; and a repair shows. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckDocument, checkDocument } from '../../report/check/schema.ts';
import { BOARD, dmalab, file, TRACE } from '../testing.ts';
import { type Edit, editedTree, MISSING, TREE } from './testing.ts';

const MM = 'arch/arm/xen/mm.c';
const SWIOTLB = 'drivers/xen/swiotlb-xen.c';
const LOOP = 'HYPERVISOR_grant_table_op(GNTTABOP_cache_flush, &cflush, 1);\n\n';
const INSIDE = (text: string): Edit => ({ file: MM, from: LOOP, to: `${LOOP}\t\t${text}\n` });

const folder = mkdtempSync(join(tmpdir(), 'dmalab-findings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let trees = 0;
const treeWith = (...edits: Edit[]) => editedTree(folder, `tree-${trees++}`, edits);

/** A foreign page that crosses a page boundary is mapped and unmapped. */
const scenario = () =>
  file(
    'crossing.yaml',
    `title: A buffer over two pages
platform: { xen: 4.20 }
domains: { guest: }
devices: { disk: }
buffers: { data: { domain: guest, offset: 512, size: 4096 } }
agents:
  frontend: { domain: guest, steps: [{ grant: data }, { signal: request }] }
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
      - map: { buffer: page, direction: TO_DEVICE }
      - unmap: page
`,
  );

async function violation(tree: string): Promise<NonNullable<CheckDocument['results'][number]['violation']>> {
  const { out, errors } = await dmalab([
    'check',
    scenario(),
    '--kernel-source',
    tree,
    '--design',
    'source-6.1',
    '--json',
  ]);
  expect(errors).toEqual([]);
  const [result] = checkDocument.parse(JSON.parse(out)).results;
  if (result?.violation === undefined) throw new Error(`no violation: ${out}`);
  return result.violation;
}

/** Number of the line that holds the text. */
function lineOf(tree: string, { file: name }: Pick<Edit, 'file'>, text: string): number {
  const lines = readFileSync(join(tree, name), 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

describe.skipIf('missing' in TREE)(`a kernel\u2019s source ${MISSING}`, () => {
  it('that comes to a BUG_ON', { timeout: 60_000 }, async () => {
    const tree = treeWith(INSIDE('BUG_ON(cflush.offset == 512);'));
    const { rule, explanation, hardwareMoves } = await violation(tree);
    expect([rule, hardwareMoves]).toEqual(['kernel-bug', null]);
    const line = lineOf(tree, { file: MM }, 'BUG_ON(cflush.offset');
    expect(explanation).toContain(`${MM}:${line}: BUG_ON(cflush.offset == 512)`);
  });

  it('that comes to a WARN_ON goes on, and has warned', { timeout: 60_000 }, async () => {
    const tree = treeWith({
      file: SWIOTLB,
      from: '\tBUG_ON(dir == DMA_NONE);\n\t/*\n',
      to: '\tBUG_ON(dir == DMA_NONE);\n\tWARN_ON_ONCE(size == 4096);\n\t/*\n',
    });
    const { rule, explanation } = await violation(tree);
    expect(rule).toBe('kernel-warning');
    const line = lineOf(tree, { file: SWIOTLB }, 'WARN_ON_ONCE(size == 4096)');
    expect(explanation).toContain(`${SWIOTLB}:${line}: WARN_ON_ONCE(size == 4096)`);
  });

  it.each([
    ['uses NULL', '{ struct device *volatile none = NULL; none->dma_coherent = 1; }', 'none->dma'],
    ['uses an address that is none', '*(volatile char *)0x7ffffff0UL = 1;', '0x7ffffff0UL'],
    ['divides by zero', '{ volatile int zero = 0; cflush.offset = 1 / zero; }', '1 / zero'],
    ['never comes out of a loop', 'while (op) barrier();', 'while (op) barrier'],
  ])('that %s', { timeout: 60_000 }, async (_, text, place) => {
    const tree = treeWith(INSIDE(text));
    const { rule, explanation } = await violation(tree);
    expect(rule).toBe('kernel-bug');
    expect(explanation).toContain(`${MM}:${lineOf(tree, { file: MM }, place)}: `);
  });

  it('that asks the hypervisor for ever', { timeout: 60_000 }, async () => {
    const { rule, explanation } = await violation(
      treeWith({ file: MM, from: 'size -= cflush.length;', to: 'size -= 0;' }),
    );
    expect(rule).toBe('kernel-bug');
    expect(explanation).toMatch(/arch\/arm\/xen\/mm\.c:\d+: it does not come to an end/);
  });

  it('that dies is found in a replay, too', { timeout: 60_000 }, async () => {
    const tree = treeWith(INSIDE('BUG_ON(cflush.offset == 512);'));
    const { out } = await dmalab(['replay', TRACE, ...BOARD, '--kernel-source', tree, '--json']);
    const source = JSON.parse(out).designs.find(({ name }: { name: string }) => name === 'source-6.1');
    expect(source.verdict).toBe('errors');
    expect(source.findings).toContainEqual(
      expect.objectContaining({
        rule: 'kernel-bug',
        severity: 'error',
        explanation: expect.stringContaining(`${MM}:`),
      }),
    );
  });

  it('that keeps something from call to call cannot be judged, and that is said', {
    timeout: 60_000,
  }, async () => {
    const tree = treeWith(
      {
        file: MM,
        from: 'static bool hypercall_cflush = false;',
        to: 'static bool hypercall_cflush = false;\nstatic unsigned long calls;',
      },
      INSIDE('if (++calls & 1) cflush.op = 0;'),
    );
    const { exit, errors, out } = await dmalab([
      'check',
      scenario(),
      '--kernel-source',
      tree,
      '--design',
      'source-6.1',
    ]);
    expect([exit, out]).toEqual([2, '']);
    expect(errors.join('\n')).toContain('changes a static variable in a call');
  });

  it('whose loop goes on at the next page is right', { timeout: 60_000 }, async () => {
    const tree = treeWith({ file: MM, from: 'handle += cflush.length;', to: 'handle += XEN_PAGE_SIZE;' });
    const { exit, out } = await dmalab([
      'check',
      scenario(),
      '--kernel-source',
      tree,
      '--design',
      'source-6.1',
      '--json',
    ]);
    expect([exit, JSON.parse(out).results[0].verdict]).toEqual([0, 'holds']);
  });
});
