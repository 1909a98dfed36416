/** The fields of one event, read by name from the text behind it, in whatever order they stand. */
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  INVALID_P2M_ENTRY,
  type MachineAddr,
  type Mfn,
  NO_SLOT,
  type Pfn,
  type PhysAddr,
} from '../address/index.ts';
import { EMPTY_HASH } from './byte-table.ts';
import { bytesOf, startsAt, textOf } from './bytes.ts';
import { DeviceNames } from './device-names.ts';
import { Direction, EventKind, type TraceEvent } from './event.ts';
import { ListReader } from './lists.ts';
import { ALL_ONES, Scanner, TOO_BIG } from './scanner.ts';
import { ATTRIBUTE_BITS, DIRECTION_NAMES, Field, type Shape } from './vocabulary.ts';

/** Attributes are bits, not an address, so 32-bit operators are right; the kernel has 14 of them. */
const MOST_ATTRIBUTES = 0x7fffffff;
const FAILED_TO_PARSE = bytesOf('[FAILED TO PARSE] ');
const RECORD_DEVICE = bytesOf('device=');
const RECORD_DEV_NAME = bytesOf('dev_name=');
const DEV_NAME = bytesOf('dev_name: ');
const DIRECTIONS = DIRECTION_NAMES.map(bytesOf);

/** Reads payloads into a TraceEvent. Positions are those of the Scanner it is. */
export class PayloadReader extends Scanner {
  readonly devices = new DeviceNames();
  /** Why the last `read` failed. */
  reason = '';
  readonly #lists = new ListReader();
  /** Printed counts of dma_map_sg, -1 where the text does not say them. */
  #printedNents = -1;
  #printedEnts = -1;
  /** trace-cmd prints a record whose format it cannot read with decimal addresses. */
  #decimalAddresses = false;

  /**
   * Read the payload at `pos` of `bytes`, up to the end of the line, into the fields that `shape` says.
   * @returns false if something is missing or wrong; `reason` then says what.
   */
  read(shape: Shape, event: TraceEvent): boolean {
    const bytes = this.bytes;
    const keys = shape.keys;
    this.#decimalAddresses = shape.probe;
    event.device = -1;
    if (shape.device) {
      if (!this.#readDevice(shape, event)) return false;
    } else if (bytes[this.pos] === 40) {
      this.#skipProbeAddress();
    }
    this.#lists.error = 0;
    let seen = 0;
    let next = 0;
    for (;;) {
      let c = bytes[this.pos] as number;
      while (c === 32 || c === 13) c = bytes[++this.pos] as number;
      if (c === 10) break;
      // Most often it is the key behind the one before.
      const from = this.pos;
      let index = next;
      if (index >= keys.length || !startsAt(bytes, from, keys[index] as Uint8Array))
        index = keyAt(bytes, from, keys);
      if (index < 0) {
        while ((bytes[this.pos] as number) > 32) this.pos++;
        continue;
      }
      next = index + 1;
      const field = shape.fields[index] as Field;
      if ((seen & (1 << field)) !== 0) return this.#fail(`${keyName(shape, index)} stands twice`);
      seen |= 1 << field;
      this.pos = from + (keys[index] as Uint8Array).length;
      const valueAt = this.pos;
      const value = this.#readField(field, event);
      if (!(value >= 0) || (bytes[this.pos] as number) > 32) {
        return this.#failField(shape, index, this.#lists.error === 0 ? valueAt : this.#lists.errorAt, value);
      }
    }
    if ((seen & shape.required) !== shape.required) return this.#failMissing(shape, seen);
    return !shape.finish || this.#finish(shape, seen, event);
  }

  /** Read one value; what it returns is >= 0, or else the error. */
  #readField(field: Field, event: TraceEvent): number {
    switch (field) {
      case Field.direction:
        return this.#readDirection(event);
      case Field.dmaAddr: {
        const value = this.#decimalAddresses ? this.number() : this.hex();
        event.dmaAddr = (value === ALL_ONES ? DMA_MAPPING_ERROR : value) as DmaAddr;
        return value === ALL_ONES ? 0 : checked(value);
      }
      case Field.size:
        event.size = this.number();
        return checked(event.size);
      case Field.physAddr: {
        const value = this.#decimalAddresses ? this.number() : this.hex();
        event.physAddr = value as PhysAddr;
        return checked(value);
      }
      case Field.attributes:
        return this.#readAttributes(event);
      case Field.slot: {
        const value = this.number();
        event.physAddr = (value === ALL_ONES ? NO_SLOT : value) as PhysAddr;
        return value === ALL_ONES ? 0 : checked(value);
      }
      case Field.machineAddr:
        event.machineAddr = this.number() as MachineAddr;
        return checked(event.machineAddr);
      case Field.offset:
        event.offset = this.number();
        return checked(event.offset);
      case Field.length:
        event.length = this.number();
        return checked(event.length);
      case Field.op:
        event.op = this.number();
        return checked(event.op);
      case Field.ret:
        event.ret = this.signed();
        return Number.isSafeInteger(event.ret) ? 0 : event.ret;
      case Field.pfn:
        event.pfn = this.number() as Pfn;
        return checked(event.pfn);
      case Field.mfn: {
        const value = this.number();
        event.mfn = (value === ALL_ONES ? INVALID_P2M_ENTRY : value) as Mfn;
        return value === ALL_ONES ? 0 : checked(value);
      }
      case Field.count:
        event.count = this.number();
        return checked(event.count);
      default:
        return this.#readRareField(field, event);
    }
  }

