/** The oracle for one merged cache: a whole line, and memory. */
import { Mode, type ModeSet, type Operation, Start } from './operations.ts';
import { decode, type Maintenance } from './oracle/decode.ts';
import { everyExecution, type Hardware, type Outcome, type Step, type Verdict } from './oracle/search.ts';
import {
  type Bytes,
  handedOver,
  initialBytes,
  JUDGED,
  newValue,
  relations,
  undefinedOnce,
  type Values,
} from './oracle/values.ts';

export type { Step, Verdict };

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

/** The verdict after each step, over all executions from `start`. */
export function bruteForce(start: Start, steps: readonly Step[], options: Options = {}): Verdict[] {
  const faults = options.faults ?? new Set<Fault>();
  return everyExecution(oneCache(options.bytes ?? 3, faults), start, steps, options.mode);
}

interface Concrete extends Values {
  readonly line: 'absent' | 'clean' | 'dirty';
  /** Meaningless while the line is absent. */
  readonly cache: Bytes;
  readonly memory: Bytes;
  /** Issued, not completed. */
  readonly issued: Maintenance | 'none';
}

type Faults = ReadonlySet<Fault>;

function oneCache(bytes: number, faults: Faults): Hardware<Concrete> {
  return {
    initial: (start) => [initial(start, bytes)],
    execute: (operation, state) => execute(operation, state, faults),
    moves: (state, mode) => hardwareMoves(state, mode, faults).counted,
    uncounted: (state, mode) => [
      ...uncounted(state, mode, faults),
      ...hardwareMoves(state, mode, faults).free,
    ],
    copies: (state) => (state.line === 'absent' ? [state.memory] : [state.memory, state.cache]),
    key: (state) =>
      `${state.line} ${state.issued} ${relations(state, [state.line === 'absent' ? undefined : state.cache, state.memory], bytes)}`,
  };
}

function initial(start: Start, bytes: number): Concrete {
  const { values, current, older } = initialBytes(bytes);
  const base = { ...values, cache: current, memory: current, issued: 'none' } as const;
  switch (start) {
    case Start.written:
      return { ...base, line: 'dirty', memory: older };
    case Start.dontCare:
      return { ...base, line: 'dirty', memory: current.with(JUDGED + 1, older[JUDGED] ?? 0) };
    case Start.memoryOnly:
      return { ...base, line: 'absent' };
  }
}

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
  if (mode & Mode.snoopNeighbourWrites)
    next.push(...neighbours(state).map((byte) => memoryStore(snooped(state, faults), byte)));
  if (mode & Mode.neighbourWrites && !faults.has('neighbour-mode-does-nothing')) {
    const before = faults.has('neighbour-mode-completes-issued') ? completed(state, faults) : [state];
    next.push(...before.flatMap((ready) => neighbourStores(ready, faults)));
  }
  return next;
}

// Operations. More than one outcome where the architecture leaves a choice.

function execute(operation: Operation, state: Concrete, faults: Faults): Outcome<Concrete>[] {
  const act = decode(operation);
  switch (act.what) {
    case 'load':
      return beforeCacheable(state, faults).map((ready) => {
        const line = requested(ready);
        return { state: faults.has('cpu-read-does-not-fill') ? ready : line, read: line.cache };
      });
    case 'store':
      return silent(beforeCacheable(state, faults).map((ready) => cachedStore(ready, JUDGED)));
    case 'store neighbour':
      return silent(beforeCacheable(state, faults).flatMap((ready) => neighbourStores(ready, faults)));
    case 'store undefined':
      return silent(
        beforeCacheable(state, faults).map((ready) => withoutValue(cachedStore(ready, JUDGED), faults)),
      );
    case 'load uncached':
      return beforeUncached(state, faults).map((ready) => {
        const hit = faults.has('uncached-read-hits-cache') && ready.line !== 'absent';
        return { state: ready, read: hit ? ready.cache : ready.memory };
      });
    case 'store uncached':
      return silent(uncachedStores(state, faults));
    case 'store uncached undefined':
      return silent(uncachedStores(state, faults).map((after) => withoutValue(after, faults)));
    case 'device reads':
      return [{ state, read: state.memory }];
    case 'device writes':
      return silent([deviceStore(state, faults)]);
    case 'snoop reads':
      return [{ state, read: snoopedCopy(state, faults) }];
    case 'snoop writes':
      return silent([snoopedStore(state, faults)]);
    case 'snoop writes neighbour': {
      const line = snooped(state, faults);
      return silent(neighbours(state).map((byte) => memoryStore(line, byte)));
    }
    case 'maintain':
      if (act.elsewhere) return silent([state]);
      return silent([
        ...(act.one ? completed(state, faults) : []),
        ...(act.issued ? issue : maintained)(state, act.kind, faults),
      ]);
    case 'barrier':
      return silent(faults.has('barrier-does-nothing') ? [state] : completed(state, faults));
    case 'new owner':
      return silent([faults.has('new-owner-changes-nothing') ? state : { ...state, ...handedOver(state) }]);
    case 'load elsewhere':
    case 'store elsewhere':
    case 'snoop writes elsewhere':
    case 'maintain outer':
      return silent([state]);
  }
}

function silent(states: readonly Concrete[]): Outcome<Concrete>[] {
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

function snoopedCopy(state: Concrete, faults: Faults): Bytes {
  return state.line === 'absent' || faults.has('snoop-read-misses-cache') ? state.memory : state.cache;
}

function snoopedStore(state: Concrete, faults: Faults): Concrete {
  return memoryStore(snooped(state, faults), JUDGED);
}

function uncachedStores(state: Concrete, faults: Faults): Concrete[] {
  return beforeUncached(state, faults).map((ready) => {
    const stored = memoryStore(ready, JUDGED);
    return faults.has('uncached-write-updates-cache') ? cacheUpdated(stored) : stored;
  });
}

function withoutValue(after: Concrete, faults: Faults): Concrete {
  return faults.has('undefined-store-is-current') ? after : undefinedOnce(after);
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
  const value = newValue(state, byte);
  return { ...line, ...value, line: 'dirty', cache: line.cache.with(byte, value.serial) };
}

function memoryStore(state: Concrete, byte: number): Concrete {
  const value = newValue(state, byte);
  return { ...state, ...value, memory: state.memory.with(byte, value.serial) };
}

function cacheUpdated(state: Concrete): Concrete {
  return { ...state, cache: state.cache.with(JUDGED, state.serial) };
}

function neighbours(state: Concrete): number[] {
  return [...state.current.keys()].filter((byte) => byte !== JUDGED);
}
