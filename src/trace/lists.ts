/**
 * Lists of numbers: "{0x1000,0x2000}" as the kernel prints them, and "ARRAY[00, 10, 00, ...]", the bytes of the
 * record in little endian, as trace-cmd 3.1 prints them where it cannot read the event's format.
 */
import { bytesOf, HEX_DIGIT, startsAt } from './bytes.ts';
import { ALL_ONES, BAD, type Scanner, TOO_BIG } from './scanner.ts';

const RAW_START = bytesOf('ARRAY[');

/** Longest list that is kept, as a bound on memory; a line of the longest length read holds fewer. */
const LONGEST_LIST = 1 << 19;

/** Reads one list after another into arrays that grow. */
export class ListReader {
  /** Elements of the list read last. */
  count = 0;
  /** Why the last list could not be read: BAD, ALL_ONES or TOO_BIG of an element; 0 if it could. */
  error = 0;
  /** Where the element begins that could not be read. */
  errorAt = 0;

  /**
   * Read a list at the scanner's position, which moves behind it.
   * @param into receives the elements.
   * @param elementBytes of a raw list: 8 or 4.
   * @param sentinels whether an element of all ones is ALL_ONES (otherwise it is an error).
   * @returns `into`, or a longer array that replaces it.
   */
  read(
    scanner: Scanner,
    into: Float64Array<ArrayBuffer>,
    elementBytes: number,
    sentinels: boolean,
  ): Float64Array<ArrayBuffer> {
    const bytes = scanner.bytes;
    this.count = 0;
    this.error = 0;
    this.errorAt = scanner.pos;
    const raw = bytes[scanner.pos] === 65 && startsAt(bytes, scanner.pos, RAW_START); // A
    if (!raw && bytes[scanner.pos] !== 123) {
      this.error = BAD;
      return into;
    }
    const close = raw ? 93 : 125;
    scanner.pos += raw ? RAW_START.length : 1;
    let array = into;
    if (bytes[scanner.pos] === close) {
      scanner.pos++;
      return array;
    }
    for (;;) {
      this.errorAt = scanner.pos;
      const value = raw ? rawElement(scanner, elementBytes) : scanner.hex();
      if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER) && !(value === ALL_ONES && sentinels)) {
        this.error = value;
        return array;
      }
      if (this.count === array.length) {
        if (this.count >= LONGEST_LIST) {
          this.error = BAD;
          return array;
        }
        array = grown(array);
      }
      array[this.count++] = value;
      const c = bytes[scanner.pos];
      if (c === 44) {
        scanner.pos++;
        if (bytes[scanner.pos] === 32) scanner.pos++;
      } else if (c === close) {
        scanner.pos++;
        return array;
      } else {
        this.error = BAD;
        return array;
      }
    }
  }
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(array.length * 2);
  longer.set(array);
  return longer;
}

/** "00, 10, ae, 39, 01, 00, 00, 00": eight or four bytes, the lowest first. */
function rawElement(scanner: Scanner, size: number): number {
  const bytes = scanner.bytes;
  let value = 0;
  let scale = 1;
  let ones = 0;
  for (let i = 0; i < size; i++) {
    if (i > 0) {
      if (bytes[scanner.pos] !== 44 || bytes[scanner.pos + 1] !== 32) return BAD;
      scanner.pos += 2;
    }
    const high = HEX_DIGIT[bytes[scanner.pos] as number] as number;
    if (high < 0) return BAD;
    const low = HEX_DIGIT[bytes[scanner.pos + 1] as number] as number;
    if (low < 0) return BAD;
    scanner.pos += 2;
    const byte = high * 16 + low;
    if (byte === 255) ones++;
    value += byte * scale;
    scale *= 256;
  }
  if (size === 8 && ones === 8) return ALL_ONES;
  return value <= Number.MAX_SAFE_INTEGER ? value : TOO_BIG;
}