  #readRareField(field: Field, event: TraceEvent): number {
    const lists = this.#lists;
    switch (field) {
      case Field.dmaAddrs:
        event.dmaAddrs = lists.read(this, event.dmaAddrs, 8, true);
        event.dmaCount = lists.count;
        return checked(lists.error);
      case Field.physAddrs:
        event.physAddrs = lists.read(this, event.physAddrs, 8, false);
        event.physCount = lists.count;
        return checked(lists.error);
      case Field.sizes:
        event.sizes = lists.read(this, event.sizes, 4, false);
        event.sizeCount = lists.count;
        return checked(lists.error);
      case Field.nents: {
        this.#printedNents = this.#readPrintedCount();
        event.nents = this.decimal();
        return checked(event.nents);
      }
      case Field.ents: {
        this.#printedEnts = this.#readPrintedCount();
        event.ents = this.decimal();
        return checked(event.ents);
      }
      case Field.dmaMask: {
        const value = this.#readMask();
        event.dmaMask = value;
        return value;
      }
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
      return value >= 0 && value <= 3 ? value : Number.NaN;
    }
    // The first letter decides; the comparison that follows is exact.
    let value: Direction = Direction.none;
    if (c === 84) value = Direction.toDevice;
    else if (c === 70) value = Direction.fromDevice;
    else if (c === 66) value = Direction.bidirectional;
    const name = DIRECTIONS[value] as Uint8Array;
    if (!startsAt(bytes, this.pos, name)) return Number.NaN;
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
        if (!(value >= 0 && value <= MOST_ATTRIBUTES)) return Number.NaN;
        bits |= value;
      } else {
        const from = this.pos;
        while ((bytes[this.pos] as number) > 32 && bytes[this.pos] !== 124) this.pos++;
        if (this.pos === from) return Number.NaN;
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
    const value = this.#decimalAddresses ? this.number() : this.hex();
    if (value === ALL_ONES) return Number.POSITIVE_INFINITY;
    if (value !== TOO_BIG) return value;
    return /^(0x)?[137]?f{13,15}$/.test(textOf(this.bytes, from, this.pos)) ? Number.POSITIVE_INFINITY : -1;
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
      : Number.NaN;
  }

  /** Everything up to the first key is the name: "0000:00:03.0", or whatever a bus calls its devices. */
  #readDevice(shape: Shape, event: TraceEvent): boolean {
    const bytes = this.bytes;
    let p = this.pos;
    const c = bytes[p];
    if (c === 91 && startsAt(bytes, p, FAILED_TO_PARSE)) {
      p += FAILED_TO_PARSE.length;
      this.#decimalAddresses = true;
    }
    if (bytes[p] === 100) {
      const record = startsAt(bytes, p, RECORD_DEVICE) ? RECORD_DEVICE : RECORD_DEV_NAME;
      if (startsAt(bytes, p, record)) {
        // trace-cmd report -R prints addresses now in hexadecimal, now in decimal, and does not say which.
        if (!this.#decimalAddresses)
          return this.#fail('a raw record (trace-cmd report -R), expected a formatted one');
        p += record.length;
      } else if (startsAt(bytes, p, DEV_NAME)) {
        p += DEV_NAME.length;
      }
    }
    const from = p;
    let hash = EMPTY_HASH;
    for (let c = bytes[p] as number; c !== 10; c = bytes[++p] as number) {
      if (c === 32 && startsKey(bytes, p + 1, shape)) {
        if (p === from) break;
        event.device = this.devices.intern(bytes, from, p, hash);
        this.pos = p;
        return event.device >= 0 || this.#fail('too many devices');
      }
      hash = (Math.imul(hash, 31) + c) | 0;
    }
    this.pos = p;
    return this.#fail(
      `found no device name with fields behind it, expected "NAME ${textOf(shape.keys[0] as Uint8Array, 0, 99)}..."`,
    );
  }

  /** "(arch_sync_dma_for_cpu+0x0/0x50) ", "(xen_swiotlb_map_page+0xec/0x490 <- swiotlb_tbl_map_single) " */
  #skipProbeAddress(): void {
    const bytes = this.bytes;
    let p = this.pos;
    while (bytes[p] !== 41 && bytes[p] !== 10) p++;
    this.pos = bytes[p] === 10 ? this.pos : p + 1;
  }

  /** What depends on several fields, or was not printed. */
  #finish(shape: Shape, seen: number, event: TraceEvent): boolean {
    switch (shape.kind) {
      case EventKind.mapSg:
        return this.#finishMapSg(seen, event);
      case EventKind.syncSgForCpu:
      case EventKind.syncSgForDevice:
        return event.dmaCount === event.sizeCount || this.#failLists(event);
      case EventKind.swiotlbBounced:
        if ((seen & SAYS_FORCE) === 0) event.force = false;
        return true;
      case EventKind.xsMap:
        event.physAddr = NO_SLOT;
        return true;
      default:
        if ((seen & (1 << Field.direction)) === 0) event.direction = Direction.bidirectional;
        if ((seen & (1 << Field.attributes)) === 0) event.attributes = 0;
        return true;
    }
  }

  #finishMapSg(seen: number, event: TraceEvent): boolean {
    if (event.dmaCount !== event.sizeCount) return this.#failLists(event);
    if ((seen & (1 << Field.nents)) === 0) event.nents = event.physCount;
    else if (this.#printedNents >= 0 && this.#printedNents !== event.physCount) return this.#failLists(event);
    if ((seen & (1 << Field.ents)) === 0) event.ents = event.dmaCount;
    else if (this.#printedEnts >= 0 && this.#printedEnts !== event.dmaCount) return this.#failLists(event);
    if (event.physCount > event.nents || event.dmaCount > event.ents) return this.#failLists(event);
    event.truncated = event.physCount < event.nents || event.dmaCount < event.ents;
    return true;
  }

  #failLists(event: TraceEvent): boolean {
    const found = `${event.physCount} phys_addrs, ${event.dmaCount} dma_addrs, ${event.sizeCount} sizes`;
    return this.#fail(
      `lists do not fit: found ${found}, expected as many sizes as dma_addrs, and what nents and ents say`,
    );
  }

  #failField(shape: Shape, index: number, from: number, value: number): boolean {
    let end = from;
    while ((this.bytes[end] as number) > 32 && end - from < 80) end++;
    const found = `${keyName(shape, index)} "${textOf(this.bytes, from, end)}"`;
    if (value < 0) return this.#fail(`${found} is past 2^53 - 1, the largest number that is read exactly`);
    return this.#fail(`found ${found}, expected ${expectation(shape, shape.fields[index] as Field)}`);
  }

  #failMissing(shape: Shape, seen: number): boolean {
    const missing = [...shape.keys.keys()].filter((index) => {
      const bit = 1 << (shape.fields[index] as Field);
      return (shape.required & bit) !== 0 && (seen & bit) === 0;
    });
    // A field may have two keys; the first is the kernel's.
    const names = new Map(missing.reverse().map((index) => [shape.fields[index], keyName(shape, index)]));
    return this.#fail(`missing: ${[...names.values()].reverse().join(', ')}`);
  }

  #fail(reason: string): boolean {
    this.reason = reason;
    return false;
  }
}

