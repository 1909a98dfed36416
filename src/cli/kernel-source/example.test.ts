/**
 * Linux 6.1's own source on the recording that ships, which is of a 6.12: it must do what was recorded.
 *
 * Written down before it was run: no difference. Between the two releases mm.c differs in how the pool is set up (boot), and
 * swiotlb-xen.c in asking for small kmalloc() objects before it bounces and in looking the pool up once; the recorded kernel
 * bounced no foreign page for its size, and what it bounced every design is taken to bounce.
 */
import { describe, expect, it } from 'vitest';
import type { ReplayDocument } from '../../report/replay/schema.ts';
import { BOARD, dmalab, replayJson, TRACE } from '../testing.ts';
import { MISSING, TREE, treeFolder } from './testing.ts';

const judged = ({ designs }: ReplayDocument, name: string) => {
  const design = designs.find((one) => one.name === name);
  if (!design) throw new Error(name);
  const { verdict, findings, cost, conformance } = design;
  return { verdict, findings, cost, conformance };
};

describe.skipIf('missing' in TREE)(`6.1\u2019s source on the example ${MISSING}`, () => {
  const args = () => [...BOARD, '--kernel-source', treeFolder()];

  it('predicts every recorded operation, argument by argument', { timeout: 60_000 }, async () => {
    const { document } = await replayJson(TRACE, [...args(), '--kernel', '6.1']);
    const { conformance } = judged(document, 'source-6.1');
    expect(conformance).toEqual({ operations: 2682, matched: 2682, mismatches: [] });
  });

  it('judges as the design of its release, and as that of the recorded one', {
    timeout: 60_000,
  }, async () => {
    const { document, exit } = await replayJson(TRACE, args());
    const source = judged(document, 'source-6.1');
    expect(source.verdict).toBe('errors');
    expect(source).toEqual(judged(document, 'linux-5.9'));
    expect({ ...source, conformance: null }).toEqual({
      ...judged(document, 'linux-6.12'),
      conformance: null,
    });
    expect(exit).toBe(1);
    expect(document.kernelSource).toMatchObject({
      design: 'source-6.1',
      release: '6.1',
      configurations: ['arm64'],
    });
  });

  it('is told from what is dmalab\u2019s', { timeout: 60_000 }, async () => {
    const { out } = await dmalab(['replay', TRACE, ...args(), '--design', 'recorded']);
    expect(out).toMatch(/source-6\.1 is Linux 6\.1 in /);
    expect(out).toContain(
      'the kernel\u2019s own, unmodified: arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c, kernel/dma/direct.c',
    );
    expect(out).toMatch(/include\/xen\/page\.h/);
    expect(out).toMatch(/dmalab\u2019s: .*entry\.c/);
  });
});
