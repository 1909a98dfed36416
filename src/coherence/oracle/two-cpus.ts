/**
 * The oracle for CPUs with a cache each, as coherence protocols have it: any number of clean copies, one dirty line at
 * most, and a store needs the line alone. Maintenance goes to all caches, or to the executing CPU's.
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
export const TWO_CPUS_FAULTS = [
  'local-maintenance-is-broadcast',
  'broadcast-maintenance-is-local',
  'store-leaves-other-copies',
  'fill-misses-the-dirty-copy',
  'fill-always-writes-back-the-dirty-copy',
  'dirty-never-moves-on-a-read',
  'clean-copy-never-answers',
  'memory-never-answers-beside-a-clean-copy',
  'barrier-completes-the-other-cpu',
  'barrier-of-cpu-1-does-nothing',
  'access-completes-the-other-cpu',
  'dirty-line-of-cpu-1-stays',
  'only-cpu-0-speculates',
  'snoop-misses-cpu-1',
  'snoop-write-leaves-cpu-1',
  'local-invalidate-writes-back',
] as const;
export type TwoCpusFault = (typeof TWO_CPUS_FAULTS)[number];
type Faults = ReadonlySet<TwoCpusFault>;

interface Issued {
  readonly kind: Maintenance;
  readonly local: boolean;
}

interface Concrete extends Values {
  /** One cache for each CPU. */
  readonly caches: readonly Line[];
  readonly memory: Bytes;
  /** What each CPU has issued and not completed. */
  readonly issued: readonly (Issued | undefined)[];
}

export interface TwoCpusOptions {
  /** Bytes in the line, at least two. */
  readonly bytes?: number;
  /** Tell states apart by their neighbours' values too; the verdicts do not depend on it. */
  readonly wholeLine?: boolean;
  readonly faults?: Faults;
}

const CPUS = [0, 1];

export function twoCpus(options: TwoCpusOptions = {}): Hardware<Concrete> {
  const faults = options.faults ?? new Set<TwoCpusFault>();
  const bytes = options.bytes ?? 2;
  return {
    initial: (start) => initial(start, bytes),
    execute: (operation, state) => execute(operation, state, faults),
    moves: (state, mode) => moves(state, mode, faults),
    uncounted: (state, mode) => uncounted(state, mode, faults),
    copies: ({ caches, memory }) => [...present(caches).map((line) => line.bytes), memory],
    key: (state) => {
      const lines = state.caches.map((line) => line.state).join();
      const issued = state.issued.map((it) => (it ? `${it.kind} ${it.local}` : '')).join();
      const copies = [...state.caches.map(bytesOf), state.memory];
      return `${lines} ${issued} ${relations(state, copies, options.wholeLine ? bytes : 1)}`;
    },
  };
}

function initial(start: Start, bytes: number): Concrete[] {
  const { values, current, older } = initialBytes(bytes);
  const empty: Concrete = {
    ...values,
    caches: CPUS.map(() => NO_LINE),
    memory: current,
    issued: CPUS.map(() => undefined),
  };
  if (start === Start.memoryOnly) return [empty];
  const memory = start === Start.written ? older : current;
  return CPUS.map((cpu) => put({ ...empty, memory }, cpu, dirtyLine(current)));
}

// The caches.

const present = (lines: readonly Line[]): Line[] => lines.filter(({ state }) => state !== 'absent');
const others = (cpu: number): number[] => CPUS.filter((other) => other !== cpu);
const put = (state: Concrete, cpu: number, line: Line): Concrete => ({
  ...state,
  caches: state.caches.with(cpu, line),
});
function lineOf(state: Concrete, cpu: number): Line {
  const line = state.caches[cpu];
  if (line === undefined) throw new Error(`no CPU ${cpu}`);
  return line;
}

function writtenBack(state: Concrete, cpu: number): Concrete {
  const line = lineOf(state, cpu);
  return line.state === 'dirty' ? { ...put(state, cpu, cleanLine(line.bytes)), memory: line.bytes } : state;
}
const dropped = (state: Concrete, cpu: number): Concrete => put(state, cpu, NO_LINE);
const evicted = (state: Concrete, cpu: number): Concrete => dropped(writtenBack(state, cpu), cpu);

