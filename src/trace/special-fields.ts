/** Values that are no plain number: directions, attributes, lists, counts, masks, words. */
import { bytesOf, startsAt, textOf } from './bytes.ts';
import { Direction, type TraceEvent } from './event.ts';
import { ListReader } from './lists.ts';
import { ALL_ONES, Scanner, TOO_BIG } from './scanner.ts';
import { ATTRIBUTE_BITS, DIRECTION_NAMES, Field } from './vocabulary.ts';

/** Attributes are bits, not an address, so 32-bit operators are right; the kernel has 14 of them. */
const MOST_ATTRIBUTES = 0x7fffffff;
const DIRECTIONS = DIRECTION_NAMES.map(bytesOf);

/** What a `readSpecial` returns: 0 or more if it is well. */
export const UNREADABLE = Number.NaN;
/** The value is past 2^53, or all ones where that means nothing. */
export const PAST_LIMIT = -1;

/** A Scanner that also reads the values of special fields. */
export class SpecialFields extends Scanner {
  /** Numbers of dma_map_sg's printed list elements, -1 where the text does not say them. */
  printedNents = -1;
  printedEnts = -1;
  /** trace-cmd prints a record whose format it cannot read with decimal addresses. */
  protected decimalAddresses = false;
  protected readonly lists = new ListReader();

  /** Read the value at `pos` of a field whose Style is special. Returns >= 0, UNREADABLE or PAST_LIMIT. */
  protected readSpecial(field: Field, event: TraceEvent): number {
    const lists = this.lists;
    switch (field) {
      case Field.direction:
        return this.#readDirection(event);
      case Field.attributes:
        return this.#readAttributes(event);
      case Field.ret:
        event.ret = this.signed();
        return Number.isSafeInteger(event.ret) ? 0 : limited(Math.abs(event.ret));
      case Field.dmaAddrs:
        event.dmaAddrs = lists.read(this, event.dmaAddrs, 8, true);
        event.dmaCount = lists.count;
        return limited(lists.error);
      case Field.physAddrs:
        event.physAddrs = lists.read(this, event.physAddrs, 8, false);
        event.physCount = lists.count;
        return limited(lists.error);
      case Field.sizes:
        event.sizes = lists.read(this, event.sizes, 4, false);
        event.sizeCount = lists.count;
        return limited(lists.error);
      case Field.nents:
        this.printedNents = this.#readPrintedCount();
        event.nents = this.decimal();
        return limited(event.nents);
      case Field.ents:
        this.printedEnts = this.#readPrintedCount();
        event.ents = this.decimal();
        return limited(event.ents);
      case Field.dmaMask:
        event.dmaMask = this.#readMask();
        return event.dmaMask;
      case Field.truncated:
        event.truncated = this.decimal() === 1;
        return 0;
      case Field.truncatedWord:
        event.truncated = true;
        return 0;
      default:
        return this.#readForce(field, event);
    }
  }

  #readDirection(event: TraceEvent): number {
    const bytes = this.bytes;
    const c = bytes[this.pos] as number;
    if (c < 65) {
      const value = this.number();
      event.direction = value as Direction;
      return value >= 0 && value <= 3 ? value : UNREADABLE;
    }
    // The first letter decides; the comparison that follows is exact.
    let value: Direction = Direction.none;
    if (c === 84) value = Direction.toDevice;
    else if (c === 70) value = Direction.fromDevice;
    else if (c === 66) value = Direction.bidirectional;
    const name = DIRECTIONS[value] as Uint8Array;
    if (!startsAt(bytes, this.pos, name)) return UNREADABLE;
    this.pos += name.length;
    event.direction = value;
    return value;
  }

  /** Nothing, a number, or names joined with "|"; bits without a name come last as a number. */
  #readAttributes(event: TraceEvent): number {
    const bytes = this.bytes;
    event.attributes = 0;
    if ((bytes[this.pos] as number) <= 32) return 0;
    let bits = 0;
    for (;;) {
      const c = bytes[this.pos] as number;
      if (c >= 48 && c <= 57) {
        const value = this.number();
        if (!(value >= 0 && value <= MOST_ATTRIBUTES)) return UNREADABLE;
        bits |= value;
      } else {
        const from = this.pos;
        while ((bytes[this.pos] as number) > 32 && bytes[this.pos] !== 124) this.pos++;
        if (this.pos === from) return UNREADABLE;
        bits |= ATTRIBUTE_BITS.get(textOf(bytes, from, this.pos)) ?? 0;
      }
      event.attributes = bits;
      if (bytes[this.pos] !== 124) return 0;
      this.pos++;
    }
  }

  /** The 5 of "5/7", leaving the position at the 7; -1 if there is only one number, at its start. */
  #readPrintedCount(): number {
    const from = this.pos;
    const printed = this.decimal();
    if (this.bytes[this.pos] === 47) {
      this.pos++;
      return printed;
    }
    this.pos = from;
    return -1;
  }

  /** A mask whose set bits reach past 2^53 without a gap lets every address through that can be read here. */
  #readMask(): number {
    const from = this.pos;
    const value = this.decimalAddresses ? this.number() : this.hex();
    if (value === ALL_ONES) return Number.POSITIVE_INFINITY;
    if (value !== TOO_BIG) return value;
    const noGap = /^(0x)?[137]?f{13,15}$/.test(textOf(this.bytes, from, this.pos));
    return noGap ? Number.POSITIVE_INFINITY : PAST_LIMIT;
  }

  #readForce(field: Field, event: TraceEvent): number {
    if (field !== Field.force) {
      event.force = field === Field.forceWord;
      return 0;
    }
    const from = this.pos;
    while ((this.bytes[this.pos] as number) > 32) this.pos++;
    const text = textOf(this.bytes, from, this.pos);
    event.force = text === 'FORCE' || text === '1' || text === '0x1';
    return event.force || text === 'NORMAL' || text === 'NO_FORCE' || /^(0x)?[02]$/.test(text)
      ? 0
      : UNREADABLE;
  }
}

function limited(value: number): number {
  return value === TOO_BIG ? PAST_LIMIT : value;
}
