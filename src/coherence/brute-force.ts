/**
 * The oracle of the coherence engine: one whole cache line with several bytes and real values, every execution
 * explored. Written from the text of operations.ts alone, apart from the engine, to be compared with it.
 *
 * Slow and plain on purpose: no sets, no tables, nothing remembered between calls. Every store writes a fresh
 * serial number; a byte's current value is the one last written in the order of operations.
 */

import { Mode, type ModeSet, Operation, Start } from './operations.ts';

export type Step = { readonly operation: Operation } | { readonly mode: ModeSet };

/** Values that do not count: whatever a copy holds is current. */
const ANYTHING = -1;

/** Each is the fewest spontaneous hardware moves of an execution in which it happens; Infinity: it never does. */
export interface Verdict {
  /** This step's read, or a device's read at any moment after it that Mode.deviceReads allows, returns an older value. */
  readonly staleMoves: number;
  /** After this step, neither memory nor the cache holds the current value of the judged byte. */
  readonly lostMoves: number;
  /** This step's read, or a window's, returns a value that was stored before the page got its present owner. */
  readonly disclosedMoves: number;
}

/**
 * Rules that can be made wrong, so that a comparison can be seen to catch it: each shows in some verdict.
 * Left out because they do not: a clean that always keeps the line, and write back without eviction or the
 * reverse. Nothing that can go wrong needs a line to be clean rather than gone or, with the same copy, dirty. And
 * Mode.snoopWrites: after it memory is current and nothing is cached, from where nothing goes wrong that could not before.
 */