/** This CPU asks for the line, to read. */
function shared(state: Concrete, cpu: number, faults: Faults): Concrete[] {
  if (lineOf(state, cpu).state !== 'absent') return [state];
  const fromMemory = put(state, cpu, cleanLine(state.memory));
  const owner = others(cpu).find((other) => lineOf(state, other).state === 'dirty');
  if (owner !== undefined && !faults.has('fill-misses-the-dirty-copy')) {
    const { bytes } = lineOf(state, owner);
    const copied = put(state, cpu, cleanLine(bytes));
    const written = writtenBack(copied, owner);
    if (faults.has('fill-always-writes-back-the-dirty-copy')) return [written];
    const moved = put(put(state, owner, cleanLine(bytes)), cpu, dirtyLine(bytes));
    return faults.has('dirty-never-moves-on-a-read') ? [copied, written] : [copied, written, moved];
  }
  const answers = present(others(cpu).map((other) => lineOf(state, other))).map((line) =>
    put(state, cpu, cleanLine(line.bytes)),
  );
  if (answers.length === 0 || faults.has('clean-copy-never-answers')) return [fromMemory];
  return faults.has('memory-never-answers-beside-a-clean-copy') ? answers : [...answers, fromMemory];
}

/** This CPU stores a new value, once it has the line for itself. */
function stored(state: Concrete, cpu: number, byte: number, faults: Faults): Concrete[] {
  return shared(state, cpu, faults).map((line) => {
    const alone = faults.has('store-leaves-other-copies')
      ? others(cpu).reduce(
          (kept, other) =>
            put(kept, other, {
              ...lineOf(kept, other),
              state: lineOf(kept, other).state === 'dirty' ? 'clean' : lineOf(kept, other).state,
            }),
          line,
        )
      : others(cpu).reduce(dropped, line);
    const value = newValue(alone, byte);
    return put({ ...alone, ...value }, cpu, dirtyLine(lineOf(alone, cpu).bytes.with(byte, value.serial)));
  });
}

// What happens by itself.

function moves(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  return CPUS.flatMap((cpu) => {
    if (lineOf(state, cpu).state === 'absent') {
      const idle = faults.has('only-cpu-0-speculates') && cpu !== 0;
      return mode & Mode.noFills || idle ? [] : shared(state, cpu, faults);
    }
    if (faults.has('dirty-line-of-cpu-1-stays') && cpu === 1 && lineOf(state, cpu).state === 'dirty')
      return [];
    return [writtenBack(state, cpu), evicted(state, cpu)];
  });
}

function uncounted(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const found = CPUS.flatMap((cpu) => completed(state, cpu, faults));
  if (mode & Mode.deviceWrites) found.push(memoryStore(state, JUDGED));
  if (mode & Mode.snoopWrites) found.push(snoopStore(state, JUDGED, faults));
  if (mode & Mode.snoopNeighbourWrites)
    for (const byte of neighbours(state)) found.push(snoopStore(state, byte, faults));
  if (mode & Mode.neighbourWrites)
    for (const cpu of CPUS)
      for (const byte of neighbours(state)) found.push(...stored(state, cpu, byte, faults));
  return found;
}

// Operations.

