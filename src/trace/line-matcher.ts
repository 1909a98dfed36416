/**
 * The matcher (matcher/scan.ts) in its memory, and what it is taught: headers, layouts and names of lines that were read
 * by their keys.
 */
import { mayBeOnes, safeLimit } from './bounds.ts';
import { textOf } from './bytes.ts';
import type { TraceEvent } from './event.ts';
import type { EventName } from './event-names.ts';
import type { Header } from './header.ts';
import type { LaidOut, Layout } from './layout.ts';
import {
  BUCKETS,
  HEAD,
  HEADERS_FROM,
  LATEST_HEADER,
  LATEST_LAYOUT,
  LAYOUT_VALUES,
  LAYOUTS_FROM,
  LONGEST_RECORD,
  NAME_VALUE,
  NAMES,
  NAMES_FROM,
  NEXT,
  NUMBER,
  RECORD_VALUES,
  RECORDS,
  RECORDS_END,
  RECORDS_LIMIT,
  STEP_KIND,
  STEP_LATEST,
  STEP_LIMIT,
  STEP_NAMES,
  STEP_PLACE,
  TEXT_BYTES,
  TEXT_PIECES,
  WINDOW,
  WINDOW_SIZE,
} from './matcher/memory.ts';
import { MODULE } from './matcher/module.ts';
import { COUNT, END, HEX, HEX_OR_ONES, NAME, REST, SKIPPED } from './matcher/values.ts';
import { type KnownLayout, sequenceOf } from './records.ts';
import { Field, type Shape } from './vocabulary.ts';

/** Headers are looked up by their first 24 bytes. Those of trimmed text may be shorter, and are read by their keys. */
const SHORTEST_HEADER = 24;
const LONGEST_HEADER = 112;
const LONGEST_NAME = 48;
/** Names that are read the same in whatever event they stand; one with blanks, or that begins like these, need not be. */
const ORDINARY = /^(?!device=|dev_name)[^\0- ]*$/;

let compiled: WebAssembly.Module | undefined;

/** Its functions; all take and return addresses. */
type Functions = Readonly<
  Record<
    'scan' | 'readHeader' | 'readPayload' | 'readAs' | 'addHeader' | 'addLayout',
    (...args: number[]) => number
  >
>;

/** What lines of one header have in common. */
export type KnownHeader = Readonly<Pick<Header, 'pid' | 'cpu' | 'context'>>;

/** A line that was read by its keys. */
export interface Lesson {
  readonly bytes: Uint8Array;
  /** Where the event's name begins. */
  readonly at: number;
  readonly name: EventName;
  /** Of a line with fields; undefined if no other may be like it. */
  readonly layout: Layout | undefined;
}

/** One reader's matcher, and its memory of 320 KiB. */
export class LineMatcher {
  /** Room for text, and for the byte behind it that the matcher writes. */
  readonly window: Uint8Array;
  /** Records, as words and as values. */
  readonly words: Int32Array;
  readonly values: Float64Array;
  /** By the numbers in records. */
  headers: KnownHeader[] = [];
  layouts: KnownLayout[] = [];
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #functions: Functions;
  /** Names taught, each behind its field. */
  readonly #names = new Set<string>();
  #namesEnd = NAMES_FROM;
  #headersEnd = HEADERS_FROM;
  #layoutsEnd = LAYOUTS_FROM;

