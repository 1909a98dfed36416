/**
 * The oracle for lines of two sizes: a granule of two small lines, both in memory; a core of one kind caches small lines, a
 * core of the other kind the whole granule as one big line. A byte is in one line at a time. A line is written back whole,
 * but dirty data is only what was stored to since.
 */
import { Mode, type ModeSet, type Operation, Start } from '../operations.ts';
import { decode, type Maintenance } from './decode.ts';
import { cleanLine, dirtyLine, type Line, NO_LINE } from './line.ts';
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
export const TWO_SIZES_FAULTS = [
  'elsewhere-never-reaches-the-big-line',
  'elsewhere-reaches-the-small-line',
  'own-never-reaches-the-big-line',
  'no-big-lines',
  'no-small-lines',
  'dirty-data-never-passes',
  'dirty-data-always-passes',
  'big-line-is-clean-whatever-came',
  'a-half-is-as-dirty-as-the-line',
  'store-elsewhere-stays-small',
  'store-elsewhere-leaves-the-big-line',
  'elsewhere-mode-does-nothing',
  'maintenance-elsewhere-is-ordered-with-own',
  'barrier-forgets-elsewhere',
  'snoop-write-elsewhere-leaves-the-big-line',
  'load-elsewhere-does-nothing',
  'invalidate-elsewhere-writes-back',
] as const;
export type TwoSizesFault = (typeof TWO_SIZES_FAULTS)[number];
type Faults = ReadonlySet<TwoSizesFault>;

const SMALL_LINES = [0, 1] as const;
type Half = (typeof SMALL_LINES)[number];
/** The half with the judged byte, and the other. */
const OWN: Half = 0;
const ELSEWHERE: Half = 1;

interface Concrete extends Values {
  /** A small line for each half; both absent while there is a big one. */
  readonly small: readonly [Line, Line];
  readonly big: Line;
  /** Halves of the big line that hold what memory has not got: it is dirty if any does. */
  readonly modified: readonly [boolean, boolean];
  readonly memory: Bytes;
  /** Maintenance issued by an address in each half. */
  readonly issued: readonly [Maintenance | 'none', Maintenance | 'none'];
}

export interface TwoSizesOptions {
  /** Tell states apart by the other bytes' values too; the verdicts do not depend on it. */
  readonly wholeLine?: boolean;
  readonly faults?: Faults;
}

const BYTES = 4;
const HALF = 2;
const bytesIn = (half: Half): number[] => [half * HALF, half * HALF + 1];

export function twoLineSizes(options: TwoSizesOptions = {}): Hardware<Concrete> {
  const faults = options.faults ?? new Set<TwoSizesFault>();
  return {
    initial: (start) => initial(start, faults),
    execute: (operation, state) => execute(operation, state, faults),
    moves: (state, mode) => moves(state, mode, faults),
    uncounted: (state, mode) => uncounted(state, mode, faults),
    copies: (state) => {
      const cached = cachedBytes(state);
      return cached ? [cached, state.memory] : [state.memory];
    },
    key: (state) => {
      const lines = [...state.small, state.big].map((line) => line.state).join();
      const cached = cachedBytes(state) && wholeView(state);
      return `${lines} ${state.modified.join()} ${state.issued.join()} ${relations(state, [cached, state.memory], options.wholeLine ? BYTES : 1)}`;
    },
  };
}

function initial(start: Start, faults: Faults): Concrete[] {
  const { values, current, older } = initialBytes(BYTES);
  const empty = {
    ...values,
    small: [NO_LINE, NO_LINE],
    big: NO_LINE,
    modified: [false, false],
    memory: current,
    issued: ['none', 'none'],
  } as const;
  if (start === Start.memoryOnly) return [empty];
  const memory = start === Start.written ? older : current;
  const line = dirtyLine(current.slice(0, HALF));
  const starts: Concrete[] = [];
  if (!faults.has('no-small-lines'))
    starts.push(
      { ...empty, memory, small: [line, NO_LINE] },
      { ...empty, memory, small: [line, dirtyLine(current.slice(HALF))] },
    );
  if (!faults.has('no-big-lines'))
    for (const elsewhere of [false, true])
      starts.push({ ...empty, memory, big: dirtyLine(current), modified: [true, elsewhere] });
  return starts;
}

