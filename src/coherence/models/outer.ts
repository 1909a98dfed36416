/**
 * One merged inner cache, and beyond it an outer cache driven by physical address (PL310), which devices that do not
 * snoop bypass.
 *
 * - Inner dirty lines are written to the outer cache; if they miss there it allocates, or memory gets them.
 * - What the inner cache loads comes through the outer one, which may allocate it or not.
 * - Neither cache includes the other. Maintenance by VA reaches the inner cache only, outer operations the outer only.
 * - A device that snoops does so where the inner caches meet (ACP), before the outer cache.
 * - An outer invalidate drops dirty data (PL310 TRM, "Invalidate Line by PA"); like every outer operation it is
 *   complete at once, and it does not wait for maintenance issued by VA.
 */
import { buildModel, type Caches, type Move } from '../caches.ts';
import {
  ABSENT,
  ALL_CACHED,
  type Cached,
  cachedKey,
  clean,
  describeCached,
  describeMemory,
  dirty,
  FLAGS,
  isDirty,
  isPresent,
  withFlag,
} from '../copies.ts';
import type { Discipline, Unwritten } from '../disciplines.ts';
import type { ByteModel } from '../model.ts';
import { Start } from '../operations.ts';
import {
  accessRows,
  barrierRow,
  completeTable,
  KINDS,
  maintenanceRows,
  mergedCpus,
  otherRows,
  outerRows,
} from '../rows.ts';
import type { Issued } from '../state.ts';

export interface OuterCopies {
  readonly inner: Cached;
  readonly outer: Cached;
  readonly memory: boolean;
}
export interface OuterState extends OuterCopies {
  readonly issued: Issued;
}
type Copies = OuterCopies;

const ALL: readonly Copies[] = ALL_CACHED.flatMap((inner) =>
  ALL_CACHED.flatMap((outer) => FLAGS.map((memory) => ({ inner, outer, memory }))),
);
const SLOT = 0;

/** What is found past the inner cache. */
const below = ({ outer, memory }: Copies): boolean => (isPresent(outer) ? outer.flag : memory);
const seen = (s: Copies): boolean => (isPresent(s.inner) ? s.inner.flag : below(s));
const outerFilled = (s: Copies): Copies => (isPresent(s.outer) ? s : { ...s, outer: clean(s.memory) });
/** The line comes to the inner cache if it is not there; the outer one allocates it on the way, or not. */
const requested = (s: Copies): Copies[] =>
  isPresent(s.inner) ? [s] : [s, outerFilled(s)].map((t) => ({ ...t, inner: clean(below(t)) }));
const dirtied = (s: Copies): Copies => ({ ...s, inner: dirty(s.inner.flag) });

/** The inner cache's data goes where the outer one has or puts the line, or past it. */
const passedDown = (s: Copies): Copies[] => {
  const { flag } = s.inner;
  const taken = { ...s, outer: dirty(flag) };
  return isPresent(s.outer) ? [taken] : [taken, { ...s, memory: flag }];
};
const writtenBack = (s: Copies): Copies[] =>
  isDirty(s.inner) ? passedDown(s).map((t) => ({ ...t, inner: clean(s.inner.flag) })) : [s];
const dropped = (s: Copies): Copies => ({ ...s, inner: ABSENT });
const gone = (s: Copies): Copies[] => writtenBack(s).map(dropped);
const outerWrittenBack = (s: Copies): Copies =>
  isDirty(s.outer) ? { ...s, outer: clean(s.outer.flag), memory: s.outer.flag } : s;
const outerDropped = (s: Copies): Copies => ({ ...s, outer: ABSENT });

const MAINTENANCE = {
  clean: (s: Copies) => writtenBack(s).flatMap((t) => [t, dropped(t)]),
  invalidate: (s: Copies) => [dropped(s), ...gone(s)],
  cleanInvalidate: gone,
};
const OUTER_MAINTENANCE = {
  clean: (s: Copies) => [outerWrittenBack(s), outerDropped(outerWrittenBack(s))],
  invalidate: (s: Copies) => [outerDropped(s)],
  cleanInvalidate: (s: Copies) => [outerDropped(outerWrittenBack(s))],
};

