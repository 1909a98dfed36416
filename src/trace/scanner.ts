/**
 * Numbers of a trace line, read digit by digit without making strings.
 *
 * Digits are gathered in two halves of at most seven, each exact in 32 bits, and joined as float64: bit
 * operators on a whole address would cut it. All text ends with a newline, which ends every number.
 */
import { HEX_DIGIT } from './bytes.ts';

/** No digits where a number was expected, or too many of them. */
export const BAD = Number.NaN;
/** All 64 bits set. */
export const ALL_ONES = -1;
/** 2^53 or more, exactly known only to the text. */
export const TOO_BIG = Number.POSITIVE_INFINITY;

const POWER_16 = Float64Array.from({ length: 8 }, (_, n) => 16 ** n);

/** A position in a line. Numbers it returns are whole and in [0, 2^53), or BAD, ALL_ONES or TOO_BIG. */
export class Scanner {
  bytes: Uint8Array = new Uint8Array(0);
  pos = 0;

  /** Hexadecimal, with or without 0x. */
  hex(): number {
    if (this.bytes[this.pos] === 48 && this.bytes[this.pos + 1] === 120) this.pos += 2; // 0x
    return this.hexDigits();
  }

  /** Hexadecimal without 0x. */
  hexDigits(): number {
    const bytes = this.bytes;
    let p = this.pos;
    const first = p;
    const middle = p + 7;
    let high = 0;
    let digit = HEX_DIGIT[bytes[p] as number] as number;
    while (digit >= 0 && p < middle) {
      high = (high << 4) | digit;
      digit = HEX_DIGIT[bytes[++p] as number] as number;
    }
    if (digit < 0) {
      this.pos = p;
      return p === first ? BAD : high;
    }
    let low = 0;
    const last = p + 6;
    while (digit >= 0 && p < last) {
      low = (low << 4) | digit;
      digit = HEX_DIGIT[bytes[++p] as number] as number;
    }
    if (digit >= 0) return this.#longHex(first);
    this.pos = p;
    return high * (POWER_16[p - middle] as number) + low;
  }

  /** More than 13 digits: leading zeros, all ones, or a number past 2^53. */
  #longHex(first: number): number {
    const bytes = this.bytes;
    let p = first;
    let value = 0;
    let allOnes = true;
    for (let digit = HEX_DIGIT[bytes[p] as number] as number; digit >= 0; ) {
      value = value * 16 + digit;
      if (digit !== 15) allOnes = false;
      digit = HEX_DIGIT[bytes[++p] as number] as number;
    }
    this.pos = p;
    if (p - first > 16) return TOO_BIG;
    if (allOnes && p - first === 16) return ALL_ONES;
    return value <= Number.MAX_SAFE_INTEGER ? value : TOO_BIG;
  }

  /** Decimal without a sign. */
  decimal(): number {
    const bytes = this.bytes;
    let p = this.pos;
    const first = p;
    const middle = p + 9;
    let value = 0;
    let digit = (bytes[p] as number) - 48;
    while (digit >= 0 && digit <= 9 && p < middle) {
      value = value * 10 + digit;
      digit = (bytes[++p] as number) - 48;
    }
    if (digit < 0 || digit > 9) {
      this.pos = p;
      return p === first ? BAD : value;
    }
    return this.#longDecimal(first);
  }

  #longDecimal(first: number): number {
    const bytes = this.bytes;
    let p = first;
    let value = 0;
    for (let c = bytes[p] as number; c >= 48 && c <= 57; c = bytes[++p] as number)
      value = value * 10 + (c - 48);
    this.pos = p;
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    if (p - first !== 20) return TOO_BIG;
    const text = String.fromCharCode(...bytes.subarray(first, p));
    return text === '18446744073709551615' ? ALL_ONES : TOO_BIG;
  }

  /** As probes print their arguments: 0x and hexadecimal, or decimal. "-1" is ALL_ONES. */
  number(): number {
    const bytes = this.bytes;
    const p = this.pos;
    const c = bytes[p];
    if (c === 48 && bytes[p + 1] === 120) return this.hex();
    if (c !== 45) return this.decimal();
    this.pos = p + 1;
    return this.decimal() === 1 ? ALL_ONES : BAD;
  }

  /** A signed number: decimal with a sign, or the 32 or 64 bits of a negative one in hexadecimal. */
  signed(): number {
    const bytes = this.bytes;
    const p = this.pos;
    if (bytes[p] === 45) {
      this.pos = p + 1;
      return -this.decimal();
    }
    const value = this.number();
    if (value === ALL_ONES || value <= 0x7fffffff) return value;
    const digits = this.pos - p - 2;
    if (digits === 8 && bytes[p + 1] === 120) return value - 2 ** 32;
    if (digits !== 16 || bytes[p + 1] !== 120) return value;
    // The upper half of a small negative number is all ones; anything else is past the limit.
    for (let i = p + 2; i < p + 10; i++) if (HEX_DIGIT[bytes[i] as number] !== 15) return value;
    let low = 0;
    for (let i = p + 10; i < p + 18; i++) low = low * 16 + (HEX_DIGIT[bytes[i] as number] as number);
    return low - 2 ** 32;
  }
}
