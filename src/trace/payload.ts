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
import { outOfBounds } from './bounds.ts';
import { bytesOf, startsAt, textOf } from './bytes.ts';
import { DeviceNames } from './device-names.ts';
import { Direction, EventKind, type TraceEvent } from './event.ts';
import { type Layout, LayoutNotes } from './layout.ts';
import { NAME } from './matcher/values.ts';
import { badField, badLists, missingFields, noDevice } from './payload-errors.ts';
import { ALL_ONES, TOO_BIG } from './scanner.ts';
import { PAST_LIMIT, SpecialFields, UNREADABLE } from './special-fields.ts';
import { Field, type Shape, Style } from './vocabulary.ts';

const FAILED_TO_PARSE = bytesOf('[FAILED TO PARSE] ');
const RECORD_DEVICE = bytesOf('device=');
const RECORD_DEV_NAME = bytesOf('dev_name=');
const DEV_NAME = bytesOf('dev_name: ');
const RECORD_FOUND =
  'found fields of the record, expected text (neither trace-cmd report -R nor the trace option "fields")';
/** Fields that say whether a bounce was forced. */
export const SAYS_FORCE = (1 << Field.force) | (1 << Field.forceWord) | (1 << Field.normalWord);

/** Reads payloads into a TraceEvent. Its position is where it reads. */
export class PayloadReader extends SpecialFields {
  readonly devices = new DeviceNames();
  /** Why the last `read` failed. */
  reason = '';
  readonly #notes = new LayoutNotes();
  /** Fields of the line read last, bits 1 << Field. */
  #seen = 0;

  /** The layout of the line that `read` has just read; undefined where no other line may be like it. */
  layout(): Layout | undefined {
    return this.#notes.layout(this.pos, this.#seen);
  }

  /**
   * Read the payload at `pos` of `bytes`, up to the end of the line, into the fields that `shape` says.
   * @returns false if something is missing or wrong; `reason` then says what.
   */
  read(shape: Shape, event: TraceEvent): boolean {
    const bytes = this.bytes;
    const flatKeys = shape.flatKeys;
    this.lists.error = 0;
    this.decimalAddresses = shape.probe;
    event.device = -1;
    event.byPhys = shape.byPhys;
    const notes = this.#notes;
    notes.begin(this.pos);
    if (shape.device) {
      if (!this.#readDevice(shape, event)) return false;
    } else if (bytes[this.pos] === 40) {
      this.#skipProbeAddress();
    }
    let seen = 0;
    let next = 0;
    for (;;) {
      let p = this.pos;
      let c = bytes[p] as number;
      while (c === 32 || c === 13) c = bytes[++p] as number;
      if (c === 10) {
        this.pos = p;
        break;
      }
      // Most often it is the key behind the one before.
      let index = next;
      let key = shape.keyStarts[next] as number;
      let wanted = flatKeys[key] as number;
      const from = p;
      while (c === wanted && c !== 61) {
        c = bytes[++p] as number;
        wanted = flatKeys[++key] as number;
      }
      p++;
      if (c !== wanted) {
        index = keyAt(bytes, from, shape);
        if (index < 0) {
          this.pos = endOfToken(bytes, from);
          notes.token(bytes, from, this.pos);
          continue;
        }
        p = from + (shape.keys[index] as Uint8Array).length;
      }
      next = index + 1;
      const field = shape.fields[index] as Field;
      if ((seen & (1 << field)) !== 0) return this.#fail(`${textOf(bytes, from, p)} stands twice`);
      seen |= 1 << field;
      this.pos = p;
      const style = shape.styles[index] as Style;
      if (style === Style.special) c = this.readSpecial(field, event);
      else
        c = this.#store(
          field,
          event,
          style === Style.hex && !this.decimalAddresses ? this.hex() : this.number(),
        );
      if (!(c >= 0) || (bytes[this.pos] as number) > 32) {
        return this.#fail(badField(bytes, shape, index, this.lists.error === 0 ? p : this.lists.errorAt, c));
      }
      if (style === Style.special) notes.special(bytes, field, p, this.pos, this.decimalAddresses);
      else notes.number(bytes, field, p, this.pos, style === Style.hex && !this.decimalAddresses);
    }
    this.#seen = seen;
    if ((seen & shape.required) !== shape.required) return this.#fail(missingFields(shape, seen));
    event.kind = shape.kind;
    const wrong = outOfBounds(seen, event);
    if (wrong !== '') return this.#fail(wrong);
    return !shape.finish || this.finish(shape, seen, event);
  }

