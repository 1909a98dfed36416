/**
 * Repeats a trace's text without end, each time later: for feeding a reader more than fits in memory.
 *
 * The times are rewritten in place, so a round costs a copy and no strings.
 */

/** Blanks and digits before the point, six digits behind it: the kernel's and trace-cmd's "%5lu.%06lu". */
const TIME = / +\d+\.(\d{6})(?=: )/;

interface Stamp {
  /** Offset of the last digit, and how many characters before the point may be written. */
  readonly end: number;
  readonly room: number;
  readonly micros: number;
}

export class TextStream {
  readonly #text: Buffer;
  readonly #stamps: readonly Stamp[];
  readonly #period: number;
  #round = 0;

  /** @param text of a whole trace; the lines that are no events are kept in the first round only. */
  constructor(text: string) {
    const lines = text.split('\n');
    const events = lines.filter((line) => TIME.test(line) && !line.startsWith('#'));
    this.#text = Buffer.from(`${events.join('\n')}\n`, 'latin1');
    this.#stamps = stampsOf(events);
    const times = this.#stamps.map((stamp) => stamp.micros);
    this.#period = Math.max(...times) - Math.min(...times) + 1000;
    this.events = events.length;
    this.bytes = this.#text.length;
  }

  /** Events and bytes of one round. */
  readonly events: number;
  readonly bytes: number;

  /** The next round's bytes, valid until the next call. */
  next(): Buffer {
    const shift = this.#round++ * this.#period;
    if (shift > 0) for (const stamp of this.#stamps) write(this.#text, stamp, stamp.micros + shift);
    return this.#text;
  }
}

function stampsOf(lines: readonly string[]): Stamp[] {
  let at = 0;
  return lines.map((line) => {
    const match = TIME.exec(line) as RegExpExecArray;
    const text = match[0];
    const stamp = {
      end: at + match.index + text.length - 1,
      // One blank stays between the time and what stands before it.
      room: text.length - 8,
      micros: Math.round(Number(text) * 1e6),
    };
    at += line.length + 1;
    return stamp;
  });
}

function write(text: Buffer, stamp: Stamp, micros: number): void {
  let rest = micros;
  for (let digit = 0; digit < 6; digit++) {
    text[stamp.end - digit] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  for (let digit = 0; digit < stamp.room && rest > 0; digit++) {
    text[stamp.end - 7 - digit] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