function execute(operation: Operation, state: Concrete, faults: Faults): Outcome<Concrete>[] {
  const act = decode(operation);
  switch (act.what) {
    case 'load':
      return before(state, act.cpu, faults).flatMap((ready) =>
        shared(ready, act.cpu, faults).map((after) => ({ state: after, read: lineOf(after, act.cpu).bytes })),
      );
    case 'store':
      return silent(
        before(state, act.cpu, faults).flatMap((ready) => stored(ready, act.cpu, JUDGED, faults)),
      );
    case 'store undefined':
      return silent(
        before(state, act.cpu, faults)
          .flatMap((ready) => stored(ready, act.cpu, JUDGED, faults))
          .map(undefinedOnce),
      );
    case 'store neighbour':
      return silent(
        before(state, act.cpu, faults).flatMap((ready) =>
          neighbours(ready).flatMap((byte) => stored(ready, act.cpu, byte, faults)),
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
      return snoopRead(state, faults);
    case 'snoop writes':
      return silent([snoopStore(state, JUDGED, faults)]);
    case 'snoop writes neighbour':
      return silent(neighbours(state).map((byte) => snoopStore(state, byte, faults)));
    case 'maintain': {
      if (act.elsewhere) return silent([state]);
      const ready = completed(state, act.cpu, faults);
      return silent(
        act.issued
          ? ready.map((it) => ({
              ...it,
              issued: it.issued.with(act.cpu, { kind: act.kind, local: act.local }),
            }))
          : ready.flatMap((it) => [...(act.one ? [it] : []), ...maintained(it, act.cpu, act, faults)]),
      );
    }
    case 'barrier': {
      if (act.cpu === 1 && faults.has('barrier-of-cpu-1-does-nothing')) return silent([state]);
      const own = completed(state, act.cpu, faults);
      return silent(
        faults.has('barrier-completes-the-other-cpu')
          ? own.flatMap((it) => others(act.cpu).flatMap((cpu) => completed(it, cpu, faults)))
          : own,
      );
    }
    case 'new owner':
      return silent([{ ...state, ...handedOver(state) }]);
    case 'load elsewhere':
    case 'store elsewhere':
    case 'snoop writes elsewhere':
    case 'maintain outer':
      return silent([state]);
  }
}

const silent = (states: readonly Concrete[]): Outcome<Concrete>[] => states.map((state) => ({ state }));

/** A cacheable access waits for what its own CPU has issued. */
function before(state: Concrete, cpu: number, faults: Faults): Concrete[] {
  const own = completed(state, cpu, faults);
  return faults.has('access-completes-the-other-cpu')
    ? own.flatMap((it) => others(cpu).flatMap((other) => completed(it, other, faults)))
    : own;
}

function memoryStore(state: Concrete, byte: number): Concrete {
  const value = newValue(state, byte);
  return { ...state, ...value, memory: state.memory.with(byte, value.serial) };
}

/** A dirty copy must answer; a clean one may, or memory does. */
function snoopRead(state: Concrete, faults: Faults): Outcome<Concrete>[] {
  const asked = faults.has('snoop-misses-cpu-1') ? state.caches.slice(0, 1) : state.caches;
  const found = present(asked);
  const owner = found.find((line) => line.state === 'dirty');
  return (owner ? [owner.bytes] : [...found.map((line) => line.bytes), state.memory]).map((read) => ({
    state,
    read,
  }));
}

function snoopStore(state: Concrete, byte: number, faults: Faults): Concrete {
  const reached = faults.has('snoop-write-leaves-cpu-1') ? [0] : CPUS;
  return memoryStore(reached.reduce(evicted, state), byte);
}

// Maintenance.

function completed(state: Concrete, cpu: number, faults: Faults): Concrete[] {
  const issued = state.issued[cpu];
  if (issued === undefined) return [state];
  return maintained({ ...state, issued: state.issued.with(cpu, undefined) }, cpu, issued, faults);
}

function maintained(state: Concrete, cpu: number, { kind, local }: Issued, faults: Faults): Concrete[] {
  if (kind === 'invalidate' && local && faults.has('local-invalidate-writes-back'))
    return [evicted(state, cpu)];
  const own = local
    ? !faults.has('local-maintenance-is-broadcast')
    : faults.has('broadcast-maintenance-is-local');
  return (own ? [cpu] : CPUS).reduce<Concrete[]>(
    (states, reached) => states.flatMap((it) => inCache(it, reached, kind)),
    [state],
  );
}

function inCache(state: Concrete, cpu: number, kind: Maintenance): Concrete[] {
  const gone = evicted(state, cpu);
  if (kind === 'clean') return [writtenBack(state, cpu), gone];
  return kind === 'invalidate' ? [dropped(state, cpu), gone] : [gone];
}

function neighbours(state: Concrete): number[] {
  return [...state.current.keys()].filter((byte) => byte !== JUDGED);
}
