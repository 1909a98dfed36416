/**
 * The matcher: reads lines that are laid out like lines read before, and leaves all others alone. AssemblyScript, in the
 * manner of C: nothing but numbers and memory. memory.ts says what lies where; every address is an i32.
 *
 * It may take a line only if reading it by its keys (payload.ts) gives the same: whatever is odd, a number that is too
 * large, a name that is new, is left to that.
 *
 * Measured on trace-cmd's text of xen-domu-pvblk (130 bytes a line, Node 24): 75 ns a line of the 155 that the reader takes
 * (reader.ts). Reading seconds and their fraction in one go was tried and gained nothing.
 */
import { digitsEnd, lineEnd, tokenEnd } from './ends';
import {
  BUCKETS,
  FOLLOWER,
  HEAD,
  LATEST_HEADER,
  LATEST_LAYOUT,
  LAYOUT_VALUES,
  LONGEST_RECORD,
  NAME_VALUE,
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
} from './memory';
import { BYTES_4, BYTES_8, COUNT, DECIMAL, HEX, HEX_OR_ONES, LIST, NAME, REST, SKIPPED } from './values';

/** No number; all ones, too. */
const NONE: u64 = u64.MAX_VALUE;
/** Where the number ends that was read last; where it began, if it was none. */
let numberEnd: i32 = 0;
/** Where the record ends that is being written. */
let recordEnd: i32 = 0;

/** Whether the text of `entry` stands at `p`. Bytes behind it are looked at, too. */
function stands(entry: i32, p: i32): bool {
  const end = entry + HEAD + (load<i32>(entry, TEXT_PIECES) << 5);
  for (let piece = entry + HEAD; piece < end; piece += 32, p += 16) {
    const differs = v128.xor(v128.load(p), v128.load(piece));
    if (v128.any_true(v128.and(differs, v128.load(piece, 16)))) return false;
  }
  return true;
}

/** The first 16 hexadecimal digits at `p`; NONE if there is none. What follows a number is never a digit. */
function hex(p: i32): u64 {
  const text = v128.load(p);
  const digit = v128.sub<i8>(text, i8x16.splat(48));
  const letter = v128.sub<i8>(v128.or(text, i8x16.splat(32)), i8x16.splat(97));
  const isDigit = v128.lt<u8>(digit, i8x16.splat(10));
  const isLetter = v128.lt<u8>(letter, i8x16.splat(6));
  const count = ctz(~v128.bitmask<i8>(v128.or(isDigit, isLetter)) | 0x10000);
  numberEnd = p;
  if (count === 0) return NONE;
  const value = v128.bitselect(digit, v128.add<i8>(letter, i8x16.splat(10)), isDigit);
  // The last digit first; where there is none, the index is negative and gives 0.
  const order = v128.sub<i8>(
    i8x16.splat(<i8>(count - 1)),
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
  );
  const nibbles = v128.swizzle(value, order);
  const pairs = v128.and(v128.or(nibbles, v128.shr<u16>(nibbles, 4)), i16x8.splat(255));
  numberEnd = p + count;
  return v128.extract_lane<u64>(v128.narrow<u16>(pairs, pairs), 0);
}

/** The first 16 decimal digits at `p`; NONE if there is none. */
function decimal(p: i32): u64 {
  const digit = v128.sub<i8>(v128.load(p), i8x16.splat(48));
  const count = ctz(v128.bitmask<i8>(v128.ge<u8>(digit, i8x16.splat(10))) | 0x10000);
  numberEnd = p + count;
  if (count === 0) return NONE;
  const order = v128.sub<i8>(
    i8x16.splat(<i8>(count - 1)),
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
  );
  const digits = v128.swizzle(digit, order);
  const weights = i16x8(1, 10, 100, 1000, 1, 10, 100, 1000);
  const low = v128.dot<i16>(v128.extend_low<i8>(digits), weights);
  let value =
    <u64>(v128.extract_lane<i32>(low, 0) + v128.extract_lane<i32>(low, 1)) +
    <u64>(v128.extract_lane<i32>(low, 2) + v128.extract_lane<i32>(low, 3)) * 10_000;
  if (count > 8) {
    const high = v128.dot<i16>(v128.extend_high<i8>(digits), weights);
    value +=
      <u64>(v128.extract_lane<i32>(high, 0) + v128.extract_lane<i32>(high, 1)) * 100_000_000 +
      <u64>(v128.extract_lane<i32>(high, 2) + v128.extract_lane<i32>(high, 3)) * 1_000_000_000_000;
  }
  return value;
}

