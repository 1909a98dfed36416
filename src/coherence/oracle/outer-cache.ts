/**
 * The oracle for an inner cache with an outer one beyond it: two levels over memory, each line passed on whole. Levels are
 * numbered from the CPU: 0 the inner cache, 1 the outer one, 2 memory.
 */
import { Mode, type ModeSet, type Operation, Start } from '../operations.ts';
import { decode, type Maintenance } from './decode.ts';
import { bytesOf, cleanLine, dirtyLine, type Line, NO_LINE } from './line.ts';
import type { Hardware, Outcome } from './search.ts';
import {
  type Bytes,
  handedOver,
  initialBytes,
  JUDGED,
  newValue,
  relations,
  undefinedOnce,
  type Values,
} from './values.ts';

/** Rules that can be made wrong, so that a comparison can be seen to catch it. */
export const OUTER_FAULTS = [
  'write-back-passes-the-outer-cache',
  'write-back-never-passes-the-outer-cache',
  'inner-fills-past-the-outer-cache',
  'outer-cache-never-fills',
  'outer-dirty-line-stays',
  'outer-eviction-drops-dirty',
  'maintenance-by-va-reaches-the-outer-cache',
  'outer-maintenance-reaches-the-inner-cache',
  'outer-maintenance-completes-issued',
  'outer-clean-does-nothing',
  'outer-invalidate-writes-back',
  'outer-clean-invalidate-keeps-line',
  'device-reads-the-outer-cache',
  'device-write-reaches-the-outer-cache',
  'snoop-read-misses-the-outer-cache',
  'snoop-write-passes-the-outer-cache',
] as const;
export type OuterFault = (typeof OUTER_FAULTS)[number];
type Faults = ReadonlySet<OuterFault>;

const INNER = 0;
const OUTER = 1;
const MEMORY = 2;
type Level = 0 | 1;

interface Concrete extends Values {
  readonly caches: readonly [inner: Line, outer: Line];
  readonly memory: Bytes;
  readonly issued: Maintenance | 'none';
}

export interface OuterOptions {
  /** Bytes in the line, at least two. */
  readonly bytes?: number;
  /** Tell states apart by their neighbours' values too; the verdicts do not depend on it. */
  readonly wholeLine?: boolean;
  readonly faults?: Faults;
}

export function outerCache(options: OuterOptions = {}): Hardware<Concrete> {
  const faults = options.faults ?? new Set<OuterFault>();
  const bytes = options.bytes ?? 2;
  return {
    initial: (start) => initial(start, bytes),
    execute: (operation, state) => execute(operation, state, faults),
    moves: (state, mode) => moves(state, mode, faults),
    uncounted: (state, mode) => uncounted(state, mode, faults),
    copies: copiesOf,
    key: (state) => {
      const lines = state.caches.map((line) => line.state).join();
      const copies = [...state.caches.map(bytesOf), state.memory];
      return `${lines} ${state.issued} ${relations(state, copies, options.wholeLine ? bytes : 1)}`;
    },
  };
}

function initial(start: Start, bytes: number): Concrete[] {
  const { values, current, older } = initialBytes(bytes);
  const empty = { ...values, caches: [NO_LINE, NO_LINE], memory: current, issued: 'none' } as const;
  if (start === Start.memoryOnly) return [empty];
  const memory = start === Start.written ? older : current;
  return [NO_LINE, dirtyLine(memory)].map((outer) => ({
    ...empty,
    caches: [dirtyLine(current), outer],
    memory,
  }));
}

const copiesOf = ({ caches, memory }: Concrete): Bytes[] => [
  ...caches.filter(({ state }) => state !== 'absent').map(({ bytes }) => bytes),
  memory,
];

// Between the levels.

const isCache = (level: number): level is Level => level < MEMORY;
const lineAt = (state: Concrete, level: Level): Line => state.caches[level];
function put(state: Concrete, level: Level, line: Line): Concrete {
  const [inner, outer] = state.caches;
  return { ...state, caches: level === INNER ? [line, outer] : [inner, line] };
}

/** The line's bytes as this level answers, with what that leaves behind in it and below. */
function fetched(state: Concrete, level: number, faults: Faults): { state: Concrete; bytes: Bytes }[] {
  if (!isCache(level)) return [{ state, bytes: state.memory }];
  const here = lineAt(state, level);
  if (here.state !== 'absent') return [{ state, bytes: here.bytes }];
  return fetched(state, level + 1, faults).flatMap((below) => {
    const kept = { state: put(below.state, level, cleanLine(below.bytes)), bytes: below.bytes };
    // Only the inner cache must keep what a CPU asks for.
    return level === INNER ? [kept] : [kept, below];
  });
}