// The lines.

const isThere = ({ state }: Line): boolean => state !== 'absent';
const withSmall = (state: Concrete, half: Half, line: Line): Concrete => ({
  ...state,
  small: withHalf(state.small, half, line),
});
/** The judged byte's line, its bytes; undefined if there is none. */
function cachedBytes({ small, big }: Concrete): Bytes | undefined {
  if (isThere(big)) return big.bytes;
  return isThere(small[OWN]) ? small[OWN].bytes : undefined;
}
/** All bytes as a reader finds them. */
const wholeView = (state: Concrete): Bytes =>
  isThere(state.big) ? state.big.bytes : SMALL_LINES.flatMap((half) => halfView(state, half));
const halfOf = (bytes: Bytes, half: Half): Bytes => bytes.slice(half * HALF, half * HALF + HALF);
const halfView = ({ small, memory }: Concrete, half: Half): Bytes =>
  isThere(small[half]) ? small[half].bytes : halfOf(memory, half);

function intoMemory(memory: Bytes, half: Half, bytes: Bytes): Bytes {
  return half === OWN ? [...bytes, ...halfOf(memory, ELSEWHERE)] : [...halfOf(memory, OWN), ...bytes];
}
function smallWrittenBack(state: Concrete, half: Half): Concrete {
  const line = state.small[half];
  if (line.state !== 'dirty') return state;
  const memory = intoMemory(state.memory, half, line.bytes);
  return { ...withSmall(state, half, cleanLine(line.bytes)), memory };
}
const withBig = (state: Concrete, bytes: Bytes, modified: readonly [boolean, boolean]): Concrete => ({
  ...state,
  small: [NO_LINE, NO_LINE],
  big: modified.includes(true) ? dirtyLine(bytes) : cleanLine(bytes),
  modified,
});
const bigWrittenBack = (state: Concrete): Concrete =>
  state.big.state === 'dirty'
    ? { ...withBig(state, state.big.bytes, [false, false]), memory: state.big.bytes }
    : state;
const smallDropped = (state: Concrete, half: Half): Concrete => withSmall(state, half, NO_LINE);
const bigDropped = (state: Concrete): Concrete => ({ ...state, big: NO_LINE, modified: [false, false] });

/** What may become of dirty data that another core asks for: it passes on dirty, or it is written back. */
function asked(state: Concrete, written: Concrete, faults: Faults): Concrete[] {
  if (written === state) return [state];
  if (faults.has('dirty-data-never-passes')) return [written];
  return faults.has('dirty-data-always-passes') ? [state] : [state, written];
}

/** A core with small lines has this half. */
function inSmall(state: Concrete, half: Half, faults: Faults): Concrete[] {
  if (faults.has('no-small-lines')) return [];
  if (isThere(state.small[half])) return [state];
  if (!isThere(state.big)) return [withSmall(state, half, cleanLine(halfOf(state.memory, half)))];
  return asked(state, bigWrittenBack(state), faults).map((it) => {
    const other = half === OWN ? ELSEWHERE : OWN;
    const bytes = halfOf(it.big.bytes, half);
    const passed = it.modified[half] || faults.has('a-half-is-as-dirty-as-the-line') ? it.big.state : 'clean';
    // What was not asked for is written back, whichever half was modified.
    const memory =
      it.big.state === 'dirty' ? intoMemory(it.memory, other, halfOf(it.big.bytes, other)) : it.memory;
    return withSmall({ ...bigDropped(it), memory }, half, { state: passed, bytes });
  });
}

