import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amplifyDat, readDat, trimKallsyms } from './amplify-dat.ts';
import { parseDat } from './dat-file.ts';
import { EXAMPLE_DAT } from './example.ts';
import { printReport } from './replay-speed.ts';
import { scanPages } from './ring-buffer.ts';
import { hasTool } from './tools.ts';

/** Events in examples/xen-domu-pvblk, as its trace.txt says in its header. */
const EVENTS = 15_551;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dmalab-amplify-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the shipped trace.dat', () => {
  it('holds the events of the recording', () => {
    expect(scanPages(readDat(EXAMPLE_DAT)).events).toBe(EVENTS);
  });
});

describe('an amplified trace.dat', () => {
  it('holds N times the events, and time goes on from one round to the next', () => {
    const path = join(folder, 'three.dat');
    const once = scanPages(readDat(EXAMPLE_DAT));
    expect(amplifyDat(readDat(EXAMPLE_DAT), 3, path).events).toBe(3 * EVENTS);
    const dat = readDat(path);
    const all = scanPages(dat);
    expect(all.events).toBe(3 * EVENTS);
    expect(all.last - all.first).toBe(3n * (once.last - once.first) + 2_000_000n);
    const times = all.pages.map((page) => dat.bytes.readBigUInt64LE(page));
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it.runIf(hasTool('trace-cmd'))('prints N times the events in trace-cmd report', () => {
    const path = join(folder, 'two.dat');
    amplifyDat(readDat(EXAMPLE_DAT), 2, path);
    expect(printReport(path, join(folder, 'two.txt'))).toBe(2 * EVENTS);
  });

  it('keeps its ring buffers page aligned where kallsyms is trimmed', () => {
    const trimmed = trimKallsyms(readDat(EXAMPLE_DAT), () => false);
    expect(parseDat(trimmed.bytes).cpus).toEqual(trimmed.cpus);
    expect(trimmed.cpus.every((cpu) => cpu.from % trimmed.pageSize === 0)).toBe(true);
    expect(scanPages(trimmed).events).toBe(EVENTS);
  });
});

describe('a file that is no trace.dat of version 6', () => {
  it('is refused with what was found', () => {
    expect(() => parseDat(Buffer.from('# tracer: nop\n'))).toThrow('not a trace.dat');
    expect(() => parseDat(Buffer.from('\x17\x08\x44tracing7\0\0\x08', 'latin1'))).toThrow('version 7');
  });

  it('is refused where it is cut', () => {
    const { bytes } = readDat(EXAMPLE_DAT);
    expect(() => parseDat(bytes.subarray(0, 3000))).toThrow(/offset \d+: found \d+ bytes, expected \d+/);
  });
});