/** Where the event's name begins, if the line at `p` begins like `header`; otherwise 0. */
function afterHeader(header: i32, p: i32): i32 {
  if (!stands(header, p)) return 0;
  p += load<i32>(header, TEXT_BYTES);
  let end = digitsEnd(p);
  if (end === p) return 0;
  if (load<u8>(end) === 46) {
    end = digitsEnd(end + 1);
  } else if (load<u16>(end) === 0x7375) {
    end += 2; // us, and a mark for long delays
    if (load<u8>(end) !== 58 && load<u8>(end) !== 10) end++;
  }
  if (load<u16>(end) !== 0x203a) return 0;
  end += 2;
  while (load<u8>(end) === 32) end++;
  return end;
}

/** As `afterHeader`, for the header that is the line's. Most often it is that of the line before. */
export function readHeader(p: i32): i32 {
  const latest = load<i32>(LATEST_HEADER);
  if (latest === 0) return 0;
  let at = afterHeader(latest, p);
  if (at !== 0) return at;
  let header = load<i32>(latest, FOLLOWER);
  at = afterHeader(header, p);
  if (at === 0) {
    for (
      header = load<i32>(headerBucket(load<u64>(p, 8), load<u64>(p, 16)));
      header !== 0;
      header = load<i32>(header, NEXT)
    ) {
      at = afterHeader(header, p);
      if (at !== 0) break;
    }
    if (at === 0) return 0;
    store<i32>(latest, header, FOLLOWER);
  }
  store<i32>(LATEST_HEADER, header);
  return at;
}

/** Of bytes 8 to 24 of the line: the end of the task's name, and the pid. */
function headerBucket(name: u64, pid: u64): i32 {
  return LATEST_HEADER + bucket(name + pid * 31);
}

/** Of the first eight bytes up to the name's colon. */
function layoutBucket(p: i32): i32 {
  const text = load<u64>(p);
  const colons = text ^ 0x3a3a3a3a3a3a3a3a;
  const found = (colons - 0x0101010101010101) & ~colons & 0x8080808080808080;
  const colon = found & (0 - found);
  return LATEST_LAYOUT + bucket(text & ((colon << 1) - 1));
}

function bucket(key: u64): i32 {
  return ((<i32>((key * 0x9e3779b97f4a7c15) >> 32) & (BUCKETS - 1)) + 1) << 2;
}

/** Read the list at `p` to the end of the record; returns where it ends, 0 if it is odd. */
function readList(p: i32, limit: u64): i32 {
  if (load<u8>(p) !== 123) return 0;
  p++;
  if (load<u8>(p) === 125) return p + 1;
  while (true) {
    if (load<u16>(p) === 0x7830) p += 2;
    const value = hex(p);
    p = numberEnd;
    if (value > limit || recordEnd === RECORDS_LIMIT) return 0;
    store<f64>(recordEnd, <f64>(<i64>value));
    recordEnd += 8;
    const c = load<u8>(p);
    p++;
    if (c === 125) return p;
    if (c !== 44) return 0;
    if (load<u8>(p) === 32) p++;
  }
}