const SAYS_FORCE = (1 << Field.force) | (1 << Field.forceWord) | (1 << Field.normalWord);

/** The number itself, -1 for what is past the limit; NaN stays. */
function checked(value: number): number {
  return value === TOO_BIG ? -1 : value;
}

function keyAt(bytes: Uint8Array, at: number, keys: readonly Uint8Array[]): number {
  const first = bytes[at];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Uint8Array;
    if (key[0] === first && startsAt(bytes, at, key)) return i;
  }
  return -1;
}

/** Whether a key with a value stands at `at`; "dir=" is the usual one. */
function startsKey(bytes: Uint8Array, at: number, shape: Shape): boolean {
  if (bytes[at] === 100 && bytes[at + 1] === 105 && bytes[at + 2] === 114 && bytes[at + 3] === 61)
    return true;
  const index = keyAt(bytes, at, shape.keys);
  return index >= 0 && (shape.keys[index] as Uint8Array).at(-1) === 61;
}

function keyName(shape: Shape, index: number): string {
  return textOf(shape.keys[index] as Uint8Array, 0, 99).replace('=', '');
}

function expectation(shape: Shape, field: Field): string {
  if (field === Field.direction) return `one of ${DIRECTION_NAMES.join(', ')}, or 0 to 3`;
  if (field === Field.attributes) return 'names of DMA attributes, or a number';
  if (field === Field.dmaAddrs || field === Field.physAddrs || field === Field.sizes)
    return 'a list {0x...,0x...}';
  if (shape.probe) return 'a number, decimal or 0x';
  return field === Field.dmaAddr || field === Field.physAddr ? 'a hexadecimal number' : 'a number';
}
