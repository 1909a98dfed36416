/**
 * One merged cache whose lines have two sizes, as cores of two kinds have: a big line is two small ones. One of these
 * is the byte's own; the other is called "elsewhere".
 *
 * - A core's access brings the line into its own kind of line. Dirty data that is asked for passes on, or is written
 *   back; what a big line holds besides the small one asked for is written back.
 * - A big line is written back whole: a store elsewhere in it overwrites this byte in memory, too (CTR_EL0.CWG: what an
 *   eviction can overwrite around a modified location). But a line is dirty only where it holds something modified.
 * - An operation on the byte's small line reaches the line that the byte is in; one aimed elsewhere reaches the byte
 *   only in a big line. Maintenance of the two keeps no order with each other (Arm ARM D7.5.9: lines of minimum size).
 */
import { buildModel, type Caches, type Change, type Move } from '../caches.ts';
import { describeCached, describeMemory, FLAGS } from '../copies.ts';
import type { Discipline, Unwritten } from '../disciplines.ts';
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
  /** Line that the byte's copy is in. */
  readonly size: 'none' | 'small' | 'big';
  /** The copy's flag; false where there is none. */
  readonly flag: boolean;
  /** The byte's own small line, or that half of the big one, holds what memory has not got. */
  readonly modified: boolean;
  /** The same of the other half: of its small line, or of the big one. */
  readonly modifiedElsewhere: boolean;
  readonly memory: boolean;
}
export interface MixedState extends MixedCopies {
  /** What is issued for the byte's own small line, and elsewhere. */
  readonly issued: readonly string[];
}
type Copies = MixedCopies;

const SIZES = ['none', 'small', 'big'] as const;
const ALL: readonly Copies[] = SIZES.flatMap((size) =>
  (size === 'none' ? [false] : FLAGS).flatMap((flag) =>
    (size === 'none' ? [false] : FLAGS).flatMap((modified) =>
      FLAGS.flatMap((modifiedElsewhere) =>
        FLAGS.map((memory) => ({ size, flag, modified, modifiedElsewhere, memory })),
      ),
    ),
  ),
);
const OWN = 0;
const ELSEWHERE = 1;

const isBig = ({ size }: Copies): boolean => size === 'big';
const isDirty = (s: Copies): boolean => s.modified || (isBig(s) && s.modifiedElsewhere);
const seen = (s: Copies): boolean => (s.size === 'none' ? s.memory : s.flag);

/** The line that the byte is in is clean. */
const writtenBack = (s: Copies): Copies =>
  isDirty(s)
    ? { ...s, memory: s.flag, modified: false, modifiedElsewhere: !isBig(s) && s.modifiedElsewhere }
    : s;
/** The line that the byte is in goes. */
const dropped = (s: Copies): Copies => ({
  ...s,
  size: 'none',
  flag: false,
  modified: false,
  modifiedElsewhere: !isBig(s) && s.modifiedElsewhere,
});
const gone = (s: Copies): Copies => dropped(writtenBack(s));

/** A core with small lines asks for the byte. */
function inSmall(s: Copies): Copies[] {
  if (s.size === 'none') return [{ ...s, size: 'small', flag: s.memory }];
  if (!isBig(s)) return [s];
  return [s, writtenBack(s)].map((t) => ({ ...t, size: 'small', modifiedElsewhere: false }));
}
/** A core with small lines asks for the other small line. */
const inSmallElsewhere = (s: Copies): Copies[] =>
  isBig(s) ? [gone(s), { ...gone(s), modifiedElsewhere: s.modifiedElsewhere }] : [s];
/** A core with big lines asks for any byte of the granule. */
function inBig(s: Copies): Copies[] {
  if (isBig(s)) return [s];
  return [s, writtenBack(s)]
    .flatMap((t) => [t, { ...t, modifiedElsewhere: false }])
    .map((t) => ({ ...t, size: 'big', flag: seen(t) }));
}

const requested = (s: Copies): Copies[] => [...inSmall(s), ...inBig(s)];
const requestedElsewhere = (s: Copies): Copies[] => [...inSmallElsewhere(s), ...inBig(s)];
const neighbourStored = (s: Copies): Copies[] => requested(s).map((t) => ({ ...t, modified: true }));
const storedElsewhere = (s: Copies): Copies[] =>
  requestedElsewhere(s).map((t) => ({ ...t, modifiedElsewhere: true }));