/** Level 0 has the line. */
function requested(state: Concrete, faults: Faults): Concrete[] {
  if (faults.has('inner-fills-past-the-outer-cache') && lineAt(state, INNER).state === 'absent')
    return [put(state, INNER, cleanLine(state.memory))];
  return fetched(state, INNER, faults).map((answer) => answer.state);
}

/** A level is given a whole line to keep or to pass on. */
function handedDown(state: Concrete, level: number, bytes: Bytes, faults: Faults): Concrete[] {
  if (!isCache(level)) return [{ ...state, memory: bytes }];
  const taken = put(state, level, dirtyLine(bytes));
  if (lineAt(state, level).state !== 'absent')
    return faults.has('write-back-passes-the-outer-cache') ? [{ ...state, memory: bytes }] : [taken];
  return faults.has('write-back-never-passes-the-outer-cache')
    ? [taken]
    : [taken, ...handedDown(state, level + 1, bytes, faults)];
}

function writtenBack(state: Concrete, level: Level, faults: Faults): Concrete[] {
  const { state: line, bytes } = lineAt(state, level);
  if (line !== 'dirty') return [state];
  return handedDown(put(state, level, cleanLine(bytes)), level + 1, bytes, faults);
}

const dropped = (state: Concrete, level: Level): Concrete => put(state, level, NO_LINE);
const evicted = (state: Concrete, level: Level, faults: Faults): Concrete[] =>
  level === OUTER && faults.has('outer-eviction-drops-dirty')
    ? [dropped(state, level)]
    : writtenBack(state, level, faults).map((clean) => dropped(clean, level));

// What happens by itself.

function moves(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const found: Concrete[] = [];
  if (!(mode & Mode.noFills)) {
    found.push(...requested(state, faults));
    if (lineAt(state, OUTER).state === 'absent' && !faults.has('outer-cache-never-fills'))
      found.push(put(state, OUTER, cleanLine(state.memory)));
  }
  for (const level of [INNER, OUTER] as const) {
    if (lineAt(state, level).state === 'absent') continue;
    if (level === OUTER && lineAt(state, level).state === 'dirty' && faults.has('outer-dirty-line-stays'))
      continue;
    found.push(...writtenBack(state, level, faults), ...evicted(state, level, faults));
  }
  return found;
}

function uncounted(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const found = [...completed(state, faults)];
  if (mode & Mode.deviceWrites) found.push(deviceStore(state, faults));
  if (mode & Mode.snoopWrites) found.push(...snoopStore(state, JUDGED, faults));
  if (mode & Mode.snoopNeighbourWrites)
    found.push(...neighbours(state).flatMap((byte) => snoopStore(state, byte, faults)));
  if (mode & Mode.neighbourWrites)
    found.push(...neighbours(state).flatMap((byte) => stored(state, byte, faults)));
  return found;
}

// Operations.

function execute(operation: Operation, state: Concrete, faults: Faults): Outcome<Concrete>[] {
  const act = decode(operation);
  switch (act.what) {
    case 'load':
      return completed(state, faults).flatMap((ready) =>
        requested(ready, faults).map((line) => ({ state: line, read: lineAt(line, INNER).bytes })),
      );
    case 'store':
      return silent(completed(state, faults).flatMap((ready) => stored(ready, JUDGED, faults)));
    case 'store undefined':
      return silent(
        completed(state, faults)
          .flatMap((ready) => stored(ready, JUDGED, faults))
          .map(undefinedOnce),
      );
    case 'store neighbour':
      return silent(
        completed(state, faults).flatMap((ready) =>
          neighbours(ready).flatMap((byte) => stored(ready, byte, faults)),
        ),
      );
    case 'load uncached':
      return [{ state, read: state.memory }];
    case 'store uncached undefined':
      return silent([undefinedOnce(memoryStore(state))]);
    case 'store uncached':
      return silent([memoryStore(state)]);
    case 'device reads': {
      const outer = lineAt(state, OUTER);
      const hit = faults.has('device-reads-the-outer-cache') && outer.state !== 'absent';
      return [{ state, read: hit ? outer.bytes : state.memory }];
    }
    case 'device writes':
      return silent([deviceStore(state, faults)]);
    case 'snoop reads': {
      const first = faults.has('snoop-read-misses-the-outer-cache') ? state.caches.slice(0, 1) : state.caches;
      const hit = first.find((line) => line.state !== 'absent');
      return [{ state, read: hit?.bytes ?? state.memory }];
    }
    case 'snoop writes':
      return silent(snoopStore(state, JUDGED, faults));
    case 'snoop writes neighbour':
      return silent(neighbours(state).flatMap((byte) => snoopStore(state, byte, faults)));
    case 'maintain': {
      if (act.elsewhere) return silent([state]);
      const ready = completed(state, faults);
      return silent(
        act.issued
          ? ready.map((before) => ({ ...before, issued: act.kind }))
          : ready.flatMap((before) => [
              ...(act.one ? [before] : []),
              ...maintained(before, act.kind, faults),
            ]),
      );
    }
    case 'maintain outer': {
      const ready = faults.has('outer-maintenance-completes-issued') ? completed(state, faults) : [state];
      return silent(ready.flatMap((before) => outerMaintained(before, act.kind, faults)));
    }
    case 'barrier':
      return silent(completed(state, faults));
    case 'new owner':
      return silent([{ ...state, ...handedOver(state) }]);
    case 'load elsewhere':
    case 'store elsewhere':
    case 'snoop writes elsewhere':
      return silent([state]);
  }
}