/** "00, 10, c1, 4d" at `p`; NONE if that is not what stands there. */
function fourBytes(p: i32): u64 {
  const text = v128.load(p);
  const digit = v128.sub<i8>(text, i8x16.splat(48));
  const letter = v128.sub<i8>(v128.or(text, i8x16.splat(32)), i8x16.splat(97));
  const isDigit = v128.lt<u8>(digit, i8x16.splat(10));
  const isLetter = v128.lt<u8>(letter, i8x16.splat(6));
  const isComma = v128.eq<i8>(text, i8x16.splat(44));
  const isBlank = v128.eq<i8>(text, i8x16.splat(32));
  // Where the two digits are, the comma and the blank: the last number has neither.
  const digits = v128.bitmask<i8>(v128.or(isDigit, isLetter));
  const right = (digits & 0x3333) === 0x3333 && (v128.bitmask<i8>(isComma) & 0x0444) === 0x0444;
  if (!right || (v128.bitmask<i8>(isBlank) & 0x0888) !== 0x0888) return NONE;
  const value = v128.bitselect(digit, v128.add<i8>(letter, i8x16.splat(10)), isDigit);
  const pairs = v128.or(v128.shl<i32>(value, 4), v128.shr<u32>(value, 8));
  const low = i8x16(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  return v128.extract_lane<u64>(v128.swizzle(pairs, low), 0);
}

/** As `readList`, of numbers of `size` bytes, behind the opening bracket. */
function readBytes(p: i32, size: i32, limit: u64): i32 {
  if (load<u8>(p) === 93) return p + 1;
  while (true) {
    let value = fourBytes(p);
    if (value === NONE) return 0;
    if (size === 8) {
      if (load<u16>(p, 14) !== 0x202c) return 0;
      p += 16;
      const high = fourBytes(p);
      if (high === NONE) return 0;
      value |= high << 32;
    }
    if (value > limit || recordEnd === RECORDS_LIMIT) return 0;
    store<f64>(recordEnd, <f64>(<i64>value));
    recordEnd += 8;
    p += 14;
    if (load<u8>(p) === 93) return p + 1;
    if (load<u16>(p) !== 0x202c) return 0;
    p += 2;
  }
}

/** Where the name at `p` ends, 0 if it is new; `place` gets its value. `step` keeps it: often it is the next one, too. */
function readName(step: i32, p: i32, place: i32): i32 {
  let name = load<i32>(step, STEP_LATEST);
  let end = name !== 0 ? nameEnd(name, p) : 0;
  if (end === 0) {
    for (name = load<i32>(load<i32>(step, STEP_NAMES)); name !== 0; name = load<i32>(name, NEXT)) {
      end = nameEnd(name, p);
      if (end !== 0) break;
    }
    if (end === 0) return 0;
    store<i32>(step, name, STEP_LATEST);
  }
  store<f64>(place, load<f64>(name, NAME_VALUE));
  return end;
}

/** Where `name` ends if it stands at `p` as a whole, otherwise 0. */
function nameEnd(name: i32, p: i32): i32 {
  if (!stands(name, p)) return 0;
  p += load<i32>(name, TEXT_BYTES);
  return load<u8>(p) <= 32 ? p : 0;
}

/** Where the count at `p` ends, 0 if it is odd. */
function readCount(p: i32, place: i32, limit: u64): i32 {
  let count = decimal(p);
  if (count > limit) return 0;
  store<f64>(place, -1);
  if (load<u8>(numberEnd) === 47) {
    store<f64>(place, <f64>(<i64>count));
    count = decimal(numberEnd + 1);
    if (count > limit) return 0;
  }
  store<f64>(place, <f64>(<i64>count), 8);
  return numberEnd;
}

/**
 * Read the line whose event's name is at `p` as `layout` says, to a record at `record`.
 * @returns where the next line begins, 0 if this one is laid out differently or odd.
 */
export function readAs(layout: i32, p: i32, record: i32): i32 {
  recordEnd = record + RECORD_VALUES + (load<i32>(layout, LAYOUT_VALUES) << 3);
  let step = layout + HEAD;
  while (true) {
    if (!stands(step, p)) return 0;
    p += load<i32>(step, TEXT_BYTES);
    const place = record + load<i32>(step, STEP_PLACE);
    const limit = load<u64>(step, STEP_LIMIT);
    switch (load<i32>(step, STEP_KIND)) {
      case HEX:
      case HEX_OR_ONES: {
        const value = hex(p);
        if (value > limit) {
          const ones = value === NONE && numberEnd !== p;
          if (!ones || load<i32>(step, STEP_KIND) === HEX) return 0;
        }
        store<f64>(place, <f64>(<i64>value));
        p = numberEnd;
        break;
      }
      case DECIMAL: {
        const value = decimal(p);
        if (value > limit) return 0;
        store<f64>(place, <f64>(<i64>value));
        p = numberEnd;
        break;
      }
      case NAME:
        p = readName(step, p, place);
        break;
      case SKIPPED:
        p = tokenEnd(p);
        break;
      case LIST:
      case BYTES_8:
      case BYTES_4: {
        const from = recordEnd;
        const kind = load<i32>(step, STEP_KIND);
        p = kind === LIST ? readList(p, limit) : readBytes(p, kind === BYTES_8 ? 8 : 4, limit);
        store<f64>(place, <f64>(<i32>((recordEnd - from) >> 3)));
        break;
      }
      case COUNT:
        p = readCount(p, place, limit);
        break;
      case REST:
        return lineEnd(p) + 1;
      default:
        return p;
    }
    if (p === 0) return 0;
    step += HEAD + (load<i32>(step, TEXT_PIECES) << 5);
  }
}

/** As `readAs`, for the layout that is the line's. Most often it is the one that came behind the latest before. */
export function readPayload(p: i32, record: i32): i32 {
  const latest = load<i32>(LATEST_LAYOUT);
  if (latest === 0) return 0;
  let layout = load<i32>(latest, FOLLOWER);
  let next = readAs(layout, p, record);
  if (next === 0) {
    for (layout = load<i32>(layoutBucket(p)); layout !== 0; layout = load<i32>(layout, NEXT)) {
      next = readAs(layout, p, record);
      if (next !== 0) break;
    }
    if (next === 0) return 0;
    store<i32>(latest, layout, FOLLOWER);
  }
  store<i32>(LATEST_LAYOUT, layout);
  return next;
}

/**
 * Read the whole lines of [from, to), up to the first that cannot be read, and write their records.
 * @returns where the first line begins that was not read.
 */
export function scan(from: i32, to: i32): i32 {
  // Ends every search; there is room for it.
  store<u8>(to, 10);
  let p = from;
  let record: i32 = RECORDS;
  while (p < to && record <= RECORDS_LIMIT - LONGEST_RECORD) {
    const name = readHeader(p);
    if (name === 0) break;
    const next = readPayload(name, record);
    if (next === 0 || next > to) break;
    store<i32>(record, load<i32>(load<i32>(LATEST_LAYOUT), NUMBER));
    store<i32>(record, load<i32>(load<i32>(LATEST_HEADER), NUMBER), 4);
    store<i32>(record, p, 8);
    store<i32>(record, recordEnd - record, 12);
    record = recordEnd;
    p = next;
  }
  store<i32>(RECORDS_END, record);
  return p;
}

/** Enter a header that was written to `header`. */
export function addHeader(header: i32): void {
  enter(header, headerBucket(load<u64>(header, HEAD + 8), load<u64>(header, HEAD + 32)), LATEST_HEADER);
}

/** Enter a layout that was written to `layout`. */
export function addLayout(layout: i32): void {
  enter(layout, layoutBucket(layout + HEAD + HEAD), LATEST_LAYOUT);
}

/** Into its bucket, and as the latest. */
function enter(entry: i32, bucket: i32, place: i32): void {
  store<i32>(entry, load<i32>(bucket), NEXT);
  store<i32>(bucket, entry);
  store<i32>(entry, entry, FOLLOWER);
  const latest = load<i32>(place);
  if (latest !== 0) store<i32>(latest, entry, FOLLOWER);
  store<i32>(place, entry);
}
