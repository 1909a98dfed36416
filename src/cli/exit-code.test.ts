import { describe, expect, it } from 'vitest';
import {
  BOARD,
  dmalab,
  exampleText,
  NATIVE,
  replayJson,
  rightLines,
  small,
  TRACE,
  traceFile,
} from './testing.ts';

const standardOnly = (text: string) =>
  text
    .split('\n')
    .filter((line) => / (dma|swiotlb)_[a-z_]+: /.test(line))
    .filter((line) => !/ (swiotlb_(map|map_ret|unmap)|dma_cache_maint): /.test(line));

const withoutMaintenance = (lines: readonly string[]) => lines.filter((line) => !line.includes('arch_sync'));
/** A receive buffer whose last line is shared with a neighbour. */
const hazardous = traceFile('hazard.txt', rightLines('80001000', 1522));

const exitOf = async (trace: string, ...args: string[]) => (await dmalab(['replay', trace, ...args])).exit;

describe('exit code', () => {
  it('0: nothing found', async () => {
    expect(await exitOf(traceFile('right.txt', rightLines()), ...NATIVE)).toBe(0);
  });

  it('0 with hazards, 1 with --strict', async () => {
    expect((await replayJson(hazardous, NATIVE)).document.designs[0]?.verdict).toBe('hazards');
    expect(await exitOf(hazardous, ...NATIVE)).toBe(0);
    expect(await exitOf(hazardous, ...NATIVE, '--strict')).toBe(1);
  });

  it('1: the recorded maintenance has errors', async () => {
    expect(await exitOf(TRACE, ...BOARD)).toBe(1);
    expect(await exitOf(TRACE, ...BOARD, '--exit-zero')).toBe(0);
  });

  it('1: an address is unmapped twice, which is the driver’s misuse', async () => {
    const lines = [...rightLines(), small.unmap('FROM_DEVICE', '80001000', 4096)];
    const { exit, document } = await replayJson(traceFile('twice.txt', lines), NATIVE);
    expect(exit).toBe(1);
    expect(document.misuse).toMatchObject([
      { rule: 'unmap-unallocated', severity: 'error', line: 7, dmaAddr: '0x80001000', dir: 'FROM_DEVICE' },
    ]);
    expect(document.designs[0]?.verdict).toBe('clean');
  });

  it('0: an unmap of what was mapped before the recording is no misuse', async () => {
    const lines = [small.unmap('FROM_DEVICE', '80009000', 4096), ...rightLines()];
    const { exit, document } = await replayJson(traceFile('before.txt', lines), NATIVE);
    expect(document.misuse).toEqual([]);
    expect(exit).toBe(0);
  });

  it('3: nothing is known of the devices', async () => {
    expect(await exitOf(traceFile('right.txt', rightLines()))).toBe(3);
  });

  it('3: maintenance was not recorded, and the kernel’s own design is clean', async () => {
    const path = traceFile('standard.txt', withoutMaintenance(rightLines()));
    const { exit, document } = await replayJson(path, NATIVE);
    expect(document.designs[0]).toMatchObject({ name: 'recorded', verdict: 'not-recorded', findings: [] });
    expect(document.trace.maintenanceRecorded).toBe(false);
    expect(exit).toBe(3);
    expect(await exitOf(path, ...NATIVE, '--exit-zero')).toBe(0);
  });

  it('1: maintenance was not recorded, and the kernel’s own design has errors', async () => {
    const { exit, document } = await replayJson(
      traceFile('xen-standard.txt', standardOnly(exampleText())),
      BOARD,
    );
    expect(document.designs[0]?.verdict).toBe('not-recorded');
    expect(document.designs.find(({ name }) => name === 'linux-6.12')?.verdict).toBe('errors');
    expect(exit).toBe(1);
  });

  it('0: coherent devices need no maintenance, so nothing is missing', async () => {
    const path = traceFile('coherent.txt', withoutMaintenance(rightLines()));
    expect(await exitOf(path, '--hardware', 'coherent')).toBe(0);
  });

  it('3: events were lost while something was mapped', async () => {
    const lines = rightLines();
    lines.splice(2, 0, 'CPU:0 [LOST 5 EVENTS]');
    const { exit, document } = await replayJson(traceFile('lost.txt', lines), NATIVE);
    expect(document.trace.lost).toBe(5);
    expect(exit).toBe(3);
  });
});
