/**
 * Reads a kernel trace as text, in one pass and bounded memory: the kernel's own `trace` file, and the output of
 * `trace-cmd report`.
 *
 * Speed decides whether big traces can be read at all. Reading a line by its keys (header.ts, payload.ts) says what it
 * means, and how lines like it are laid out; those that follow are read by the matcher (line-matcher.ts),
 * many at a time. Measured with xen-domu-pvblk repeated to 130 MB, sink without work, Node 24, one core, side by side: 155 ns an
 * event, of which 25 are the file's; JavaScript that compared layouts four bytes at a time took 400.
 */
import { bytesOf, lineEnd, textOf } from './bytes.ts';
import {
  EventKind,
  type MutableKind,
  type StrangeLine,
  TraceEvent,
  type TraceSink,
  type TraceSummary,
} from './event.ts';
import { EventName, EventNames } from './event-names.ts';
import { Header } from './header.ts';
import { LineCarry, LONGEST_LINE } from './line-carry.ts';
import { type KnownHeader, LineMatcher } from './line-matcher.ts';
import { RECORDS, WINDOW, WINDOW_SIZE } from './matcher/memory.ts';
import { knownNameIn, lostMarker, markerText, overwrittenEvents, skippable } from './other-lines.ts';
import { PayloadReader } from './payload.ts';
import { fill, type KnownLayout } from './records.ts';
import type { Shape } from './vocabulary.ts';

const FUNCTION = bytesOf('function');
const EXCERPT = 80;
/** A line that begins so near to the end of the matcher's window may be cut off. */
const MARGIN = 4096;
const NO_HEADER =
  'found no "TASK-PID [CPU] FLAGS TIME: " before the event\'s name (the trace option context-info prints it)';
const NO_NAME = new EventName('', 'unknown');

/**
 * Push the bytes of a trace, then end it. Events go to the sink in the order of the text, all in one TraceEvent.
 * Never throws on what the bytes are.
 */
export class FtraceReader {
  /** Names of the devices met, by the index that TraceEvent.device holds. */
  readonly devices: readonly string[];
  readonly #sink: TraceSink;
  readonly #event = new TraceEvent();
  readonly #names = new EventNames();
  readonly #header = new Header();
  readonly #payload = new PayloadReader();
  readonly #carry = new LineCarry();
  #line = 0;
  #unparsed = 0;
  #lost = 0;
  #overwritten = 0;
  #strange = 0;
  #firstStrange: StrangeLine | undefined;
  #contextKnown = true;
  /** By EventKind: no more of them are wanted. */
  readonly #muted: boolean[] = new Array<boolean>(Object.keys(EventKind).length).fill(false);
  readonly #matcher: LineMatcher | undefined;
  /** Where the matcher's window begins in the bytes that are read. */
  #window = 0;

  /** `byKeys`: read every line by its keys, for tests. */
  constructor(sink: TraceSink, byKeys = false) {
    this.#sink = sink;
    this.#matcher = byKeys ? undefined : new LineMatcher();
    this.devices = this.#payload.devices.names;
  }

  /** False from the first event on that is printed without its flags column. */
  get contextKnown(): boolean {
    return this.#contextKnown;
  }

  /** Deliver no more events of this kind, but for returns that tell of a failure. They are read and counted as before. */
  mute(kind: MutableKind): void {
    this.#muted[kind] = true;
  }

