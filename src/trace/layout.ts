/**
 * How a line was laid out: the bytes between its values, which the next line of its name most often repeats.
 *
 * Lines that are laid out like one before are read by the matcher (line-matcher.ts). A line that is laid out differently is
 * read by its keys (payload.ts), and its layout is taught to the matcher.
 */
import { BYTES_4, BYTES_8, COUNT, DECIMAL, HEX, LIST, NAME, SKIPPED } from './matcher/values.ts';
import { Field } from './vocabulary.ts';

/** Values of one layout; a line with more is read by its keys. */
const MOST_VALUES = 16;
/** Bytes of all text between them. */
const LONGEST_TEXT = 512;

/** Bytes of "ARRAY[". */
const RAW_START = 6;

/** How special fields are read. What is not here is a word that belongs to the text. */
const KIND_OF_SPECIAL: ReadonlyMap<Field, number> = new Map<Field, number>([
  [Field.direction, NAME],
  [Field.attributes, NAME],
  [Field.ret, NAME],
  [Field.dmaMask, NAME],
  [Field.dmaAddrs, LIST],
  [Field.physAddrs, LIST],
  [Field.sizes, LIST],
  [Field.nents, COUNT],
  [Field.ents, COUNT],
]);

/** A value of a line: where it lies, [from, to), what it is, and its field (0 where it has none). */
export interface LaidOut {
  readonly kind: number;
  readonly field: Field;
  readonly from: number;
  readonly to: number;
}

/** A line's values in order, and where its payload begins and its newline is. */
export interface Layout {
  readonly start: number;
  readonly end: number;
  readonly values: readonly LaidOut[];
  /** Bits 1 << Field of all fields. */
  readonly seen: number;
}

/** Notes where the values of one line are, while it is read by its keys. */
export class LayoutNotes {
  readonly #from = new Uint32Array(MOST_VALUES);
  readonly #to = new Uint32Array(MOST_VALUES);
  readonly #kinds = new Uint8Array(MOST_VALUES);
  readonly #fields = new Uint8Array(MOST_VALUES);
  #count = 0;
  #start = 0;
  #usable = false;

  /** The payload begins at `start`. */
  begin(start: number): void {
    this.#count = 0;
    this.#start = start;
    this.#usable = true;
  }

  /** A value lies in [from, to). */
  value(kind: number, field: Field, from: number, to: number): void {
    const i = this.#count;
    if (i === MOST_VALUES) this.#usable = false;
    if (!this.#usable) return;
    this.#from[i] = from;
    this.#to[i] = to;
    this.#kinds[i] = kind;
    this.#fields[i] = field;
    this.#count = i + 1;
  }

  /** A number lies in [from, to), written as it is there. `hex`: digits without 0x are hexadecimal. */
  number(bytes: Uint8Array, field: Field, from: number, to: number, hex: boolean): void {
    if (bytes[from] === 45) this.#usable = false;
    else if (bytes[from] === 48 && bytes[from + 1] === 120) this.value(HEX, field, from + 2, to);
    else this.value(hex ? HEX : DECIMAL, field, from, to);
  }

  /** The value of a special field lies in [from, to). `raw`: the line says its numbers differently from others. */
  special(bytes: Uint8Array, field: Field, from: number, to: number, raw: boolean): void {
    if (raw && field === Field.dmaMask) this.#usable = false;
    const kind = KIND_OF_SPECIAL.get(field);
    if (kind === LIST && bytes[from] !== 123)
      this.value(field === Field.sizes ? BYTES_4 : BYTES_8, field, from + RAW_START, to);
    else if (kind !== undefined) this.value(kind, field, from, to);
  }

  /** A token without meaning lies in [from, to): what stands before its "=" is text. */
  token(bytes: Uint8Array, from: number, to: number): void {
    let p = from;
    while (p < to && bytes[p] !== 61) p++;
    if ((bytes[from] as number) <= 32) this.#usable = false;
    else if (p < to) this.value(SKIPPED, 0, p + 1, to);
  }

  /** The layout, if another line may have it. `end` is where the newline is. */
  layout(end: number, seen: number): Layout | undefined {
    let text = end - this.#start;
    const values: LaidOut[] = [];
    for (let i = 0; i < this.#count; i++) {
      const from = this.#from[i] as number;
      const to = this.#to[i] as number;
      text -= to - from;
      values.push({ kind: this.#kinds[i] as number, field: this.#fields[i] as Field, from, to });
    }
    return this.#usable && text < LONGEST_TEXT ? { start: this.#start, end, values, seen } : undefined;
  }
}