  /** Put a number where it belongs. Returns >= 0, UNREADABLE or PAST_LIMIT. */
  #store(field: Field, event: TraceEvent, value: number): number {
    if (!(value >= 0 && value < TOO_BIG)) return storeSentinel(field, event, value);
    switch (field) {
      case Field.dmaAddr:
        event.dmaAddr = value as DmaAddr;
        return 0;
      case Field.size:
        event.size = value;
        return 0;
      case Field.direction:
        event.direction = value as Direction;
        return value <= 3 ? 0 : UNREADABLE;
      case Field.physAddr:
      case Field.slot:
        event.physAddr = value as PhysAddr;
        return 0;
      case Field.machineAddr:
        event.machineAddr = value as MachineAddr;
        return 0;
      case Field.offset:
        event.offset = value;
        return 0;
      case Field.length:
        event.length = value;
        return 0;
      case Field.op:
        event.op = value;
        return 0;
      case Field.pfn:
        event.pfn = value as Pfn;
        return 0;
      case Field.mfn:
        event.mfn = value as Mfn;
        return 0;
      default:
        event.count = value;
        return 0;
    }
  }

  /** Everything up to the first key is the name: "0000:00:03.0", or whatever a bus calls its devices. */
  #readDevice(shape: Shape, event: TraceEvent): boolean {
    const bytes = this.bytes;
    let p = this.pos;
    let c = bytes[p] as number;
    if (c === 91 && startsAt(bytes, p, FAILED_TO_PARSE)) {
      p += FAILED_TO_PARSE.length;
      c = bytes[p] as number;
      this.decimalAddresses = true;
    }
    if (c === 100) {
      const record = startsAt(bytes, p, RECORD_DEVICE) ? RECORD_DEVICE : RECORD_DEV_NAME;
      if (startsAt(bytes, p, record)) {
        // trace-cmd report -R prints addresses now in hexadecimal, now in decimal, and does not say which.
        if (!this.decimalAddresses) return this.#fail(RECORD_FOUND);
        p += record.length;
      } else if (startsAt(bytes, p, DEV_NAME)) {
        p += DEV_NAME.length;
      }
    }
    const from = p;
    for (c = bytes[p] as number; c !== 10; c = bytes[++p] as number) {
      if (c !== 32 || !startsKey(bytes, p + 1, shape)) continue;
      if (p === from) break;
      event.device = this.devices.intern(bytes, from, p);
      this.#notes.value(NAME, Field.device, from, p);
      this.pos = p;
      return event.device >= 0 || this.#fail('found one more device name, expected at most 65,536');
    }
    this.pos = p;
    return this.#fail(noDevice(shape));
  }

  /** "(arch_sync_dma_for_cpu+0x0/0x50) ", "(xen_swiotlb_map_page+0xec/0x490 <- swiotlb_tbl_map_single) " */
  #skipProbeAddress(): void {
    const bytes = this.bytes;
    let p = this.pos;
    let c = bytes[p] as number;
    while (c !== 41 && c !== 10) c = bytes[++p] as number;
    if (c === 41) this.pos = p + 1;
  }

  /** What depends on several fields, or was not printed. `seen` has a bit for each field of the line. */
  finish(shape: Shape, seen: number, event: TraceEvent): boolean {
    switch (shape.kind) {
      case EventKind.mapSg:
        return this.#finishMapSg(seen, event);
      case EventKind.syncSgForCpu:
      case EventKind.syncSgForDevice:
        return event.dmaCount === event.sizeCount || this.#fail(badLists(event));
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
    if ((seen & (1 << Field.nents)) === 0) event.nents = event.physCount;
    else if (this.printedNents >= 0 && this.printedNents !== event.physCount)
      return this.#fail(badLists(event));
    if ((seen & (1 << Field.ents)) === 0) event.ents = event.dmaCount;
    else if (this.printedEnts >= 0 && this.printedEnts !== event.dmaCount) return this.#fail(badLists(event));
    if (event.dmaCount !== event.sizeCount || event.physCount > event.nents || event.dmaCount > event.ents) {
      return this.#fail(badLists(event));
    }
    event.truncated = event.physCount < event.nents || event.dmaCount < event.ents;
    return true;
  }

  #fail(reason: string): boolean {
    this.reason = reason;
    return false;
  }
}

/** All ones has a meaning in three fields; what else is no number in [0, 2^53) cannot be stored. */
function storeSentinel(field: Field, event: TraceEvent, value: number): number {
  if (Number.isNaN(value)) return UNREADABLE;
  if (value !== ALL_ONES) return PAST_LIMIT;
  if (field === Field.dmaAddr) event.dmaAddr = DMA_MAPPING_ERROR;
  else if (field === Field.mfn) event.mfn = INVALID_P2M_ENTRY;
  else if (field === Field.slot) event.physAddr = NO_SLOT;
  else return field === Field.direction ? UNREADABLE : PAST_LIMIT;
  return 0;
}

function endOfToken(bytes: Uint8Array, from: number): number {
  let p = from;
  while ((bytes[p] as number) > 32) p++;
  // A control character is neither a token nor a blank; step over it, but never over the newline.
  return p === from ? p + 1 : p;
}

function keyAt(bytes: Uint8Array, at: number, shape: Shape): number {
  const keys = shape.keys;
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
  const index = keyAt(bytes, at, shape);
  return index >= 0 && (shape.keys[index] as Uint8Array).at(-1) === 61;
}