const MAINTENANCE: Record<Kind, (s: Copies) => Copies[]> = {
  clean: (s) => [writtenBack(s), gone(s)],
  invalidate: (s) => [dropped(s), gone(s)],
  cleanInvalidate: (s) => [gone(s)],
};
/** Maintenance of the other small line, or of the big one by an address there. */
const elsewhere =
  (kind: Kind): Change<Copies> =>
  (s) =>
    isBig(s) ? MAINTENANCE[kind](s) : [{ ...s, modifiedElsewhere: false }];
const MAINTENANCE_ELSEWHERE: Record<Kind, Change<Copies>> = {
  clean: elsewhere('clean'),
  invalidate: elsewhere('invalidate'),
  cleanInvalidate: elsewhere('cleanInvalidate'),
};
const effectElsewhere = (kind: Kind) => `${kind} elsewhere`;

function moves(s: Copies, mayFill: boolean): Move<Copies>[] {
  const asked = mayFill ? [...requested(s), ...requestedElsewhere(s)] : [];
  return [
    ...asked.map((to) => ({ name: 'fill', at: 'cache', to }) as const),
    { name: 'writeBack', at: 'cache', to: writtenBack(s) },
    { name: 'evict', at: 'cache', to: gone(s) },
  ];
}

function note({ size, modifiedElsewhere }: Copies): string | undefined {
  if (size === 'big') return 'in a big line';
  return modifiedElsewhere ? 'the other small line is dirty' : undefined;
}

export function mixedCaches(discipline: Discipline): Caches<Copies, MixedState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const flagged = (s: Copies, memory: boolean, flag: boolean): Copies => ({
    ...s,
    memory,
    flag: s.size !== 'none' && flag,
  });
  const memoryWritten = (s: Copies, rest: Unwritten) => flagged(s, true, rest(s.flag));
  const stored = (rest: Unwritten) => (s: Copies) =>
    neighbourStored(s).map((t) => flagged(t, rest(t.memory), true));
  return {
    name: 'mixed',
    discipline,
    copies: ALL,
    key: ({ size, flag, modified, modifiedElsewhere, memory }) =>
      `${size} ${flag} ${modified} ${modifiedElsewhere} ${memory}`,
    start: (start) => {
      if (start === Start.memoryOnly)
        return [{ size: 'none', flag: false, modified: false, modifiedElsewhere: false, memory: true }];
      const memory = start === Start.dontCare || older;
      return (['small', 'big'] as const).flatMap((size) =>
        FLAGS.map((modifiedElsewhere) => ({ size, flag: true, modified: true, modifiedElsewhere, memory })),
      );
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
          sees: (s) => [seen(s)],
          store: stored(unwritten),
          storeUndefined: stored(unwrittenUndefined),
          storeNeighbour: neighbourStored,
        }),
        ...maintenanceRows(OWN, MAINTENANCE),
        ...barrierRow([OWN, ELSEWHERE]),
      }),
      ...elsewhereRows(ELSEWHERE, {
        load: requestedElsewhere,
        store: storedElsewhere,
        snoopStore: (s) => MAINTENANCE_ELSEWHERE.cleanInvalidate(s),
        maintenance: maintenanceRows(ELSEWHERE, MAINTENANCE_ELSEWHERE, effectElsewhere),
      }),
      ...otherRows<Copies>(discipline, {
        memory: ({ memory }) => memory,
        memoryWritten: (rest) => (s) => [memoryWritten(s, rest)],
        snoopSees: (s) => [seen(s)],
        snoopStore: (s) => [memoryWritten(gone(s), unwritten)],
        snoopStoreNeighbour: (s) => [gone(s)],
        newOwner: (s) => flagged(s, afterNewOwner, afterNewOwner),
      }),
    }),
    moves,
    flags: ({ flag, memory }) => [flag, memory],
    describe: (s) => [
      describeCached(
        discipline,
        'cache',
        { line: s.size === 'none' ? 'absent' : isDirty(s) ? 'dirty' : 'clean', flag: s.flag },
        note(s),
      ),
      describeMemory(discipline, s.memory),
    ],
    view: (copies, issued) => ({ ...copies, issued }),
  };
}

export const mixedModel = (discipline: Discipline): ByteModel<MixedState> =>
  buildModel(mixedCaches(discipline));
