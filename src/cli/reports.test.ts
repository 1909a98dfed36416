/**
 * Whole reports against golden files in reports/. They were read by eye; after a change, read the difference, then
 * `npx vitest run src/cli/reports.test.ts -u`.
 */
import { describe, expect, it } from 'vitest';
import { BOARD, dmalab, exampleText, file, IOMEM, TRACE } from './testing.ts';

/** The report with the file's own name, whatever folder it lies in. */
async function report(trace: string, args: readonly string[]): Promise<string> {
  const { out } = await dmalab(['replay', trace, ...args]);
  return out.replaceAll(trace, trace.replace(/^.*\//, ''));
}

/** The example with only what the kernel prints without probes. */
function standardEvents(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.startsWith('#') || /: (dma_(?!cache_maint)|swiotlb_bounced)/.test(line))
    .join('\n');
}

/** The example with a hole in it, and an address that is unmapped twice. */
function damaged(text: string): string {
  const lines = text.split('\n');
  const unmap = lines.findIndex((line) => line.includes(': dma_unmap_page: 0000:00:01.0'));
  lines.splice(unmap + 1, 0, lines[unmap] ?? '');
  lines.splice(9637, 1, 'CPU:0 [LOST 17 EVENTS]');
  return lines.join('\n');
}

describe('the report', () => {
  it('on a recording with errors has the verdict first, each problem once, and the designs', async () => {
    await expect(await report(TRACE, BOARD)).toMatchFileSnapshot('reports/example.txt');
  });

  it('on standard events says that maintenance was not recorded and judges the designs', async () => {
    const trace = file('standard.txt', standardEvents(exampleText()));
    await expect(await report(trace, BOARD)).toMatchFileSnapshot('reports/standard-events.txt');
  });

  it('on a trace with a hole says what it cannot say, and reports misuse', async () => {
    const trace = file('damaged.txt', damaged(exampleText()));
    await expect(await report(trace, [...BOARD, '--design', 'repaired'])).toMatchFileSnapshot(
      'reports/damaged.txt',
    );
  });

  it('on devices of unknown coherence is inconclusive and says what is missing', async () => {
    await expect(await report(TRACE, ['--iomem', IOMEM])).toMatchFileSnapshot('reports/no-device-tree.txt');
  });
});