/** A core with big lines has the granule. */
function inBig(state: Concrete, faults: Faults): Concrete[] {
  if (faults.has('no-big-lines')) return [];
  if (isThere(state.big)) return [state];
  return asked(state, smallWrittenBack(state, OWN), faults)
    .flatMap((it) => asked(it, smallWrittenBack(it, ELSEWHERE), faults))
    .map((it) => {
      const clean = faults.has('big-line-is-clean-whatever-came');
      const [own, elsewhere] = it.small.map((line) => line.state === 'dirty' && !clean);
      return withBig(it, wholeView(it), [own === true, elsewhere === true]);
    });
}

/** A core of either kind asks for this half. */
const requested = (state: Concrete, half: Half, faults: Faults): Concrete[] => [
  ...inSmall(state, half, faults),
  ...inBig(state, faults),
];

function stored(state: Concrete, byte: number, faults: Faults): Concrete[] {
  const half = byte < HALF ? OWN : ELSEWHERE;
  const value = newValue(state, byte);
  if (half === ELSEWHERE && faults.has('store-elsewhere-leaves-the-big-line') && isThere(state.big))
    return [state];
  const ready =
    half === ELSEWHERE && faults.has('store-elsewhere-stays-small')
      ? inSmall(state, half, faults)
      : requested(state, half, faults);
  return ready.map((it) =>
    isThere(it.big)
      ? {
          ...withBig(it, it.big.bytes.with(byte, value.serial), withHalf(it.modified, half, true)),
          ...value,
        }
      : withSmall({ ...it, ...value }, half, dirtyLine(it.small[half].bytes.with(byte % HALF, value.serial))),
  );
}

// What happens by itself.

function moves(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const found: Concrete[] = [];
  if (!(mode & Mode.noFills)) for (const half of SMALL_LINES) found.push(...requested(state, half, faults));
  if (isThere(state.big)) found.push(bigWrittenBack(state), bigDropped(bigWrittenBack(state)));
  for (const half of SMALL_LINES)
    if (isThere(state.small[half])) {
      const written = smallWrittenBack(state, half);
      found.push(written, smallDropped(written, half));
    }
  return found;
}

function uncounted(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const found = SMALL_LINES.flatMap((half) => completed(state, half, faults));
  if (mode & Mode.deviceWrites) found.push(memoryStore(state, JUDGED));
  if (mode & Mode.snoopWrites) found.push(snoopStore(state, JUDGED));
  if (mode & Mode.snoopNeighbourWrites) found.push(snoopStore(state, JUDGED + 1));
  if (mode & Mode.neighbourWrites) found.push(...stored(state, JUDGED + 1, faults));
  if (mode & Mode.elsewhereWrites && !faults.has('elsewhere-mode-does-nothing'))
    for (const byte of bytesIn(ELSEWHERE)) found.push(...stored(state, byte, faults));
  return found;
}

// Operations.

