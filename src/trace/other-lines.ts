/**
 * Lines of a trace that are no events, and the texts of markers. Rare, so strings are made here.
 *
 * Sources: print_trace_line and test_cpu_buff_start in kernel/trace/trace.c, the stack printers in
 * trace_output.c (Linux 6.12, 7.3); trace-cmd 3.1, tracecmd/trace-read.c.
 */
import { bytesOf, startsAt, textOf } from './bytes.ts';
import type { EventNames } from './event-names.ts';

const CPU = bytesOf('CPU');
const ENTRIES = bytesOf('# entries-in-buffer/entries-written: ');
const BUFFER_STARTED = bytesOf('##### CPU ');

/** Beginnings of lines that trace-cmd prints before the events. */
const PREAMBLE = ['cpus=', 'version = ', 'trace-cmd: '].map(bytesOf);

/** Known names are searched for in so many bytes of a line. */
const SEARCH_LIMIT = 4096;

/** A line saying that events of a CPU were lost. */
export interface LostMarker {
  readonly cpu: number;
  /** How many, 0 if it does not say. */
  readonly events: number;
}

/**
 * "CPU:3 [LOST 42 EVENTS]", "CPU:3 [LOST EVENTS]", "##### CPU 2 buffer started ####" (printed only where the
 * buffer overran before) and trace-cmd's "CPU:3 [42 EVENTS DROPPED]", "CPU:3 [EVENTS DROPPED]".
 */
export function lostMarker(bytes: Uint8Array, start: number, end: number): LostMarker | undefined {
  if (!startsAt(bytes, start, CPU) && !startsAt(bytes, start, BUFFER_STARTED)) return undefined;
  if (end - start > 100) return undefined;
  const text = textOf(bytes, start, end).trimEnd();
  const marker =
    /^CPU:(\d{1,6}) \[LOST(?: (\d{1,15}))? EVENTS\]$/.exec(text) ??
    /^CPU:(\d{1,6}) \[(?:(\d{1,15}) )?EVENTS DROPPED\]$/.exec(text) ??
    /^##### CPU (\d{1,6}) buffer started ####$/.exec(text);
  return marker ? { cpu: Number(marker[1]), events: Number(marker[2] ?? 0) } : undefined;
}

/** Events that the kernel's header "# entries-in-buffer/entries-written: 12/30   #P:2" says were overwritten. */
export function overwrittenEvents(bytes: Uint8Array, start: number, end: number): number {
  if (!startsAt(bytes, start, ENTRIES)) return 0;
  const counts = /: (\d{1,15})\/(\d{1,15}) /.exec(textOf(bytes, start, Math.min(end, start + 120)));
  return counts ? Math.max(0, Number(counts[2]) - Number(counts[1])) : 0;
}

/** Empty lines, comments, "cpus=2", "CPU 1 is empty", and the lines of a stack dump. */
export function skippable(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start;
  while (p < end && (bytes[p] === 32 || bytes[p] === 13)) p++;
  const c = bytes[p];
  if (p === end || c === 35) return true;
  if (c === 61 && bytes[p + 1] === 62) return true; // =>
  if (PREAMBLE.some((text) => startsAt(bytes, p, text))) return true;
  return startsAt(bytes, p, CPU) && /^CPU \d+ is empty\s*$/.test(textOf(bytes, p, Math.min(end, p + 40)));
}

/** The first "name:" of an event that means something here, '' if there is none. */
export function knownNameIn(bytes: Uint8Array, start: number, end: number, names: EventNames): string {
  const limit = Math.min(end, start + SEARCH_LIMIT);
  let from = start;
  for (let p = start; p < limit; p++) {
    const c = bytes[p] as number;
    if (c === 58 && p > from) {
      const known = names.findKnown(bytes, from, p);
      if (known !== undefined) return known.name;
    }
    if (c <= 32 || c === 58) from = p + 1;
  }
  return '';
}

/** The user's text of a marker: without the line's end, and without what the printers put before it. */
export function markerText(bytes: Uint8Array, from: number, end: number): string {
  const text = textOf(bytes, from, end).trimStart();
  return text
    .replace(/\r$/, '')
    .replace(/^(?:\[FAILED TO PARSE\] )?(?:tracing_mark_write: |ip=\S* buf=)/, '');
}
