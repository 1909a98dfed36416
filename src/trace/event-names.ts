/** What each event name means to the reader, and how often it came. */
import { ByteTable, hashOf } from './byte-table.ts';
import { bytesOf, textOf } from './bytes.ts';
import { KERNEL_EVENTS, MARKER_EVENTS, PROBE_EVENTS, type Shape, STACK_EVENTS } from './vocabulary.ts';

/** Names that mean nothing here and are remembered one by one. */
const UNKNOWN_NAMES_KEPT = 1000;

/** Longest name that is remembered; the kernel's own limit is 64. */
const LONGEST_NAME = 128;

/** Lines of a name that never look alike are not worth learning from. */
const LINES_LEARNT = 64;

/** How events of one name are treated. */
export class EventName {
  readonly name: string;
  readonly role: 'fields' | 'marker' | 'stack' | 'unknown';
  readonly shape: Shape | undefined;
  /** Events met. */
  count = 0;
  #learnt = 0;

  constructor(name: string, role: EventName['role'], shape?: Shape) {
    this.name = name;
    this.role = role;
    this.shape = shape;
  }

  /** Asked before each line that is learnt from. */
  learns(): boolean {
    return this.#learnt++ < LINES_LEARNT;
  }
}

/** All names met so far. */
export class EventNames {
  readonly #table = new ByteTable();
  readonly #names: EventName[] = [];
  readonly #rest = new EventName('', 'unknown');
  #unknown = 0;

  constructor() {
    for (const [name, shape] of Object.entries(KERNEL_EVENTS))
      this.#add(new EventName(name, 'fields', shape));
    for (const [name, shape] of Object.entries(PROBE_EVENTS)) this.#add(new EventName(name, 'fields', shape));
    for (const name of MARKER_EVENTS) this.#add(new EventName(name, 'marker'));
    for (const name of STACK_EVENTS) this.#add(new EventName(name, 'stack'));
  }

  /** The name [from, to) of `bytes`; one that was never met is entered. */
  find(bytes: Uint8Array, from: number, to: number): EventName {
    const hash = hashOf(bytes, from, to);
    const index = this.#table.find(bytes, from, to, hash);
    return index >= 0 ? (this.#names[index] as EventName) : this.#meet(bytes, from, to, hash);
  }

  /** The name that stands alone in `bytes`. */
  findText(bytes: Uint8Array): EventName {
    return this.find(bytes, 0, bytes.length);
  }

  /** As `find`, for events with fields only; enters nothing. */
  findKnown(bytes: Uint8Array, from: number, to: number): EventName | undefined {
    const index = this.#table.find(bytes, from, to, hashOf(bytes, from, to));
    const found = this.#names[index] ?? probeWithNumber(bytes, from, to);
    return found?.role === 'fields' ? found : undefined;
  }

  /** Counts by name. */
  known(): Map<string, number> {
    return this.#counts((entry) => entry.role === 'fields' || entry.role === 'marker');
  }

  /** Counts by name, without names past the first UNKNOWN_NAMES_KEPT. */
  unknown(): Map<string, number> {
    return this.#counts((entry) => entry.role === 'unknown');
  }

  /** All events with a name, without stack dumps. */
  total(): number {
    let total = this.#rest.count;
    for (const entry of this.#names) if (entry.role !== 'stack') total += entry.count;
    return total;
  }

  #counts(wanted: (entry: EventName) => boolean): Map<string, number> {
    const met = this.#names.filter((entry) => entry.count > 0 && wanted(entry));
    return new Map(met.map((entry) => [entry.name, entry.count]));
  }

  #meet(bytes: Uint8Array, from: number, to: number, hash: number): EventName {
    const probe = probeWithNumber(bytes, from, to);
    if (probe === undefined && (this.#unknown >= UNKNOWN_NAMES_KEPT || to - from > LONGEST_NAME))
      return this.#rest;
    if (probe === undefined) this.#unknown++;
    const entry = probe ?? new EventName(textOf(bytes, from, to), 'unknown');
    this.#table.add(bytes, from, to, hash);
    this.#names.push(entry);
    return entry;
  }

  #add(entry: EventName): void {
    const bytes = bytesOf(entry.name);
    this.#table.add(bytes, 0, bytes.length, hashOf(bytes, 0, bytes.length));
    this.#names.push(entry);
  }
}

/** "cflush_ret3" is "cflush_ret": one probe per call site. Three digits at most, so that names stay few. */
function probeWithNumber(bytes: Uint8Array, from: number, to: number): EventName | undefined {
  const last = bytes[to - 1] as number;
  if (last < 48 || last > 57 || to - from > LONGEST_NAME) return undefined;
  const name = textOf(bytes, from, to);
  const base = name.replace(/\d{1,3}$/, '');
  const shape = Object.hasOwn(PROBE_EVENTS, base) ? PROBE_EVENTS[base] : undefined;
  return shape && new EventName(name, 'fields', shape);
}