/** A snooping device's store: the inner line goes first, then the outer cache takes the store, or memory does. */
function storedBelow(s: Copies, inOuter: (t: Copies) => Copies, inMemory: (t: Copies) => Copies): Copies[] {
  return gone(s).flatMap((t) => (isPresent(t.outer) ? [inOuter(t)] : [inOuter(outerFilled(t)), inMemory(t)]));
}

function moves(s: Copies, mayFill: boolean): Move<Copies>[] {
  const found: Move<Copies>[] = [];
  const move = (at: string, name: Move<Copies>['name'], states: readonly Copies[]) => {
    for (const to of states) found.push({ name, at, to });
  };
  if (mayFill) {
    move('cache', 'fill', requested(s));
    move('outer cache', 'fill', [outerFilled(s)]);
  }
  move('cache', 'writeBack', writtenBack(s));
  move('cache', 'evict', gone(s));
  move('outer cache', 'writeBack', [outerWrittenBack(s)]);
  move('outer cache', 'evict', [outerDropped(outerWrittenBack(s))]);
  return found;
}

export function outerCaches(discipline: Discipline): Caches<Copies, OuterState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const memoryWritten = ({ inner, outer }: Copies, rest: Unwritten): Copies => ({
    inner: withFlag(inner, rest(inner.flag)),
    outer: withFlag(outer, rest(outer.flag)),
    memory: true,
  });
  const outerWritten = ({ inner, memory }: Copies): Copies => ({
    inner,
    outer: dirty(true),
    memory: unwritten(memory),
  });
  const stored = (rest: Unwritten) => (s: Copies) =>
    requested(s).map(({ outer, memory }) => ({
      inner: dirty(true),
      outer: withFlag(outer, rest(outer.flag)),
      memory: rest(memory),
    }));
  return {
    name: 'outer',
    discipline,
    copies: ALL,
    key: ({ inner, outer, memory }) => `${cachedKey(inner)} ${cachedKey(outer)} ${memory}`,
    start: (start) => {
      if (start === Start.memoryOnly) return [{ inner: ABSENT, outer: ABSENT, memory: true }];
      const flag = start === Start.dontCare || older;
      return [ABSENT, dirty(flag)].map((outer) => ({ inner: dirty(true), outer, memory: flag }));
    },
    slots: [KINDS],
    effects: MAINTENANCE,
    rows: completeTable({
      ...mergedCpus({
        ...accessRows<Copies>(SLOT, {
          load: requested,
          sees: (s) => [seen(s)],
          store: stored(unwritten),
          storeUndefined: stored(unwrittenUndefined),
          storeNeighbour: (s) => requested(s).map(dirtied),
        }),
        ...maintenanceRows(SLOT, MAINTENANCE),
        ...barrierRow([SLOT]),
      }),
      ...otherRows<Copies>(discipline, {
        memory: ({ memory }) => memory,
        memoryWritten: (rest) => (s) => [memoryWritten(s, rest)],
        snoopSees: (s) => [seen(s)],
        snoopStore: (s) => storedBelow(s, outerWritten, (t) => memoryWritten(t, unwritten)),
        snoopStoreNeighbour: (s) =>
          storedBelow(
            s,
            (t) => ({ ...t, outer: dirty(t.outer.flag) }),
            (t) => t,
          ),
        newOwner: ({ inner, outer }) => ({
          inner: withFlag(inner, afterNewOwner),
          outer: withFlag(outer, afterNewOwner),
          memory: afterNewOwner,
        }),
      }),
      ...outerRows(OUTER_MAINTENANCE),
    }),
    moves,
    flags: ({ inner, outer, memory }) => [inner.flag, outer.flag, memory],
    describe: ({ inner, outer, memory }) => [
      describeCached(discipline, 'cache', inner),
      describeCached(discipline, 'outer cache', outer),
      describeMemory(discipline, memory),
    ],
    view: (copies, [issued]) => ({ ...copies, issued: issued as Issued }),
  };
}

export const outerModel = (discipline: Discipline): ByteModel<OuterState> =>
  buildModel(outerCaches(discipline));
