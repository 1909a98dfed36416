/** Why a byte is wrong: the line, what it held and since when, and the very maintenance operation that missed it. */
import { floorTo, hex, type MachineAddr, offsetBy } from '../../address/index.ts';
import { CacheFlushOp, DIRECTION_NAMES, Direction } from '../../linux/index.ts';
import type { FaultRecord, Flush, Journal, MappingRecord, Phase } from './journal.ts';

/** A fault, explained. */
export interface Cause {
  readonly rule: FaultRecord['rule'];
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** First byte of the first line. */
  readonly line: MachineAddr;
  /** Moves that the hardware made by itself in that line until then; null where no cache is involved. */
  readonly moves: number | null;
  /** What was going on when it showed. */
  readonly when: string;
  /** What the byte was, and what it should have been: by whom it was stored. undefined where nothing was read. */
  readonly had: string | undefined;
  readonly should: string | undefined;
  readonly mapping: MappingRecord | undefined;
  /** The operation that missed the byte, or that destroyed it; undefined: there was none for it. */
  readonly flush:
    | { readonly phase: Phase; readonly issued: string; readonly meant: string; readonly landed: string }
    | undefined;
  /** All of it in a sentence or two. */
  readonly text: string;
}

export function causeOf(fault: FaultRecord, journal: Journal, lineSize: number): Cause {
  const { rule, from, to, moves, activity, marks } = fault;
  const blamed = blame(fault, journal, lineSize);
  const flush = blamed.flush && {
    phase: blamed.phase,
    issued: flushText(blamed.flush),
    meant: meantText(blamed.flush, blamed.mapping),
    landed: landedText(blamed.flush),
  };
  const had = marks && journal.store(marks.had).what;
  const should = marks && journal.store(marks.should).what;
  return {
    rule,
    from,
    to,
    line: floorTo(from, lineSize),
    moves,
    when: activity,
    had,
    should,
    mapping: blamed.mapping,
    flush,
    text: fault.what === '' ? sentence(fault, blamed, { had, should, flush }) : fault.what,
  };
}

interface Blamed {
  readonly mapping: MappingRecord | undefined;
  readonly phase: Phase;
  readonly flush: Flush | undefined;
}

/** Where to look: what the mapping got of maintenance for these bytes, at the moment that counts. */
function blame(fault: FaultRecord, journal: Journal, lineSize: number): Blamed {
  const { rule, from, mapping, phase, flush, before } = fault;
  if (rule === 'lost-write' && phase !== undefined) return { mapping, phase, flush };
  if (rule === 'stale-device-read') return missing(mapping, 'map', from, lineSize);
  const received = journal.mappings
    .slice(0, before)
    .findLast(
      (each) => each.direction !== Direction.toDevice && !each.live && offsetIn(each, from) !== undefined,
    );
  const atUnmap = missing(received, 'unmap', from, lineSize);
  const atMap = missing(received, 'map', from, lineSize);
  return atUnmap.flush === undefined && atMap.flush !== undefined ? atMap : atUnmap;
}

/** The operation that was meant for the byte and did not reach its line. */
function missing(
  mapping: MappingRecord | undefined,
  phase: Phase,
  at: MachineAddr,
  lineSize: number,
): Blamed {
  const offset = mapping && offsetIn(mapping, at);
  const flushes = (phase === 'map' ? mapping?.atMap : mapping?.atUnmap) ?? [];
  const meant = flushes.find(
    ({ meant: [low, high] }) => offset !== undefined && low <= offset && offset < high,
  );
  return { mapping, phase, flush: meant && !reaches(meant, at, lineSize) ? meant : undefined };
}

function reaches({ landed }: Flush, at: MachineAddr, lineSize: number): boolean {
  const line = floorTo(at, lineSize);
  return landed.some(([from, to]) => from < line + lineSize && line < to);
}

/** Bytes from the beginning of the mapping's buffer; undefined: not in it. */
function offsetIn({ buffer }: MappingRecord, at: MachineAddr): number | undefined {
  let before = 0;
  for (const [from, to] of buffer) {
    if (from <= at && at < to) return before + (at - from);
    before += to - from;
  }
  return undefined;
}

export function flushText({ issued }: Flush): string {
  if ('native' in issued) {
    const { towards, phys, size } = issued.native;
    return `arch_sync_dma_for_${towards} ${hex(phys)} size 0x${size.toString(16)}`;
  }
  const { devBusAddr, offset, length, op } = issued.hypercall;
  const name = op === CacheFlushOp.clean ? 'CLEAN' : 'INVAL';
  return `GNTTABOP_cache_flush ${name} bus=${hex(devBusAddr)} off=0x${offset.toString(16)} len=0x${length.toString(16)}`;
}

function meantText({ meant: [low, high] }: Flush, mapping: MappingRecord | undefined): string {
  const [first] = mapping?.buffer ?? [];
  // Only contiguous buffers are mapped as one piece.
  return first ? rangeText(offsetBy(first[0], low), offsetBy(first[0], high)) : '';
}

function landedText({ landed }: Flush): string {
  return landed.length === 0 ? 'nothing' : landed.map(([from, to]) => rangeText(from, to)).join(', ');
}

export function rangeText(from: MachineAddr, to: MachineAddr): string {
  return `[${hex(from)}, ${hex(to)})`;
}

function sentence(
  { rule, from, to, activity }: FaultRecord,
  { mapping, phase }: Blamed,
  { had, should, flush }: Pick<Cause, 'had' | 'should' | 'flush'>,
): string {
  const what = rangeText(from, to);
  const of = mapping
    ? `${DIRECTION_NAMES[mapping.direction]} mapping ${mapping.number} of ${mapping.device.name}`
    : '';
  if (rule === 'lost-write' && flush)
    return `${what} is destroyed: ${flush.issued} at ${phase} of ${of} is meant for ${flush.meant} and lands on ${flush.landed}`;
  const values =
    had === undefined
      ? 'is or can be stale'
      : `is stale, "${should}" was stored there last and "${had}" is read`;
  const why = flush
    ? `${flush.issued} at ${phase} of ${of} is meant for ${flush.meant} and lands on ${flush.landed}`
    : mapping
      ? `nothing at ${phase} of ${of} is there for these bytes, or it came too early`
      : 'no mapping covers these bytes';
  return `${activity}: ${what} ${values}: ${why}`;
}
