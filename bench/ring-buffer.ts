/**
 * The records of ring-buffer pages (include/linux/ring_buffer.h and kernel/trace/ring_buffer.c, Linux 6.12): how many
 * events there are, from when to when, and where absolute times stand that have to move when time is shifted.
 */
import type { DatFile } from './dat-file.ts';

export interface PageScan {
  readonly events: number;
  /** Times of the first page and of the last record, in the clock's units. */
  readonly first: bigint;
  readonly last: bigint;
  /** File offsets of the pages. */
  readonly pages: readonly number[];
  /** File offsets of records of type TIME_STAMP, which hold an absolute time. */
  readonly stamps: readonly number[];
}

const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;
/** Bits of `commit` that are a length; above them are flags (RB_MISSED_EVENTS, RB_MISSED_STORED). */
const COMMIT_MASK = 0xfffff;
const DELTA_BITS = 27;
const STAMP_MASK = (1n << 59n) - 1n;

export function scanPages(dat: DatFile): PageScan {
  const scan = { events: 0, first: -1n, last: -1n, pages: [] as number[], stamps: [] as number[] };
  for (const cpu of dat.cpus)
    for (let page = cpu.from; page < cpu.to; page += dat.pageSize) {
      scan.pages.push(page);
      const time = readU64(dat, page);
      if (scan.first < 0n || time < scan.first) scan.first = time;
      const end = scanRecords(dat, page, time, scan);
      if (end > scan.last) scan.last = end;
    }
  return scan;
}

/** Walk one page; returns the time of its last record. */
function scanRecords(
  dat: DatFile,
  page: number,
  start: bigint,
  scan: { events: number; stamps: number[] },
): bigint {
  const { bytes, recordsAt } = dat;
  const u32 = (at: number): number => (dat.littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const commit = dat.commitSize === 4 ? u32(page + 8) : Number(readU64(dat, page + 8) & 0xffffffffn);
  const end = page + recordsAt + (commit & COMMIT_MASK);
  let time = start;
  for (let at = page + recordsAt; at < end; ) {
    const word = u32(at);
    // The bit field is laid out from the low end on little endian, from the high end on big endian.
    const type = dat.littleEndian ? word & 31 : word >>> DELTA_BITS;
    const delta = dat.littleEndian ? word >>> 5 : word & ((1 << DELTA_BITS) - 1);
    if (type === TYPE_TIME_STAMP) {
      scan.stamps.push(at);
      time = (time & ~STAMP_MASK) | (BigInt(u32(at + 4)) << BigInt(DELTA_BITS)) | BigInt(delta);
      at += 8;
    } else if (type === TYPE_TIME_EXTEND) {
      time += (BigInt(u32(at + 4)) << BigInt(DELTA_BITS)) | BigInt(delta);
      at += 8;
    } else if (type === TYPE_PADDING) {
      if (delta === 0) break;
      time += BigInt(delta);
      at += 4 + u32(at + 4);
    } else {
      scan.events++;
      time += BigInt(delta);
      at += type === 0 ? 4 + u32(at + 4) : 4 + type * 4;
    }
  }
  return time;
}

/** Move every time of the pages by `shift`: of the pages themselves, and of absolute records. */
export function shiftTimes(dat: DatFile, scan: PageScan, shift: bigint): void {
  for (const page of scan.pages) writeU64(dat, page, readU64(dat, page) + shift);
  for (const at of scan.stamps) shiftStamp(dat, at, shift);
}

function shiftStamp(dat: DatFile, at: number, shift: bigint): void {
  const { bytes, littleEndian } = dat;
  const word = littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  const low = BigInt(littleEndian ? word >>> 5 : word & ((1 << DELTA_BITS) - 1));
  const high = BigInt(littleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4));
  const time = ((high << BigInt(DELTA_BITS)) | low) + shift;
  const delta = Number(time & ((1n << BigInt(DELTA_BITS)) - 1n));
  const above = Number((time >> BigInt(DELTA_BITS)) & 0xffffffffn);
  if (littleEndian) {
    bytes.writeUInt32LE(((delta << 5) | TYPE_TIME_STAMP) >>> 0, at);
    bytes.writeUInt32LE(above, at + 4);
  } else {
    bytes.writeUInt32BE(((TYPE_TIME_STAMP << DELTA_BITS) | delta) >>> 0, at);
    bytes.writeUInt32BE(above, at + 4);
  }
}

function readU64(dat: DatFile, at: number): bigint {
  return dat.littleEndian ? dat.bytes.readBigUInt64LE(at) : dat.bytes.readBigUInt64BE(at);
}

function writeU64(dat: DatFile, at: number, value: bigint): void {
  if (dat.littleEndian) dat.bytes.writeBigUInt64LE(value, at);
  else dat.bytes.writeBigUInt64BE(value, at);
}
