/**
 * How a line was laid out: the bytes between its values, which the next line of its name most often repeats.
 *
 * Comparing them four bytes at a time and reading only the values was measured to take a third off the time of a line (reader.ts).
 * A line that is laid out differently is read by its keys (payload.ts), and its layout is kept.
 */
import type { Field } from './vocabulary.ts';

/** What stands in a line where lines of one layout may differ. */
export const Value = {
  /** Digits behind a "0x" that belongs to the text before them, or without one. */
  hex: 0,
  decimal: 1,
  device: 2,
  /** The rest of a token that means nothing here. */
  skipped: 3,
  /** What only its own reader knows the end of: lists, names, attributes. */
  special: 4,
} as const;
export type Value = (typeof Value)[keyof typeof Value];

/** Values of one layout; a line with more is read by its keys. */
const MOST_VALUES = 16;
/** Bytes of all text between them. */
const LONGEST_TEXT = 512;

/** A text to be compared four bytes at a time, the last ones under a mask. */
export class Words {
  /** Bytes. */
  readonly length: number;
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(text: Uint8Array) {
    this.length = text.length;
    this.#words = wordsOf(text);
    this.#mask = maskOf(text);
  }

  /** Whether the text stands at `at`; false, too, where less than a word of the `size` bytes is behind it. */
  standAt(view: DataView, size: number, at: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    if (at + words.length * 4 > size) return false;
    let p = at;
    for (let i = 0; i < last; i++, p += 4) if (view.getInt32(p, true) !== words[i]) return false;
    return (view.getInt32(p, true) & this.#mask) === words[last];
  }
}

/**
 * A layout as a program: for each text the number of its words but the last, these words, the mask of the last, the last
 * word, how many bytes of it are text; then the value behind it and its field. `END` follows the last text, which ends
 * with the newline. One flat array was measured to be read a third faster than several.
 */
export class Layout {
  readonly program: Int32Array;
  /** Bits 1 << Field of all fields. */
  readonly seen: number;

  constructor(texts: readonly Uint8Array[], values: Uint8Array, fields: Uint8Array, seen: number) {
    const program: number[] = [];
    texts.forEach((text, i) => {
      const words = [...wordsOf(text)];
      const last = words.pop() as number;
      program.push(
        words.length,
        ...words,
        maskOf(text),
        last,
        lastBytesOf(text),
        values[i] ?? END,
        fields[i] ?? 0,
      );
    });
    this.program = Int32Array.from(program);
    this.seen = seen;
  }
}
/** Stands in a program where no value follows. */
export const END = 5;

/** In little endian; an empty text is one word of no bytes. */
function wordsOf(text: Uint8Array): Int32Array {
  const words = new Int32Array(Math.max(1, Math.ceil(text.length / 4)));
  for (const [i, byte] of text.entries()) words[i >> 2] = (words[i >> 2] as number) | (byte << ((i & 3) * 8));
  return words;
}

function lastBytesOf(text: Uint8Array): number {
  return text.length === 0 ? 0 : ((text.length - 1) & 3) + 1;
}

function maskOf(text: Uint8Array): number {
  const bytes = lastBytesOf(text);
  return bytes === 4 ? -1 : (1 << (bytes * 8)) - 1;
}

/** Notes where the values of one line are, while it is read by its keys. */
export class LayoutNotes {
  readonly #from = new Uint32Array(MOST_VALUES);
  readonly #to = new Uint32Array(MOST_VALUES);
  readonly #values = new Uint8Array(MOST_VALUES);
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
  value(value: Value, field: Field | 0, from: number, to: number): void {
    const i = this.#count;
    if (i === MOST_VALUES) this.#usable = false;
    if (!this.#usable) return;
    this.#from[i] = from;
    this.#to[i] = to;
    this.#values[i] = value;
    this.#fields[i] = field;
    this.#count = i + 1;
  }

  /** A number lies in [from, to), written as it is there. `hex`: digits without 0x are hexadecimal. */
  number(bytes: Uint8Array, field: Field, from: number, to: number, hex: boolean): void {
    if (bytes[from] === 45) this.#usable = false;
    else if (bytes[from] === 48 && bytes[from + 1] === 120) this.value(Value.hex, field, from + 2, to);
    else this.value(hex ? Value.hex : Value.decimal, field, from, to);
  }

  /** A token without meaning lies in [from, to): what stands before its "=" is text. */
  token(bytes: Uint8Array, from: number, to: number): void {
    let p = from;
    while (p < to && bytes[p] !== 61) p++;
    if ((bytes[from] as number) <= 32) this.#usable = false;
    else if (p < to) this.value(Value.skipped, 0, p + 1, to);
  }

  /** There is something about this line that no other need have. */
  spoil(): void {
    this.#usable = false;
  }

  /** The layout, if another line may have it. `end` is where the newline is. */
  layout(bytes: Uint8Array, end: number, seen: number): Layout | undefined {
    const count = this.#count;
    const texts: Uint8Array[] = [];
    let at = this.#start;
    let length = 0;
    for (let i = 0; i <= count && this.#usable; i++) {
      const to = i < count ? (this.#from[i] as number) : end + 1;
      length += to - at;
      if (length > LONGEST_TEXT) this.#usable = false;
      else texts.push(bytes.slice(at, to));
      at = i < count ? (this.#to[i] as number) : to;
    }
    if (!this.#usable) return undefined;
    return new Layout(texts, this.#values.subarray(0, count), this.#fields.subarray(0, count), seen);
  }
}
