/**
 * Makes a trace.dat with N times the events: each CPU's ring-buffer pages N times over, each time later.
 *
 * Nothing is invented: every record is the recording's own, and `trace-cmd report` reads the result as it reads the
 * original. `node bench/amplify-dat.ts IN OUT TIMES [SYMBOL,...]` does it by hand. The file in examples/ was made from the
 * recording (converted to version 6) with TIMES 1 and the symbols tracing_mark_write,tracing_mark_raw_write: 6.6 of its
 * 8.4 MB were /proc/kallsyms, of which `trace-cmd report` prints the first (the second ends it). Its output is the same.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type DatFile, parseDat } from './dat-file.ts';
import { scanPages, shiftTimes } from './ring-buffer.ts';

/** Between the last event of one round and the first of the next, in the clock's units (ns): 1 ms. */
const GAP = 1_000_000n;

/** A trace.dat, gzipped or not. */
export function readDat(path: string): DatFile {
  const bytes = readFileSync(path);
  return parseDat(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes);
}

export interface Amplified {
  readonly events: number;
  readonly bytes: number;
}

/** Write the file with its ring buffers `times` times over. Leaves the times of `dat` shifted. */
export function amplifyDat(dat: DatFile, times: number, path: string): Amplified {
  const scan = scanPages(dat);
  const head = headFor(dat, times);
  const file = openSync(path, 'w');
  try {
    writeSync(file, head.bytes);
    const period = scan.last - scan.first + GAP;
    for (let round = 0; round < times; round++) {
      if (round > 0) shiftTimes(dat, scan, period);
      dat.cpus.forEach((cpu, i) => {
        const size = cpu.to - cpu.from;
        if (size > 0) writeSync(file, dat.bytes, cpu.from, size, (head.starts[i] as number) + round * size);
      });
    }
  } finally {
    closeSync(file);
  }
  return { events: scan.events * times, bytes: head.end };
}

/** Everything before the ring buffers, with the table of their new places. */
function headFor(dat: DatFile, times: number): { bytes: Buffer; starts: number[]; end: number } {
  const firstData = Math.min(...dat.cpus.filter((cpu) => cpu.to > cpu.from).map((cpu) => cpu.from));
  const bytes = Buffer.from(dat.bytes.subarray(0, firstData));
  const starts: number[] = [];
  let at = firstData;
  dat.cpus.forEach((cpu, i) => {
    const size = (cpu.to - cpu.from) * times;
    starts.push(at);
    writePlace(dat, bytes, dat.tableAt + i * 16, at, size);
    at += size;
  });
  return { bytes, starts, end: at };
}

function writePlace(dat: DatFile, bytes: Buffer, at: number, offset: number, size: number): void {
  if (dat.littleEndian) {
    bytes.writeBigUInt64LE(BigInt(offset), at);
    bytes.writeBigUInt64LE(BigInt(size), at + 8);
  } else {
    bytes.writeBigUInt64BE(BigInt(offset), at);
    bytes.writeBigUInt64BE(BigInt(size), at + 8);
  }
}

/** The same file with only those lines of its copy of /proc/kallsyms that `keep` accepts; data stays page aligned. */
export function trimKallsyms(dat: DatFile, keep: (line: string) => boolean): DatFile {
  const { bytes, kallsyms, pageSize } = dat;
  const lines = bytes.toString('latin1', kallsyms.from + 4, kallsyms.to).split('\n');
  const kept = Buffer.from(
    lines
      .filter(keep)
      .map((line) => `${line}\n`)
      .join(''),
    'latin1',
  );
  const length = Buffer.alloc(4);
  if (dat.littleEndian) length.writeUInt32LE(kept.length);
  else length.writeUInt32BE(kept.length);
  const firstData = Math.min(...dat.cpus.map((cpu) => cpu.from));
  const removed = kallsyms.to - kallsyms.from - 4 - kept.length;
  const pages = Math.floor(removed / pageSize) * pageSize;
  const moved = Buffer.concat([
    bytes.subarray(0, kallsyms.from),
    length,
    kept,
    bytes.subarray(kallsyms.to, firstData),
    Buffer.alloc(removed - pages),
    bytes.subarray(firstData),
  ]);
  const tableAt = dat.tableAt - removed;
  const cpus = dat.cpus.map((cpu) => ({ from: cpu.from - pages, to: cpu.to - pages }));
  cpus.forEach((cpu, i) => {
    writePlace(dat, moved, tableAt + i * 16, cpu.from, cpu.to - cpu.from);
  });
  const end = kallsyms.from + 4 + kept.length;
  return { ...dat, bytes: moved, kallsyms: { from: kallsyms.from, to: end }, tableAt, cpus };
}

if (import.meta.main) {
  const [input, output, times, symbols] = process.argv.slice(2);
  if (input === undefined || output === undefined || !(Number(times) >= 1)) {
    process.stderr.write('usage: node bench/amplify-dat.ts IN.dat[.gz] OUT.dat TIMES [SYMBOL,...]\n');
    process.exit(2);
  }
  const keep = symbols?.split(',');
  const dat = readDat(input);
  const trimmed = keep ? trimKallsyms(dat, (line) => keep.includes(line.split(/\s/)[2] ?? '')) : dat;
  const made = amplifyDat(trimmed, Number(times), output);
  process.stdout.write(`${made.events} events, ${made.bytes} bytes\n`);
}