const silent = (states: readonly Concrete[]): Outcome<Concrete>[] => states.map((state) => ({ state }));

/** A CPU's store, which completes nothing. */
function stored(state: Concrete, byte: number, faults: Faults): Concrete[] {
  return requested(state, faults).map((line) => {
    const value = newValue(line, byte);
    return put({ ...line, ...value }, INNER, dirtyLine(lineAt(line, INNER).bytes.with(byte, value.serial)));
  });
}

function memoryStore(state: Concrete): Concrete {
  const value = newValue(state, JUDGED);
  return { ...state, ...value, memory: state.memory.with(JUDGED, value.serial) };
}

function deviceStore(state: Concrete, faults: Faults): Concrete {
  const after = memoryStore(state);
  const outer = lineAt(after, OUTER);
  return faults.has('device-write-reaches-the-outer-cache') && outer.state !== 'absent'
    ? put(after, OUTER, { ...outer, bytes: outer.bytes.with(JUDGED, after.serial) })
    : after;
}

/** A snooping device's store: the inner line is written back and goes; then the outer cache, or memory, is stored to. */
function snoopStore(state: Concrete, byte: number, faults: Faults): Concrete[] {
  return evicted(state, INNER, faults).flatMap((ready) => {
    const value = newValue(ready, byte);
    const after = { ...ready, ...value };
    const inMemory = { ...after, memory: ready.memory.with(byte, value.serial) };
    if (faults.has('snoop-write-passes-the-outer-cache')) return [inMemory];
    const outer = lineAt(ready, OUTER);
    const before = outer.state === 'absent' ? ready.memory : outer.bytes;
    const inOuter = put(after, OUTER, dirtyLine(before.with(byte, value.serial)));
    return outer.state === 'absent' ? [inOuter, inMemory] : [inOuter];
  });
}

// Maintenance.

function completed(state: Concrete, faults: Faults): Concrete[] {
  return state.issued === 'none' ? [state] : maintained({ ...state, issued: 'none' }, state.issued, faults);
}

function maintained(state: Concrete, kind: Maintenance, faults: Faults): Concrete[] {
  const inner = atLevel(state, INNER, kind, faults);
  return faults.has('maintenance-by-va-reaches-the-outer-cache')
    ? inner.flatMap((after) => atLevel(after, OUTER, kind, faults))
    : inner;
}

function outerMaintained(state: Concrete, kind: Maintenance, faults: Faults): Concrete[] {
  const ready = faults.has('outer-maintenance-reaches-the-inner-cache')
    ? atLevel(state, INNER, kind, faults)
    : [state];
  return ready.flatMap((before) => {
    if (kind === 'clean' && faults.has('outer-clean-does-nothing')) return [before];
    if (kind === 'invalidate')
      return faults.has('outer-invalidate-writes-back')
        ? evicted(before, OUTER, faults)
        : [dropped(before, OUTER)];
    if (kind === 'clean+invalidate' && faults.has('outer-clean-invalidate-keeps-line'))
      return writtenBack(before, OUTER, faults);
    return atLevel(before, OUTER, kind, faults);
  });
}

function atLevel(state: Concrete, level: Level, kind: Maintenance, faults: Faults): Concrete[] {
  const saved = writtenBack(state, level, faults);
  const gone = saved.map((after) => dropped(after, level));
  if (kind === 'clean') return [...saved, ...gone];
  return kind === 'invalidate' ? [dropped(state, level), ...gone] : gone;
}

function neighbours(state: Concrete): number[] {
  return [...state.current.keys()].filter((byte) => byte !== JUDGED);
}
