/**
 * Where things lie in a trace.dat of version 6 (man trace-cmd.dat.v6): enough to repeat its ring buffers.
 *
 * A version 7 file, which is what trace-cmd 3 records, is brought to this form by
 * `trace-cmd convert --file-version 6 --compression none`.
 */

/** A range of bytes of the file. */
export interface Section {
  readonly from: number;
  readonly to: number;
}

export interface DatFile {
  readonly bytes: Buffer;
  readonly littleEndian: boolean;
  /** Bytes of a ring-buffer page. */
  readonly pageSize: number;
  /** Of a page's header: size of its `commit` field, and where the records begin. */
  readonly commitSize: number;
  readonly recordsAt: number;
  /** The copy of /proc/kallsyms, with its 32-bit length before it. */
  readonly kallsyms: Section;
  /** Where the table of (offset, size) begins, one for each CPU. */
  readonly tableAt: number;
  readonly cpus: readonly Section[];
}

const MAGIC = Buffer.from('\x17\x08\x44tracing', 'latin1');
/** An instance's ring buffers, by an offset in the file: not needed here, so refused rather than broken. */
const OPTION_BUFFER = 3;

export function parseDat(bytes: Buffer): DatFile {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new Error('not a trace.dat: found other bytes than 17 08 44 "tracing" at offset 0');
  const cursor = new Cursor(bytes, MAGIC.length);
  const version = cursor.text();
  if (version !== '6')
    throw new Error(
      `trace.dat version ${version} at offset ${MAGIC.length}, expected 6: run trace-cmd convert --file-version 6 --compression none`,
    );
  cursor.littleEndian = bytes[cursor.at++] === 0;
  cursor.at++; // bytes of a long in the target's user space
  const pageSize = cursor.u32();
  const page = headerPage(cursor);
  cursor.expect('header_event');
  cursor.skip(cursor.u64());
  const formats = cursor.u32();
  for (let i = 0; i < formats; i++) cursor.skip(cursor.u64());
  const systems = cursor.u32();
  for (let i = 0; i < systems; i++) {
    cursor.text();
    const events = cursor.u32();
    for (let e = 0; e < events; e++) cursor.skip(cursor.u64());
  }
  const kallsymsAt = cursor.at;
  cursor.skip(cursor.u32());
  const kallsyms = { from: kallsymsAt, to: cursor.at };
  cursor.skip(cursor.u32()); // printk formats
  cursor.skip(cursor.u64()); // command lines
  const cpuCount = cursor.u32();
  const kind = skipOptions(cursor);
  if (kind !== 'flyrecord')
    throw new Error(`found "${kind}" before offset ${cursor.at}, expected ring buffers ("flyrecord")`);
  const tableAt = cursor.at;
  const cpus = Array.from({ length: cpuCount }, () => {
    const from = cursor.u64();
    return { from, to: from + cursor.u64() };
  });
  return { bytes, littleEndian: cursor.littleEndian, pageSize, ...page, kallsyms, tableAt, cpus };
}

/** The page header's layout, from the kernel's own description of it. */
function headerPage(cursor: Cursor): { commitSize: number; recordsAt: number } {
  cursor.expect('header_page');
  const size = cursor.u64();
  const text = cursor.bytes.toString('latin1', cursor.at, cursor.at + size);
  cursor.skip(size);
  const commit = /commit;\s*offset:8;\s*size:(\d+)/.exec(text)?.[1];
  const data = /data;\s*offset:(\d+)/.exec(text)?.[1];
  if (commit === undefined || data === undefined)
    throw new Error(`header_page: found "${text}", expected a commit and a data field`);
  return { commitSize: Number(commit), recordsAt: Number(data) };
}

/** Skip the options; returns what kind of data follows them. */
function skipOptions(cursor: Cursor): string {
  let kind = cursor.padded(10);
  while (kind === 'options') {
    for (let id = cursor.u16(); id !== 0; id = cursor.u16()) {
      if (id === OPTION_BUFFER)
        throw new Error(`trace.dat with instance buffers (option 3 before offset ${cursor.at})`);
      cursor.skip(cursor.u32());
    }
    kind = cursor.padded(10);
  }
  return kind;
}

class Cursor {
  readonly bytes: Buffer;
  at: number;
  littleEndian = true;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  u16(): number {
    this.at += 2;
    return this.littleEndian ? this.bytes.readUInt16LE(this.at - 2) : this.bytes.readUInt16BE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.littleEndian ? this.bytes.readUInt32LE(this.at - 4) : this.bytes.readUInt32BE(this.at - 4);
  }

  u64(): number {
    this.at += 8;
    const { bytes, at } = this;
    return Number(this.littleEndian ? bytes.readBigUInt64LE(at - 8) : bytes.readBigUInt64BE(at - 8));
  }

  /** A string that ends with a zero byte. */
  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new Error(`offset ${this.at}: found no end of a string`);
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end + 1;
    return text;
  }

  /** A string padded with blanks and a zero byte to a fixed size. */
  padded(size: number): string {
    this.skip(size);
    return this.bytes
      .toString('latin1', this.at - size, this.at - 1)
      .replace(/\0.*$/s, '')
      .trim();
  }

  expect(wanted: string): void {
    const at = this.at;
    const found = this.text();
    if (found !== wanted) throw new Error(`offset ${at}: found "${found}", expected "${wanted}"`);
  }

  skip(size: number): void {
    if (this.at + size > this.bytes.length)
      throw new Error(`offset ${this.at}: found ${this.bytes.length - this.at} bytes, expected ${size}`);
    this.at += size;
  }
}