  /** Read more of the trace. `chunk` may begin and end anywhere, and is not kept. */
  push(chunk: Uint8Array): void {
    // A Buffer is a class of its own; one class of arrays keeps the compiled loops fast.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    if (!this.#carry.empty) {
      const newline = bytes.indexOf(10);
      this.#carry.add(bytes, 0, newline < 0 ? bytes.length : newline);
      if (newline < 0) return;
      this.#readCarried();
      from = newline + 1;
    }
    const to = bytes.lastIndexOf(10) + 1;
    if (to > from) this.#readRegion(bytes, from, to);
    this.#carry.add(bytes, Math.max(from, to), bytes.length);
  }

  /** Read what is left (a last line without a newline) and sum up. The reader is used up then. */
  end(): TraceSummary {
    if (!this.#carry.empty) this.#readCarried();
    return {
      lines: this.#line,
      events: this.#names.total(),
      known: this.#names.known(),
      unknown: this.#names.unknown(),
      unparsed: this.#unparsed,
      lost: this.#lost,
      overwritten: this.#overwritten,
      contextKnown: this.#contextKnown,
      strange: this.#strange,
      firstStrange: this.#firstStrange,
    };
  }

  #readCarried(): void {
    const end = this.#carry.close();
    this.#readRegion(this.#carry.bytes, 0, end);
    this.#carry.clear();
  }

  /** Whole lines: bytes[to - 1] is a newline. */
  #readRegion(bytes: Uint8Array, from: number, to: number): void {
    this.#payload.bytes = bytes;
    let p = from;
    while (p < to) {
      if (this.#matcher === undefined) p = this.#readLine(bytes, p);
      else p = this.#readWindow(this.#matcher, bytes, p, to);
    }
  }

  /** Read lines from `from` on, as many as fit in the matcher's window but one at least. Returns where the next begins. */
  #readWindow(matcher: LineMatcher, bytes: Uint8Array, from: number, to: number): number {
    const size = Math.min(WINDOW_SIZE, to - from);
    // A line that is cut off is read with the next window.
    const last = from + size < to ? size - MARGIN : size;
    matcher.window.set(bytes.subarray(from, from + size));
    this.#window = from;
    let p = 0;
    do {
      p = matcher.scan(p, size);
      this.#deliverRecords(matcher, bytes);
      if (p < last && !matcher.full) p = this.#readLine(bytes, from + p) - from;
    } while (p < last);
    return from + p;
  }

  /** Deliver the lines that the matcher has read of its window. What a header says of the context was seen when it was taught. */
  #deliverRecords(matcher: LineMatcher, bytes: Uint8Array): void {
    const { words, values, headers, layouts } = matcher;
    const end = matcher.recordsEnd >> 3;
    const event = this.#event;
    for (let record = RECORDS >> 3; record < end; ) {
      const word = record * 2;
      const layout = layouts[words[word] as number] as KnownLayout;
      const header = headers[words[word + 1] as number] as KnownHeader;
      const { shape, name } = layout;
      if (shape === undefined || this.#isMuted(shape, values[record + 2] as number)) {
        this.#line++;
        name.count++;
      } else if (fill(event, layout, shape, values, record + 2, this.#payload)) {
        this.#line++;
        name.count++;
        this.#deliver(shape.kind, name, header);
      } else {
        // Its keys will say why; nothing is learnt from it.
        this.#readLine(bytes, this.#window + (words[word + 2] as number) - WINDOW);
      }
      record += (words[word + 3] as number) >> 3;
    }
  }

  /** Whether a record need not be looked at. Lines whose fields can fail to fit each other are. @param first its first value. */
  #isMuted({ kind, finish }: Shape, first: number): boolean {
    return (this.#muted[kind] as boolean) && !finish && !tellsFailure(kind, first);
  }

  /** Read the line at `start` by its keys; returns where the next one begins. */
  #readLine(bytes: Uint8Array, start: number): number {
    this.#line++;
    const header = this.#header;
    const at = header.read(bytes, start);
    if (at < 0) return this.#readOther(bytes, start);
    let p = at;
    let c = bytes[p] as number;
    while (c > 32 && c !== 58) c = bytes[++p] as number;
    if (c !== 58 || p === at) return this.#readNameless(bytes, start, at);
    const name = this.#names.find(bytes, at, p);
    const { shape } = name;
    if (shape === undefined) return this.#readShapeless(bytes, start, at, p, name);
    name.count++;
    if (!header.hasFlags) this.#contextKnown = false;
    const payload = this.#payload;
    payload.pos = p + 1;
    while (bytes[payload.pos] === 32) payload.pos++;
    const read = payload.read(shape, this.#event);
    const end = read ? payload.pos : lineEnd(bytes, start);
    if (end - start > LONGEST_LINE) this.#reportUnparsed(header.cpu, name.name, tooLong());
    else if (!read) this.#reportUnparsed(header.cpu, name.name, payload.reason);
    else {
      this.#teach(bytes, start, at, end, name);
      this.#deliver(shape.kind, name, header);
    }
    return end + 1;
  }

  /** Teach the matcher the line [start, end) that was just read, if it is one of its window. */
  #teach(bytes: Uint8Array, start: number, at: number, end: number, name: EventName): void {
    const matcher = this.#matcher;
    const place = start - this.#window;
    if (matcher === undefined || place < 0 || end >= this.#window + WINDOW_SIZE) return;
    const nameAt = matcher.nameAt(place);
    if (nameAt < 0) matcher.teachHeader(bytes, start, this.#header);
    else if (name.learns()) {
      const layout = name.shape && this.#payload.layout();
      matcher.teachLayout(nameAt, { bytes, at, name, layout }, this.#event);
    }
  }

  #deliver(kind: EventKind, name: EventName, header: KnownHeader): void {
    const event = this.#event;
    if (this.#muted[kind] && !tellsFailure(kind, event.ret)) return;
    event.kind = kind;
    event.name = name.name;
    event.line = this.#line;
    event.cpu = header.cpu;
    event.pid = header.pid;
    event.context = header.context;
    this.#sink.event(event);
  }

  /** An event of another name: a marker, a stack dump, or nothing to us. `colon` ends the name. */
  #readShapeless(bytes: Uint8Array, start: number, at: number, colon: number, name: EventName): number {
    const end = lineEnd(bytes, colon);
    name.count++;
    if (name.role === 'unknown' && name.name !== '') this.#teach(bytes, start, at, end, name);
    if (name.role === 'stack') return end + 1;
    if (!this.#header.hasFlags) this.#contextKnown = false;
    if (name.role !== 'marker') return end + 1;
    if (end - start > LONGEST_LINE) {
      this.#reportUnparsed(this.#header.cpu, name.name, tooLong());
      return end + 1;
    }
    this.#event.text = markerText(bytes, colon + 1, end);
    this.#event.device = -1;
    this.#deliver(EventKind.marker, name, this.#header);
    return end + 1;
  }

  /** "<stack trace>", or "function <-caller" of the function tracer; anything else is strange. */
  #readNameless(bytes: Uint8Array, start: number, at: number): number {
    const end = lineEnd(bytes, at);
    if (bytes[at] === 60) return end + 1;
    for (let p = at; p < end && p - at < LONGEST_LINE; p++) {
      if (bytes[p] === 60 && bytes[p + 1] === 45) {
        this.#names.findText(FUNCTION).count++;
        return end + 1;
      }
    }
    return this.#readStrange(bytes, start, end);
  }

  /** A line without an event's header. */
  #readOther(bytes: Uint8Array, start: number): number {
    const end = lineEnd(bytes, start);
    const lost = lostMarker(bytes, start, end);
    if (lost !== undefined) {
      this.#lost += Math.max(1, lost.events);
      const event = this.#event;
      event.lost = lost.events;
      event.device = -1;
      this.#header.cpu = lost.cpu;
      this.#header.pid = 0;
      this.#header.context = 0;
      this.#deliver(EventKind.lost, NO_NAME, this.#header);
      return end + 1;
    }
    if (!skippable(bytes, start, end)) return this.#readStrange(bytes, start, end);
    const overwritten = overwrittenEvents(bytes, start, end);
    if (overwritten > 0) this.#reportOverwritten(overwritten);
    return end + 1;
  }

  /** The buffer had wrapped: the first events here may be the second halves of calls, on every CPU. */
  #reportOverwritten(count: number): void {
    this.#overwritten += count;
    const event = this.#event;
    event.kind = EventKind.lost;
    event.line = this.#line;
    event.cpu = -1;
    event.lost = count;
    this.#sink.event(event);
  }

  /** No event that can be read; but if it names one that means something, it is not to vanish. */
  #readStrange(bytes: Uint8Array, start: number, end: number): number {
    const name = knownNameIn(bytes, start, end, this.#names);
    if (name !== '') this.#reportUnparsed(-1, name, NO_HEADER);
    else if (end - start > LONGEST_LINE)
      this.#reportUnparsed(-1, '', `${tooLong()}, and its beginning is no event`);
    else {
      this.#strange++;
      this.#firstStrange ??= {
        line: this.#line,
        excerpt: textOf(bytes, start, Math.min(end, start + EXCERPT * 4)).slice(0, EXCERPT),
      };
    }
    return end + 1;
  }

  #reportUnparsed(cpu: number, event: string, reason: string): void {
    this.#unparsed++;
    this.#sink.unparsed({ line: this.#line, cpu, event, reason });
  }
}

function tooLong(): string {
  return `found a line longer than ${LONGEST_LINE} bytes, expected a shorter one`;
}

/** @param ret what a call returned, which is all that a line of this kind has. */
function tellsFailure(kind: EventKind, ret: number): boolean {
  return kind === EventKind.cacheFlushReturn && ret < 0;
}