function execute(operation: Operation, state: Concrete, faults: Faults): Outcome<Concrete>[] {
  const act = decode(operation);
  switch (act.what) {
    case 'load':
      return completed(state, OWN, faults).flatMap((ready) =>
        requested(ready, OWN, faults).map((it) => ({ state: it, read: wholeView(it) })),
      );
    case 'load elsewhere':
      if (faults.has('load-elsewhere-does-nothing')) return silent([state]);
      return silent(
        completed(state, ELSEWHERE, faults).flatMap((ready) => requested(ready, ELSEWHERE, faults)),
      );
    case 'store':
      return silent(completed(state, OWN, faults).flatMap((ready) => stored(ready, JUDGED, faults)));
    case 'store undefined':
      return silent(
        completed(state, OWN, faults)
          .flatMap((ready) => stored(ready, JUDGED, faults))
          .map(undefinedOnce),
      );
    case 'store neighbour':
      return silent(completed(state, OWN, faults).flatMap((ready) => stored(ready, JUDGED + 1, faults)));
    case 'store elsewhere':
      return silent(
        completed(state, ELSEWHERE, faults).flatMap((ready) =>
          bytesIn(ELSEWHERE).flatMap((byte) => stored(ready, byte, faults)),
        ),
      );
    case 'load uncached':
    case 'device reads':
      return [{ state, read: state.memory }];
    case 'store uncached undefined':
      return silent([undefinedOnce(memoryStore(state, JUDGED))]);
    case 'store uncached':
    case 'device writes':
      return silent([memoryStore(state, JUDGED)]);
    case 'snoop reads':
      return [{ state, read: wholeView(state) }];
    case 'snoop writes':
      return silent([snoopStore(state, JUDGED)]);
    case 'snoop writes neighbour':
      return silent([snoopStore(state, JUDGED + 1)]);
    case 'snoop writes elsewhere':
      if (faults.has('snoop-write-elsewhere-leaves-the-big-line') && isThere(state.big))
        return silent([state]);
      return silent(bytesIn(ELSEWHERE).map((byte) => snoopStore(state, byte)));
    case 'maintain': {
      const half = act.elsewhere ? ELSEWHERE : OWN;
      const ordered = faults.has('maintenance-elsewhere-is-ordered-with-own');
      const both: readonly Half[] = ordered ? SMALL_LINES : [half];
      const ready = both.reduce<Concrete[]>(
        (states, each) => states.flatMap((it) => completed(it, each, faults)),
        [state],
      );
      return silent(
        act.issued
          ? ready.map((it) => ({ ...it, issued: withHalf(it.issued, half, act.kind) }))
          : ready.flatMap((it) => [...(act.one ? [it] : []), ...maintained(it, half, act.kind, faults)]),
      );
    }
    case 'barrier': {
      const own = completed(state, OWN, faults);
      return silent(
        faults.has('barrier-forgets-elsewhere') ? own : own.flatMap((it) => completed(it, ELSEWHERE, faults)),
      );
    }
    case 'new owner':
      return silent([{ ...state, ...handedOver(state) }]);
    case 'maintain outer':
      return silent([state]);
  }
}

const silent = (states: readonly Concrete[]): Outcome<Concrete>[] => states.map((state) => ({ state }));

function memoryStore(state: Concrete, byte: number): Concrete {
  const value = newValue(state, byte);
  return { ...state, ...value, memory: state.memory.with(byte, value.serial) };
}

/** A snooping device's store: the line with that byte is written back and goes, then memory is stored to. */
function snoopStore(state: Concrete, byte: number): Concrete {
  const half = byte < HALF ? OWN : ELSEWHERE;
  const ready = isThere(state.big)
    ? bigDropped(bigWrittenBack(state))
    : smallDropped(smallWrittenBack(state, half), half);
  return memoryStore(ready, byte);
}

// Maintenance.

const withHalf = <T>(pair: readonly [T, T], half: Half, value: T): readonly [T, T] =>
  half === OWN ? [value, pair[ELSEWHERE]] : [pair[OWN], value];

function completed(state: Concrete, half: Half, faults: Faults): Concrete[] {
  const kind = state.issued[half];
  if (kind === 'none') return [state];
  return maintained({ ...state, issued: withHalf(state.issued, half, 'none') }, half, kind, faults);
}

/** By an address in this half: its small line, or the big one. */
function maintained(state: Concrete, half: Half, kind: Maintenance, faults: Faults): Concrete[] {
  if (isThere(state.big)) {
    const missed =
      half === OWN
        ? faults.has('own-never-reaches-the-big-line')
        : faults.has('elsewhere-never-reaches-the-big-line');
    if (missed) return [state];
    const saved = bigWrittenBack(state);
    if (half === ELSEWHERE && kind === 'invalidate' && faults.has('invalidate-elsewhere-writes-back'))
      return [bigDropped(saved)];
    return choices(kind, saved, bigDropped(saved), bigDropped(state));
  }
  const reached = half === ELSEWHERE && faults.has('elsewhere-reaches-the-small-line') ? OWN : half;
  const saved = smallWrittenBack(state, reached);
  return choices(kind, saved, smallDropped(saved, reached), smallDropped(state, reached));
}

function choices(kind: Maintenance, saved: Concrete, savedAndGone: Concrete, lost: Concrete): Concrete[] {
  if (kind === 'clean') return [saved, savedAndGone];
  return kind === 'invalidate' ? [lost, savedAndGone] : [savedAndGone];
}
