/**
 * Which line of which file a place in a WebAssembly module was compiled from: .debug_line of DWARF 4.
 * Source: DWARF Debugging Information Format 4, section 6.2; offsets count from the first byte of the code section's content
 * (WebAssembly tool conventions, DWARF).
 */

export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** A place in code and what it belongs to, in the order of addresses. */
interface Row extends SourceLine {
  readonly address: number;
  /** Where a function ends: nothing after it is of that line. */
  readonly end: boolean;
}

export class LineTable {
  readonly #rows: readonly Row[];
  /** Of the code section's content, in the module. */
  readonly #code: number;

  /** @param module bytes of a module; without debug information it has no lines. */
  constructor(module: Uint8Array) {
    const { code, debugLine } = sectionsOf(module);
    this.#code = code;
    this.#rows = debugLine === undefined ? [] : rowsOf(debugLine).sort((a, b) => a.address - b.address);
  }

  /**
   * The line that a byte of the module belongs to; the nearest one before it in the same function that `wanted` wants (what is
   * inlined into it has lines of its own).
   */
  find(offset: number, wanted: (file: string) => boolean): SourceLine | undefined {
    const address = offset - this.#code;
    let at = this.#rows.findLastIndex((row) => row.address <= address);
    for (; at >= 0; at--) {
      const row = this.#rows[at];
      // Line 0: code that belongs to several lines.
      if (row === undefined || row.end || row.line === 0) return undefined;
      if (wanted(row.file)) return { file: row.file, line: row.line };
    }
    return undefined;
  }
}

/** Bytes read from the front. */
class Reader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }
  get done(): boolean {
    return this.at >= this.#bytes.length;
  }
  u8(): number {
    return this.#view.getUint8(this.at++);
  }
  s8(): number {
    return this.#view.getInt8(this.at++);
  }
  u16(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2, true);
  }
  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }
  /** LEB128. Without bit operators: they cut to 32 bits. */
  unsigned(): number {
    return this.#leb().value;
  }
  signed(): number {
    const { value, scale, last } = this.#leb();
    return last >= 64 ? value - scale : value;
  }
  #leb(): { value: number; scale: number; last: number } {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      const low = byte % 128;
      value += low * scale;
      scale *= 128;
      if (byte < 128) return { value, scale, last: low };
    }
  }
  text(): string {
    const end = this.#bytes.indexOf(0, this.at);
    const text = new TextDecoder().decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }
  bytes(length: number): Uint8Array {
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

const CUSTOM = 0;
const CODE = 10;

function sectionsOf(module: Uint8Array): { code: number; debugLine: Uint8Array | undefined } {
  let code = 0;
  let debugLine: Uint8Array | undefined;
  for (const reader = new Reader(module, 8); !reader.done; ) {
    const id = reader.u8();
    const size = reader.unsigned();
    const end = reader.at + size;
    if (id === CODE) code = reader.at;
    if (id === CUSTOM) {
      const name = new TextDecoder().decode(reader.bytes(reader.unsigned()));
      if (name === '.debug_line') debugLine = module.subarray(reader.at, end);
    }
    reader.at = end;
  }
  return { code, debugLine };
}

/** What the state machine of the line number program knows. */
interface Registers {
  address: number;
  file: number;
  line: number;
}

function rowsOf(debugLine: Uint8Array): Row[] {
  const rows: Row[] = [];
  for (const reader = new Reader(debugLine); !reader.done; ) {
    const length = reader.u32();
    const end = reader.at + length;
    unitRows(reader, end, rows);
    reader.at = end;
  }
  return rows;
}

/** One compilation unit: its header, and its program up to `end`. */
function unitRows(reader: Reader, end: number, rows: Row[]): void {
  const version = reader.u16();
  if (version < 2 || version > 4) return;
  const headerLength = reader.u32();
  const program = reader.at + headerLength;
  const minInstruction = reader.u8();
  if (version === 4) reader.u8();
  reader.u8();
  const lineBase = reader.s8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  const operands = Array.from({ length: opcodeBase - 1 }, () => reader.u8());
  const folders = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) folders.push(name);
  const files = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    files.push(inFolder(folders[reader.unsigned()] ?? '', name));
    reader.unsigned();
    reader.unsigned();
  }
  reader.at = program;
  let now: Registers = { address: 0, file: 1, line: 1 };
  const push = (isEnd: boolean) =>
    rows.push({ address: now.address, file: files[now.file] ?? '', line: now.line, end: isEnd });
  const advance = (steps: number) => {
    now.address += steps * minInstruction;
  };
  while (reader.at < end) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const special = opcode - opcodeBase;
      advance(Math.floor(special / lineRange));
      now.line += lineBase + (special % lineRange);
      push(false);
    } else if (opcode === 0) {
      const next = reader.unsigned() + reader.at;
      const extended = reader.u8();
      if (extended === 1) {
        push(true);
        now = { address: 0, file: 1, line: 1 };
      } else if (extended === 2) now.address = reader.u32();
      reader.at = next;
    } else if (opcode === 1) push(false);
    else if (opcode === 2) advance(reader.unsigned());
    else if (opcode === 3) now.line += reader.signed();
    else if (opcode === 4) now.file = reader.unsigned();
    else if (opcode === 8) advance(Math.floor((255 - opcodeBase) / lineRange));
    else if (opcode === 9) now.address += reader.u16();
    else for (let i = 0; i < (operands[opcode - 1] ?? 0); i++) reader.unsigned();
  }
}

function inFolder(folder: string, name: string): string {
  return folder === '' || name.startsWith('/') ? name : `${folder}/${name}`;
}