export const FAULTS = [
  'clean-does-nothing',
  'clean-always-drops-line',
  'clean-leaves-line-dirty',
  'invalidate-does-nothing',
  'invalidate-always-writes-back',
  'invalidate-never-writes-back',
  'clean-invalidate-keeps-line',
  'no-speculative-fill',
  'no-fills-ignored',
  'fill-makes-dirty',
  'dirty-line-stays',
  'evict-drops-dirty',
  'fill-not-counted',
  'write-back-not-counted',
  'neighbour-store-leaves-line-clean',
  'neighbour-mode-does-nothing',
  'neighbour-mode-completes-issued',
  'cpu-read-does-not-fill',
  'device-write-updates-cache',
  'device-mode-does-nothing',
  'uncached-read-hits-cache',
  'uncached-write-updates-cache',
  'snoop-read-misses-cache',
  'snoop-write-leaves-line',
  'snoop-write-drops-dirty',
  'barrier-does-nothing',
  'issue-completes-at-once',
  'issued-waits-for-barrier',
  'cpu-access-leaves-issued',
  'uncached-access-completes-issued',
  'maintenance-forgets-issued',
  'undefined-store-is-current',
  'new-owner-changes-nothing',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Options {
  /** What else may happen before the first step; default 0, so that an absent line can be filled. */
  readonly mode?: ModeSet;
  /** Bytes in the line: the judged one and its neighbours, at least one. Default 3. */
  readonly bytes?: number;
  readonly faults?: ReadonlySet<Fault>;
}

/** The verdict after each step, over all executions from `start`. A read never prunes, whatever it returned. */
export function bruteForce(start: Start, steps: readonly Step[], options: Options = {}): Verdict[] {
  const faults = options.faults ?? new Set<Fault>();
  let mode = options.mode ?? 0;
  let reached = closure([[initial(start, options.bytes ?? 3)]], mode, faults);
  return steps.map((step) => {
    let staleRead = Infinity;
    let disclosedRead = Infinity;
    if ('mode' in step) {
      mode = step.mode;
    } else {
      const outcomes = reached.map((states) =>
        states.flatMap((state) => execute(step.operation, state, faults)),
      );
      staleRead = fewestMoves(outcomes, ({ state, read }) => read !== undefined && isStale(state, read));
      disclosedRead = fewestMoves(
        outcomes,
        ({ state, read }) => read !== undefined && isDisclosed(state, read),
      );
      reached = outcomes.map((layer) => layer.map(({ state }) => state));
    }
    reached = closure(reached, mode, faults);
    const window = (bad: (state: Concrete, value: number) => boolean) =>
      fewestMoves(reached, (state) => windowReads(state, mode, faults).some((value) => bad(state, value)));
    return {
      staleMoves: Math.min(staleRead, window(isStale)),
      lostMoves: fewestMoves(reached, lost),
      disclosedMoves: Math.min(disclosedRead, window(isDisclosed)),
    };
  });
}

const JUDGED = 0;

type Maintenance = 'clean' | 'invalidate' | 'clean+invalidate';

interface Concrete {
  readonly line: 'absent' | 'clean' | 'dirty';
  /** Meaningless while the line is absent. */
  readonly cache: readonly number[];
  readonly memory: readonly number[];
  readonly current: readonly number[];
  /** Issued, not completed. */
  readonly issued: Maintenance | 'none';
  /** The last serial number given out. */
  readonly serial: number;
  /** The last one given out under an earlier owner. */
  readonly before: number;
}

/** Something at index m was reached with m spontaneous hardware moves. */
type Layers<T> = readonly (readonly T[])[];

interface Outcome {
  readonly state: Concrete;
  readonly read?: number;
}

type Faults = ReadonlySet<Fault>;

const OLDER = 1;
const CURRENT = 2;

function initial(start: Start, bytes: number): Concrete {
  if (!Number.isInteger(bytes) || bytes < 2)
    throw new RangeError(`bytes: found ${bytes}, expected 2 or more`);
  const current = new Array<number>(bytes).fill(CURRENT);
  const base = {
    cache: current,
    memory: current,
    current,
    issued: 'none',
    serial: CURRENT,
    before: 0,
  } as const;
  switch (start) {
    case Start.written:
      return { ...base, line: 'dirty', memory: current.with(JUDGED, OLDER) };
    case Start.dontCare:
      return { ...base, line: 'dirty', memory: current.with(JUDGED + 1, OLDER) };
    case Start.memoryOnly:
      return { ...base, line: 'absent' };
  }
}

/** Everything that can have happened before the next step, each state with the fewest moves that lead to it. */
function closure(seeds: Layers<Concrete>, mode: ModeSet, faults: Faults): Layers<Concrete> {
  const waiting = seeds.map((layer) => [...layer]);
  const settled: Concrete[][] = [];
  const seen = new Set<number>();
  for (let moves = 0; moves < waiting.length; moves++) {
    const layer: Concrete[] = [];
    const queue = waiting[moves] ?? [];
    for (const state of queue) {
      const key = canonical(state);
      if (seen.has(key)) continue;
      seen.add(key);
      layer.push(state);
      queue.push(...uncounted(state, mode, faults));
      const next = hardwareMoves(state, mode, faults);
      queue.push(...next.free);
      if (next.counted.length === 0) continue;
      const later = waiting[moves + 1] ?? [];
      later.push(...next.counted);
      waiting[moves + 1] = later;
    }
    settled.push(layer);
  }
  return settled;
}

function fewestMoves<T>(layers: Layers<T>, bad: (item: T) => boolean): number {
  const moves = layers.findIndex((layer) => layer.some(bad));
  return moves < 0 ? Infinity : moves;
}

function isStale(state: Concrete, value: number): boolean {
  return state.current[JUDGED] !== ANYTHING && value !== state.current[JUDGED];
}

function isDisclosed(state: Concrete, value: number): boolean {
  return value <= state.before;
}

function lost(state: Concrete): boolean {
  const copies = state.line === 'absent' ? [state.memory] : [state.memory, state.cache];
  return copies.every((copy) => isStale(state, judged(copy)));
}

function windowReads(state: Concrete, mode: ModeSet, faults: Faults): number[] {
  const seen: number[] = [];
  if (mode & Mode.deviceReads) seen.push(judged(state.memory));
  if (mode & Mode.snoopReads) seen.push(judged(snoopedCopy(state, faults)));
  return seen;
}

function judged(copy: readonly number[]): number {
  const value = copy[JUDGED];
  if (value === undefined) throw new Error('line without a judged byte');
  return value;
}

/**
 * Equal for states that differ only in the names of their serial numbers: which of cache, memory and current
 * agree, byte by byte. Old values never come back other than by copying, so nothing else of them matters.
 */
function canonical(state: Concrete): number {
  let key = LINES.indexOf(state.line) * ISSUED.length + ISSUED.indexOf(state.issued);
  const present = state.line !== 'absent';
  for (const [byte, current] of state.current.entries()) {
    const memory = state.memory[byte];
    const cache = present ? state.cache[byte] : memory;
    const agreement = (memory === current ? 4 : 0) + (cache === current ? 2 : 0) + (cache === memory ? 1 : 0);
    key = key * 9 + (current === ANYTHING ? 8 : agreement);
  }
  key = key * 2 + (isDisclosed(state, judged(state.memory)) ? 1 : 0);
  key = key * 2 + (present && isDisclosed(state, judged(state.cache)) ? 1 : 0);
  return key;
}

const LINES: readonly Concrete['line'][] = ['absent', 'clean', 'dirty'];
const ISSUED: readonly Concrete['issued'][] = ['none', 'clean', 'invalidate', 'clean+invalidate'];

// What happens by itself.

function hardwareMoves(
  state: Concrete,
  mode: ModeSet,
  faults: Faults,
): { readonly free: readonly Concrete[]; readonly counted: readonly Concrete[] } {
  const fills: Concrete[] = [];
  const writeBacks: Concrete[] = [];
  const evictions: Concrete[] = [];
  if (state.line === 'absent') {
    const allowed = !(mode & Mode.noFills) || faults.has('no-fills-ignored');
    if (allowed && !faults.has('no-speculative-fill')) fills.push(speculated(state, faults));
  } else if (state.line === 'clean' || !faults.has('dirty-line-stays')) {
    if (state.line === 'dirty') writeBacks.push(writtenBack(state));
    evictions.push(dropped(faults.has('evict-drops-dirty') ? state : writtenBack(state)));
  }
  const free: Concrete[] = [];
  const counted = [...evictions];
  (faults.has('fill-not-counted') ? free : counted).push(...fills);
  (faults.has('write-back-not-counted') ? free : counted).push(...writeBacks);
  return { free, counted };
}

function speculated(state: Concrete, faults: Faults): Concrete {
  return faults.has('fill-makes-dirty') ? { ...filled(state), line: 'dirty' } : filled(state);
}

/** Issued maintenance taking effect, and what the mode allows. */
function uncounted(state: Concrete, mode: ModeSet, faults: Faults): Concrete[] {
  const next: Concrete[] = [];
  if (state.issued !== 'none' && !faults.has('issued-waits-for-barrier'))
    next.push(...completed(state, faults));
  if (mode & Mode.deviceWrites && !faults.has('device-mode-does-nothing'))
    next.push(deviceStore(state, faults));
  if (mode & Mode.snoopWrites) next.push(snoopedStore(state, faults));
  if (mode & Mode.neighbourWrites && !faults.has('neighbour-mode-does-nothing')) {
    const before = faults.has('neighbour-mode-completes-issued') ? completed(state, faults) : [state];
    next.push(...before.flatMap((ready) => neighbourStores(ready, faults)));
  }
  return next;
}

// Operations. More than one outcome where the architecture leaves a choice.

function execute(operation: Operation, state: Concrete, faults: Faults): Outcome[] {
  switch (AS_CPU_0[operation] ?? operation) {
    case Operation.cpuRead:
      return beforeCacheable(state, faults).map((ready) => {
        const line = requested(ready);
        return withRead(faults.has('cpu-read-does-not-fill') ? ready : line, line.cache);
      });
    case Operation.cpuWrite:
      return silent(beforeCacheable(state, faults).map((ready) => cachedStore(ready, JUDGED)));
    case Operation.cpuWriteNeighbour:
      return silent(beforeCacheable(state, faults).flatMap((ready) => neighbourStores(ready, faults)));
    case Operation.cpuReadUncached:
      return beforeUncached(state, faults).map((ready) => {
        const hit = faults.has('uncached-read-hits-cache') && ready.line !== 'absent';
        return withRead(ready, hit ? ready.cache : ready.memory);
      });
    case Operation.cpuWriteUncached:
      return silent(
        beforeUncached(state, faults).map((ready) => {
          const stored = memoryStore(ready, JUDGED);
          return faults.has('uncached-write-updates-cache') ? cacheUpdated(stored) : stored;
        }),
      );
    case Operation.deviceRead:
      return [withRead(state, state.memory)];
    case Operation.deviceWrite:
      return silent([deviceStore(state, faults)]);
    case Operation.snoopRead:
      return [withRead(state, snoopedCopy(state, faults))];
    case Operation.snoopWrite:
      return silent([snoopedStore(state, faults)]);
    case Operation.snoopWriteNeighbour: {
      const line = snooped(state, faults);
      return silent(neighbours(state).map((byte) => memoryStore(line, byte)));
    }
    case Operation.clean:
      return silent(maintained(state, 'clean', faults));
    case Operation.invalidate:
      return silent(maintained(state, 'invalidate', faults));
    case Operation.cleanInvalidate:
      return silent(maintained(state, 'clean+invalidate', faults));
    case Operation.issueClean:
      return silent(issue(state, 'clean', faults));
    case Operation.issueInvalidate:
      return silent(issue(state, 'invalidate', faults));
    case Operation.issueCleanInvalidate:
      return silent(issue(state, 'clean+invalidate', faults));
    case Operation.barrier:
      return silent(faults.has('barrier-does-nothing') ? [state] : completed(state, faults));
    case Operation.cpuWriteUndefined:
      return silent(beforeCacheable(state, faults).map((ready) => undefinedStore(ready, faults)));
    case Operation.newOwner:
      return silent([faults.has('new-owner-changes-nothing') ? state : handedOver(state)]);
    default:
      // Another line, or a cache that is not there.
      return silent([state]);
  }
}

/** One cache for all CPUs: none is told from another, and nothing is local. */
const AS_CPU_0: Partial<Record<Operation, Operation>> = {};
for (const [name, operation] of Object.entries(Operation)) {
  const words = name.replace(/^cpu1/, '').replace('Local', '').replace('local', '');
  const plain = words.charAt(0).toLowerCase() + words.slice(1);
  const base = Object.entries(Operation).find(([other]) => other === plain || other === `cpu${words}`);
  if (plain !== name && base) AS_CPU_0[operation] = base[1];
}

function withRead(state: Concrete, copy: readonly number[]): Outcome {
  return { state, read: judged(copy) };
}

function silent(states: readonly Concrete[]): Outcome[] {
  return states.map((state) => ({ state }));
}

function beforeCacheable(state: Concrete, faults: Faults): Concrete[] {
  return faults.has('cpu-access-leaves-issued') ? [state] : completed(state, faults);
}

function beforeUncached(state: Concrete, faults: Faults): Concrete[] {
  return faults.has('uncached-access-completes-issued') ? completed(state, faults) : [state];
}

function neighbourStores(state: Concrete, faults: Faults): Concrete[] {
  return neighbours(state).map((byte) => {
    const stored = cachedStore(state, byte);
    return faults.has('neighbour-store-leaves-line-clean')
      ? { ...stored, line: requested(state).line }
      : stored;
  });
}

function deviceStore(state: Concrete, faults: Faults): Concrete {
  const stored = memoryStore(state, JUDGED);
  return faults.has('device-write-updates-cache') ? cacheUpdated(stored) : stored;
}

function snoopedCopy(state: Concrete, faults: Faults): readonly number[] {
  return state.line === 'absent' || faults.has('snoop-read-misses-cache') ? state.memory : state.cache;
}

function snoopedStore(state: Concrete, faults: Faults): Concrete {
  return memoryStore(snooped(state, faults), JUDGED);
}

function undefinedStore(state: Concrete, faults: Faults): Concrete {
  const stored = cachedStore(state, JUDGED);
  if (faults.has('undefined-store-is-current')) return stored;
  return { ...stored, current: stored.current.with(JUDGED, ANYTHING) };
}

function handedOver(state: Concrete): Concrete {
  return { ...state, before: state.serial, current: state.current.map(() => ANYTHING) };
}

/** What an I/O-coherent write does to the line before memory is written. */
function snooped(state: Concrete, faults: Faults): Concrete {
  if (faults.has('snoop-write-leaves-line')) return state;
  return dropped(faults.has('snoop-write-drops-dirty') ? state : writtenBack(state));
}

// Maintenance.

function maintained(state: Concrete, kind: Maintenance, faults: Faults): Concrete[] {
  return beforeMaintenance(state, faults).flatMap((ready) => effects(ready, kind, faults));
}

function issue(state: Concrete, kind: Maintenance, faults: Faults): Concrete[] {
  if (faults.has('issue-completes-at-once')) return maintained(state, kind, faults);
  return beforeMaintenance(state, faults).map((ready) => ({ ...ready, issued: kind }));
}

function beforeMaintenance(state: Concrete, faults: Faults): Concrete[] {
  return faults.has('maintenance-forgets-issued') ? [{ ...state, issued: 'none' }] : completed(state, faults);
}

function completed(state: Concrete, faults: Faults): Concrete[] {
  return state.issued === 'none' ? [state] : effects({ ...state, issued: 'none' }, state.issued, faults);
}

function effects(state: Concrete, kind: Maintenance, faults: Faults): Concrete[] {
  if (state.line === 'absent') return [state];
  const kept = writtenBack(state);
  const saved = dropped(kept);
  switch (kind) {
    case 'clean':
      if (faults.has('clean-does-nothing')) return [state];
      if (faults.has('clean-always-drops-line')) return [saved];
      return faults.has('clean-leaves-line-dirty') ? [{ ...state, memory: kept.memory }] : [kept, saved];
    case 'invalidate':
      if (faults.has('invalidate-does-nothing')) return [state];
      if (faults.has('invalidate-always-writes-back')) return [saved];
      if (faults.has('invalidate-never-writes-back')) return [dropped(state)];
      return [dropped(state), saved];
    case 'clean+invalidate':
      return [faults.has('clean-invalidate-keeps-line') ? kept : saved];
  }
}

// The line and its bytes.

function filled(state: Concrete): Concrete {
  return { ...state, line: 'clean', cache: state.memory };
}

/** The line, loaded if it was absent: a CPU asks for it, whether or not speculation may. */
function requested(state: Concrete): Concrete {
  return state.line === 'absent' ? filled(state) : state;
}

function writtenBack(state: Concrete): Concrete {
  return state.line === 'dirty' ? { ...state, line: 'clean', memory: state.cache } : state;
}

function dropped(state: Concrete): Concrete {
  return { ...state, line: 'absent' };
}

function cachedStore(state: Concrete, byte: number): Concrete {
  const line = requested(state);
  const serial = state.serial + 1;
  return {
    ...line,
    line: 'dirty',
    cache: line.cache.with(byte, serial),
    current: line.current.with(byte, serial),
    serial,
  };
}

function memoryStore(state: Concrete, byte: number): Concrete {
  const serial = state.serial + 1;
  return {
    ...state,
    memory: state.memory.with(byte, serial),
    current: state.current.with(byte, serial),
    serial,
  };
}

function cacheUpdated(state: Concrete): Concrete {
  return { ...state, cache: state.cache.with(JUDGED, state.serial) };
}

function neighbours(state: Concrete): number[] {
  return [...state.current.keys()].filter((byte) => byte !== JUDGED);
}
