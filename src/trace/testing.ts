/** Helpers of this room's tests: read a whole trace at once and keep copies of its events. */
import { type MutableKind, TraceEvent, type TraceSummary, type Unparsed } from './event.ts';
import { FtraceReader } from './reader.ts';

/** A whole trace. */
export interface ReadTrace {
  readonly events: TraceEvent[];
  readonly unparsed: Unparsed[];
  readonly devices: readonly string[];
  readonly summary: TraceSummary;
}

/** Read a text or bytes, pushed in chunks of `chunk` bytes; `byKeys` without the matcher, `muted` kinds from the beginning. */
export function readTrace(
  input: string | Uint8Array,
  chunk = Number.POSITIVE_INFINITY,
  byKeys = false,
  muted: readonly MutableKind[] = [],
): ReadTrace {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  const events: TraceEvent[] = [];
  const unparsed: Unparsed[] = [];
  const reader = new FtraceReader(
    { event: (event) => events.push(copyOf(event)), unparsed: (line) => unparsed.push(line) },
    byKeys,
  );
  for (const kind of muted) reader.mute(kind);
  for (let p = 0; p < bytes.length; p += chunk) reader.push(bytes.subarray(p, p + chunk));
  return { summary: reader.end(), events, unparsed, devices: reader.devices };
}

/** A line of the kernel's trace file around "name: payload". */
export function line(event: string): string {
  return `        1.xvda-0-232     [001] d.h2.    25.113591: ${event}\n`;
}

/** The only event of a line made of "name: payload". */
export function readEvent(event: string): TraceEvent {
  const { events, unparsed } = readTrace(line(event));
  const [first] = events;
  if (first === undefined || events.length !== 1)
    throw new Error(`not one event: ${JSON.stringify(unparsed)}`);
  return first;
}

/** Why "name: payload" could not be read; '' if it could. */
export function refusal(event: string): string {
  const { unparsed } = readTrace(line(event));
  return unparsed[0]?.reason ?? '';
}

/** A copy whose lists have their own length. */
function copyOf(event: TraceEvent): TraceEvent {
  const copy = Object.assign(new TraceEvent(), event);
  copy.dmaAddrs = event.dmaAddrs.slice(0, event.dmaCount);
  copy.physAddrs = event.physAddrs.slice(0, event.physCount);
  copy.sizes = event.sizes.slice(0, event.sizeCount);
  return copy;
}
