/**
 * Reads a kernel trace as text, in one pass and bounded memory: the kernel's own `trace` file, and the output of
 * `trace-cmd report`.
 *
 * Speed decides whether big traces can be read at all, so lines are parsed where they lie in the chunk; no strings are made but of markers, and newlines are not searched first (a region that is
 * parsed always ends with one, which ends every loop).
 * A line is first held against the one before it (task, CPU, seconds), then against the layout of the last line of its
 * name (layout.ts); only what differs is read. Measured with xen-domu-pvblk repeated to 520 MB, sink without work, Node 24, one
 * core of a busy machine, side by side: 360 ns an event where reading every line by its keys takes 540.
 */
import { bytesOf, lineEnd, textOf } from './bytes.ts';
import { EventKind, type StrangeLine, TraceEvent, type TraceSink, type TraceSummary } from './event.ts';
import { EventName, EventNames } from './event-names.ts';
import { Header } from './header.ts';
import type { Layout } from './layout.ts';
import { LineCarry, LONGEST_LINE } from './line-carry.ts';
import { knownNameIn, lostMarker, markerText, overwrittenEvents, skippable } from './other-lines.ts';
import { PayloadReader } from './payload.ts';
import type { Shape } from './vocabulary.ts';

const FUNCTION = bytesOf('function');
const EXCERPT = 80;
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
  /** Where the line before begins, if it is an event of these bytes, and how much of it is header up to the seconds' point. */
  #before = -1;
  #headerLength = 0;
  /** Of the event before; at first of one that may come. */
  #nameBefore = this.#names.findText(bytesOf('dma_map_page'));

  constructor(sink: TraceSink) {
    this.#sink = sink;
    this.devices = this.#payload.devices.names;
  }

  /** False from the first event on that is printed without its flags column. */
  get contextKnown(): boolean {
    return this.#contextKnown;
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
    this.#payload.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#payload.size = bytes.length;
    this.#before = -1;
    let p = from;
    while (p < to) {
      this.#line++;
      p = this.#readLine(bytes, p);
    }
  }

  /**
   * Where the name of the event begins that starts at `start`, if its header is that of the line before but for the
   * fraction of the second (most often it is); otherwise -1. What #header holds is then true of this line, too.
   */
  #sameHeader(bytes: Uint8Array, start: number): number {
    let before = this.#before;
    if (before < 0) return -1;
    const { view, size } = this.#payload;
    const end = start + this.#headerLength;
    if (end + 4 > size) return -1;
    let p = start;
    for (; p < end; p += 4, before += 4) if (view.getInt32(p, true) !== view.getInt32(before, true)) break;
    // The word that differs may begin within the header.
    for (; p < end; p++, before++) if (bytes[p] !== bytes[before]) return -1;
    p = end;
    let digit = (bytes[p] as number) - 48;
    while (digit >= 0 && digit <= 9) digit = (bytes[++p] as number) - 48;
    if (bytes[p] !== 58 || bytes[p + 1] !== 32) return -1;
    p += 2;
    while (bytes[p] === 32) p++;
    return p;
  }

  /** Read the line at `start`; returns where the next one begins. */
  #readLine(bytes: Uint8Array, start: number): number {
    const payload = this.#payload;
    let at = this.#sameHeader(bytes, start);
    if (at < 0) {
      // From here on #header may hold half of another one.
      this.#before = -1;
      at = this.#header.read(bytes, start);
      if (at < 0) return this.#readOther(bytes, start);
      this.#headerLength = this.#header.point < 0 ? 0 : this.#header.point + 1 - start;
    }
    this.#before = this.#headerLength > 0 ? start : -1;
    let name = this.#nameBefore.follower;
    let p = at + name.length;
    if (!name.standsAt(payload.view, payload.size, at)) {
      p = at;
      let c = bytes[p] as number;
      while (c > 32 && c !== 58) c = bytes[++p] as number;
      if (c !== 58 || p === at) return this.#readNameless(bytes, start, at);
      name = this.#names.find(bytes, at, p);
      if (name.length > 0) this.#nameBefore.follower = name;
    }
    if (name.length > 0) this.#nameBefore = name;
    const shape = name.shape;
    if (shape === undefined) return this.#readShapeless(bytes, start, p, name);
    name.count++;
    if (!this.#header.hasFlags) this.#contextKnown = false;
    p++;
    while (bytes[p] === 32) p++;
    const read = this.#readPayload(p, name, shape);
    const end = read ? payload.pos : lineEnd(bytes, start);
    if (end - start > LONGEST_LINE) this.#reportUnparsed(this.#header.cpu, name.name, tooLong());
    else if (!read) this.#reportUnparsed(this.#header.cpu, name.name, payload.reason);
    else this.#deliver(shape.kind, name);
    return end + 1;
  }

  /** Read the payload at `at`, as a line of that name before was laid out or, failing that, by its keys. */
  #readPayload(at: number, name: EventName, shape: Shape): boolean {
    const payload = this.#payload;
    const { layouts } = name;
    for (let i = 0; i < layouts.length; i++) {
      payload.pos = at;
      if (payload.readAs(layouts[i] as Layout, shape, this.#event)) return true;
    }
    payload.pos = at;
    if (!payload.read(shape, this.#event)) return false;
    const layout = name.learns ? payload.layout() : undefined;
    if (layout) name.learn(layout);
    return true;
  }

  #deliver(kind: EventKind, name: EventName): void {
    const event = this.#event;
    const header = this.#header;
    event.kind = kind;
    event.name = name.name;
    event.line = this.#line;
    event.cpu = header.cpu;
    event.pid = header.pid;
    event.context = header.context;
    this.#sink.event(event);
  }

  /** An event of another name: a marker, a stack dump, or nothing to us. `colon` ends the name. */
  #readShapeless(bytes: Uint8Array, start: number, colon: number, name: EventName): number {
    const end = lineEnd(bytes, colon);
    name.count++;
    if (name.role === 'stack') return end + 1;
    if (!this.#header.hasFlags) this.#contextKnown = false;
    if (name.role !== 'marker') return end + 1;
    if (end - start > LONGEST_LINE) {
      this.#reportUnparsed(this.#header.cpu, name.name, tooLong());
      return end + 1;
    }
    this.#event.text = markerText(bytes, colon + 1, end);
    this.#event.device = -1;
    this.#deliver(EventKind.marker, name);
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
      this.#deliver(EventKind.lost, NO_NAME);
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
