/**
 * One merged cache whose lines have two sizes, as cores of two kinds have: a big line is two small ones. One of these
 * is the byte's own; the other is called "elsewhere".
 *
 * - A core's access brings the line into its own kind of line. Moving between kinds, dirty data either passes on (and the
 *   line is dirty where it arrives) or is written back.
 * - To make room for a big line both small ones come; a big line, when a small one of it is asked for, gives that one
 *   and is written back for the rest.
 * - A line of either kind is dirty as a whole. So a dirty small line elsewhere can drag this byte into a dirty big one.
 * - An operation on the byte's small line reaches the line that the byte is in; one aimed elsewhere reaches the byte
 *   only in a big line. Maintenance of the two keeps no order with each other (Arm ARM D7.5.9: lines of minimum size).
 */
import { buildModel, type Caches, type Change, type Move } from '../caches.ts';
import {
  ABSENT,
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
import type { Discipline } from '../disciplines.ts';
import type { ByteModel } from '../model.ts';
import { Start } from '../operations.ts';
import {
  accessRows,
  barrierRow,
  completeTable,
  elsewhereRows,
  KINDS,
  type Kind,
  maintenanceRows,
  mergedCpus,
  otherRows,
} from '../rows.ts';

export interface MixedCopies {
  readonly copy: Cached;
  /** The copy is in a big line; false where there is none. */
  readonly big: boolean;
  /** The other small line is in the cache by itself, and dirty. */
  readonly dirtyElsewhere: boolean;
  readonly memory: boolean;
}
export interface MixedState extends MixedCopies {
  /** What is issued for the byte's own small line, and elsewhere. */
  readonly issued: readonly string[];
}
type Copies = MixedCopies;

const PRESENT: readonly Cached[] = FLAGS.flatMap((flag) => [clean(flag), dirty(flag)]);
const ALL: readonly Copies[] = FLAGS.flatMap((memory) => [
  ...FLAGS.flatMap((dirtyElsewhere) =>
    [ABSENT, ...PRESENT].map((copy) => ({ copy, big: false, dirtyElsewhere, memory })),
  ),
  ...PRESENT.map((copy) => ({ copy, big: true, dirtyElsewhere: false, memory })),
]);
const OWN = 0;
const ELSEWHERE = 1;

const writtenBack = (s: Copies): Copies =>
  isDirty(s.copy) ? { ...s, copy: clean(s.copy.flag), memory: s.copy.flag } : s;
/** The line that the byte is in goes; whether the other small line is dirty does not change. */
const dropped = (s: Copies): Copies => ({ ...s, copy: ABSENT, big: false });
const gone = (s: Copies): Copies => dropped(writtenBack(s));
const dirtied = (s: Copies): Copies => ({ ...s, copy: dirty(s.copy.flag) });

/** A core with small lines asks for the byte. */
function inSmall(s: Copies): Copies[] {
  if (!isPresent(s.copy)) return [{ ...s, copy: clean(s.memory) }];
  return [s, writtenBack(s)].map((t) => ({ ...t, big: false }));
}
/** A core with big lines asks for any byte of the granule. */
function inBig(s: Copies): Copies[] {
  if (s.big) return [s];
  const whole = { ...s, copy: isPresent(s.copy) ? s.copy : clean(s.memory), big: true };
  return [whole, writtenBack(whole)].flatMap((t) => {
    const alone = { ...t, dirtyElsewhere: false };
    return s.dirtyElsewhere ? [alone, dirtied(alone)] : [alone];
  });
}
/** A core with small lines asks for the other small line: a big one is written back and gone, its dirty data there passes or not. */
const splitElsewhere = (s: Copies): Copies[] =>
  s.big ? [gone(s), { ...gone(s), dirtyElsewhere: isDirty(s.copy) }] : [s];

/** By a core of either kind. */
const requested = (s: Copies): Copies[] => [...(s.big || !isPresent(s.copy) ? inSmall(s) : [s]), ...inBig(s)];
const requestedElsewhere = (s: Copies): Copies[] => [...splitElsewhere(s), ...inBig(s)];
const storedElsewhere = (s: Copies): Copies[] => [
  ...splitElsewhere(s).map((t) => ({ ...t, dirtyElsewhere: true })),
  ...inBig(s).map(dirtied),
];

const MAINTENANCE: Record<Kind, (s: Copies) => Copies[]> = {
  clean: (s) => [writtenBack(s), gone(s)],
  invalidate: (s) => [dropped(s), gone(s)],
  cleanInvalidate: (s) => [gone(s)],
};
/** Maintenance of the other small line, or of the big one by an address there. */
const elsewhere =
  (kind: Kind): Change<Copies> =>
  (s) =>
    s.big ? MAINTENANCE[kind](s) : [{ ...s, dirtyElsewhere: false }];
const MAINTENANCE_ELSEWHERE: Record<Kind, Change<Copies>> = {
  clean: elsewhere('clean'),
  invalidate: elsewhere('invalidate'),
  cleanInvalidate: elsewhere('cleanInvalidate'),
};
const effectElsewhere = (kind: Kind) => `${kind} elsewhere`;

function moves(s: Copies, mayFill: boolean): Move<Copies>[] {
  const asked = mayFill ? [...requested(s), ...splitElsewhere(s)] : [];
  return [
    ...asked.map((to) => ({ name: 'fill', at: 'cache', to }) as const),
    { name: 'writeBack', at: 'cache', to: writtenBack(s) },
    { name: 'evict', at: 'cache', to: gone(s) },
  ];
}

export function mixedCaches(discipline: Discipline): Caches<Copies, MixedState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const memoryWritten = (s: Copies): Copies => ({
    ...s,
    copy: withFlag(s.copy, unwritten(s.copy.flag)),
    memory: true,
  });
  const stored = (rest: (flag: boolean) => boolean) => (s: Copies) =>
    requested(s).map((t) => ({ ...t, copy: dirty(true), memory: rest(t.memory) }));
  return {
    name: 'mixed',
    discipline,
    copies: ALL,
    key: ({ copy, big, dirtyElsewhere, memory }) => `${cachedKey(copy)} ${big} ${dirtyElsewhere} ${memory}`,
    start: (start) => {
      const nothing = { copy: ABSENT, big: false, dirtyElsewhere: false, memory: true };
      if (start === Start.memoryOnly) return [nothing];
      const written = { ...nothing, copy: dirty(true), memory: start === Start.dontCare || older };
      return [written, { ...written, dirtyElsewhere: true }, { ...written, big: true }];
    },
    slots: [KINDS, KINDS.map(effectElsewhere)],
    effects: {
      ...MAINTENANCE,
      ...Object.fromEntries(KINDS.map((kind) => [effectElsewhere(kind), MAINTENANCE_ELSEWHERE[kind]])),
    },
    rows: completeTable({
      ...mergedCpus({
        ...accessRows<Copies>(OWN, {
          load: requested,
          sees: (s) => [isPresent(s.copy) ? s.copy.flag : s.memory],
          store: stored(unwritten),
          storeUndefined: stored(unwrittenUndefined),
          storeNeighbour: (s) => requested(s).map(dirtied),
        }),
        ...maintenanceRows(OWN, MAINTENANCE),
        ...barrierRow([OWN, ELSEWHERE]),
      }),
      ...elsewhereRows(ELSEWHERE, {
        load: requestedElsewhere,
        store: storedElsewhere,
        snoopStore: (s) => (s.big ? [gone(s)] : [{ ...s, dirtyElsewhere: false }]),
        maintenance: maintenanceRows(ELSEWHERE, MAINTENANCE_ELSEWHERE, effectElsewhere),
      }),
      ...otherRows<Copies>({
        memory: ({ memory }) => memory,
        memoryWritten: (s) => [memoryWritten(s)],
        snoopSees: (s) => [isPresent(s.copy) ? s.copy.flag : s.memory],
        snoopStore: (s) => [memoryWritten(gone(s))],
        snoopStoreNeighbour: (s) => [gone(s)],
        newOwner: (s) => ({ ...s, copy: withFlag(s.copy, afterNewOwner), memory: afterNewOwner }),
      }),
    }),
    moves,
    flags: ({ copy, memory }) => [copy.flag, memory],
    describe: ({ copy, big, dirtyElsewhere, memory }) => [
      describeCached(
        discipline,
        'cache',
        copy,
        big ? 'in a big line' : dirtyElsewhere ? 'the other small line is dirty' : undefined,
      ),
      describeMemory(discipline, memory),
    ],
    view: (copies, issued) => ({ ...copies, issued }),
  };
}

export const mixedModel = (discipline: Discipline): ByteModel<MixedState> =>
  buildModel(mixedCaches(discipline));