  constructor() {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(MODULE), (c) => c.charCodeAt(0)));
    const { exports } = new WebAssembly.Instance(compiled, {});
    const { buffer } = exports['memory'] as WebAssembly.Memory;
    this.#functions = exports as unknown as Functions;
    this.#memory = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.window = new Uint8Array(buffer, WINDOW, WINDOW_SIZE);
    this.words = new Int32Array(buffer);
    this.values = new Float64Array(buffer);
  }

  /** Read the lines of the window's bytes [from, to) that can be read. Returns where it stopped. */
  scan(from: number, to: number): number {
    return this.#functions.scan(WINDOW + from, WINDOW + to) - WINDOW;
  }

  /** Where the records end; they begin at RECORDS. */
  get recordsEnd(): number {
    return this.words[RECORDS_END >> 2] as number;
  }

  /** It stopped because there is no room for another record. */
  get full(): boolean {
    return this.recordsEnd > RECORDS_LIMIT - LONGEST_RECORD;
  }

  /** Where the name of the line at `at` of the window begins; -1 if its header was not taught. */
  nameAt(at: number): number {
    return this.#functions.readHeader(WINDOW + at) - WINDOW;
  }

  /** Teach what `header` says of the line at `from`, which it has just read. */
  teachHeader(bytes: Uint8Array, from: number, header: Header): void {
    const length = header.time - from;
    if (length < SHORTEST_HEADER || length > LONGEST_HEADER) return;
    if (this.#headersEnd + HEAD + 2 * LONGEST_HEADER > LAYOUTS_FROM) this.#forgetHeaders();
    const entry = this.#headersEnd;
    this.#view.setInt32(entry + NUMBER, this.headers.length, true);
    this.#headersEnd = this.#write(entry, bytes, from, header.time);
    this.#functions.addHeader(entry);
    const { pid, cpu, context } = header;
    this.headers.push({ pid, cpu, context });
  }

  /**
   * Teach how a line is laid out whose name is at `at` of the window, and what `event` says of it. The layout is kept if
   * the line can be read by it, and could not before.
   */
  teachLayout(at: number, { bytes, at: start, name, layout }: Lesson, event: TraceEvent): void {
    const { shape } = name;
    const values = layout?.values ?? [];
    if (shape !== undefined && layout === undefined) return;
    for (const value of values) if (value.kind === NAME) this.#teachName(value, bytes, event);
    const { readPayload, readAs, addLayout } = this.#functions;
    if (readPayload(WINDOW + at, RECORDS) !== 0) return;
    // The text of a line that means nothing here is its name.
    const end = layout === undefined ? bytes.indexOf(58, start) + 1 : layout.end + 1;
    const room = 2 * (end - start) + (values.length + 2) * (HEAD + 32);
    if (LAYOUTS_FROM + room > RECORDS) return;
    if (this.#layoutsEnd + room > RECORDS) this.#forgetLayouts();
    const entry = this.#layoutsEnd;
    const { fields, after } = this.#writeLayout(entry, bytes, start, end, values, shape);
    if (readAs(entry, WINDOW + at, RECORDS) === 0) return;
    addLayout(entry);
    this.#layoutsEnd = after;
    this.layouts.push({
      name,
      shape,
      fields,
      sequence: sequenceOf(fields),
      seen: layout?.seen ?? 0,
      force: event.force,
    });
  }

  #teachName({ field, from, to }: LaidOut, bytes: Uint8Array, event: TraceEvent): void {
    const entry = this.#namesEnd;
    if (to - from > LONGEST_NAME || entry + HEAD + 2 * LONGEST_NAME > HEADERS_FROM) return;
    const text = textOf(bytes, from, to);
    const key = `${field} ${text}`;
    if (!ORDINARY.test(text) || this.#names.has(key)) return;
    this.#names.add(key);
    const list = NAMES + field * 4;
    this.#view.setInt32(entry + NEXT, this.#view.getInt32(list, true), true);
    this.#view.setFloat64(entry + NAME_VALUE, named(field, event), true);
    this.#view.setInt32(list, entry, true);
    this.#namesEnd = this.#write(entry, bytes, from, to);
  }

  /** Returns the fields of a record's values, and where the layout ends. */
  #writeLayout(
    entry: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    values: readonly LaidOut[],
    shape: Shape | undefined,
  ): { fields: Uint8Array; after: number } {
    const view = this.#view;
    const fields: Field[] = [];
    let step = entry + HEAD;
    let from = start;
    for (const { kind, field, from: valueFrom, to } of values) {
      const ones = kind === HEX && shape !== undefined && mayBeOnes(field, shape.kind);
      view.setInt32(step + STEP_KIND, ones ? HEX_OR_ONES : kind, true);
      view.setInt32(step + STEP_PLACE, RECORD_VALUES + fields.length * 8, true);
      view.setBigInt64(step + STEP_LIMIT, BigInt(safeLimit(field)), true);
      view.setInt32(step + STEP_NAMES, NAMES + field * 4, true);
      view.setInt32(step + STEP_LATEST, 0, true);
      if (kind !== SKIPPED) fields.push(field);
      if (kind === COUNT) fields.push(field);
      step = this.#write(step, bytes, from, valueFrom);
      from = to;
    }
    view.setInt32(step + STEP_KIND, shape === undefined ? REST : END, true);
    view.setInt32(entry + LAYOUT_VALUES, fields.length, true);
    view.setInt32(entry + NUMBER, this.layouts.length, true);
    return { fields: Uint8Array.from(fields), after: this.#write(step, bytes, from, end) };
  }

  /** Write the text [from, to) of `bytes` to `entry`. Returns where the entry ends. */
  #write(entry: number, bytes: Uint8Array, from: number, to: number): number {
    const memory = this.#memory;
    const length = to - from;
    const pieces = Math.ceil(length / 16);
    this.#view.setInt32(entry + TEXT_PIECES, pieces, true);
    this.#view.setInt32(entry + TEXT_BYTES, length, true);
    memory.fill(0, entry + HEAD, entry + HEAD + pieces * 32);
    for (let i = 0; i < length; i++) {
      const place = entry + HEAD + (i >> 4) * 32 + (i & 15);
      memory[place] = bytes[from + i] as number;
      memory[place + 16] = 255;
    }
    return entry + HEAD + pieces * 32;
  }

  #forgetHeaders(): void {
    this.#memory.fill(0, LATEST_HEADER, LATEST_HEADER + (BUCKETS + 1) * 4);
    this.#headersEnd = HEADERS_FROM;
    this.headers = [];
  }

  #forgetLayouts(): void {
    this.#memory.fill(0, LATEST_LAYOUT, LATEST_LAYOUT + (BUCKETS + 1) * 4);
    this.#layoutsEnd = LAYOUTS_FROM;
    this.layouts = [];
  }
}

/** What a name of this field stands for, after its line was read. */
function named(field: Field, event: TraceEvent): number {
  switch (field) {
    case Field.direction:
      return event.direction;
    case Field.attributes:
      return event.attributes;
    case Field.ret:
      return event.ret;
    case Field.dmaMask:
      return event.dmaMask;
    default:
      return event.device;
  }
}
