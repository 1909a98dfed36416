/**
 * Two CPUs with a cache each, coherent with each other, and maintenance that may be local to one of them.
 *
 * - One of them at most has the line dirty. The other may have a clean copy of the same data beside it.
 * - Who has no copy gets a dirty one's data: that line stays dirty beside the new copy, or is written back, or the
 *   new copy becomes the dirty one. A clean copy elsewhere may answer, or memory may; so two clean copies can differ
 *   (after a device's write).
 * - Who stores takes the line away from the other, with its data.
 * - Broadcast maintenance reaches both caches, local maintenance the executing CPU's own. Each CPU has its own program
 *   order and its own barrier.
 */
import { buildModel, type Caches, type Change, type Move } from '../caches.ts';
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
  type Kind,
  localOnly,
  maintenanceRows,
  onCpu1,
  otherRows,
} from '../rows.ts';

type Cpu = 0 | 1;
const CPUS: readonly Cpu[] = [0, 1];

export interface TwoCpusCopies {
  readonly caches: readonly [Cached, Cached];
  readonly memory: boolean;
}
export interface TwoCpusState extends TwoCpusCopies {
  /** What each CPU has issued: "none", a kind of maintenance, or "local" and a kind. */
  readonly issued: readonly string[];
}
type Copies = TwoCpusCopies;

/** A dirty line has no other dirty one beside it, and a clean one only with the same data. */
const agree = (a: Cached, b: Cached): boolean =>
  !isDirty(a) || !isPresent(b) || (!isDirty(b) && a.flag === b.flag);
const ALL: readonly Copies[] = ALL_CACHED.flatMap((a) =>
  ALL_CACHED.filter((b) => agree(a, b) && agree(b, a)).flatMap((b) =>
    FLAGS.map((memory) => ({ caches: [a, b] as const, memory })),
  ),
);

const otherThan = (cpu: Cpu): Cpu => (cpu === 0 ? 1 : 0);
const put = (s: Copies, cpu: Cpu, copy: Cached): Copies => ({
  ...s,
  caches: cpu === 0 ? [copy, s.caches[1]] : [s.caches[0], copy],
});
const writtenBack = (s: Copies, cpu: Cpu): Copies => {
  const own = s.caches[cpu];
  return isDirty(own) ? { ...put(s, cpu, clean(own.flag)), memory: own.flag } : s;
};
const dropped = (s: Copies, cpu: Cpu): Copies => put(s, cpu, ABSENT);
const gone = (s: Copies, cpu: Cpu): Copies => dropped(writtenBack(s, cpu), cpu);

/** The CPU has the line, to read it. */
function requested(s: Copies, cpu: Cpu): Copies[] {
  if (isPresent(s.caches[cpu])) return [s];
  const other = s.caches[otherThan(cpu)];
  const copied = put(s, cpu, clean(other.flag));
  if (isDirty(other))
    return [
      copied,
      writtenBack(copied, otherThan(cpu)),
      put(put(s, cpu, dirty(other.flag)), otherThan(cpu), clean(other.flag)),
    ];
  const loaded = put(s, cpu, clean(s.memory));
  return isPresent(other) ? [copied, loaded] : [loaded];
}
/** The CPU has the line, and nobody else has, to store to it. */
const owned = (s: Copies, cpu: Cpu): Copies[] =>
  requested(s, cpu).map((t) => put(dropped(t, otherThan(cpu)), cpu, dirty(t.caches[cpu].flag)));

/** What a snooping device may be answered: a dirty copy, else any there is. */
function snooped({ caches, memory }: Copies): boolean[] {
  const present = caches.filter(isPresent);
  const answer = present.find(isDirty);
  return answer ? [answer.flag] : [...present.map(({ flag }) => flag), memory];
}

const LOCAL: Readonly<Record<Kind, (s: Copies, cpu: Cpu) => readonly Copies[]>> = {
  clean: (s, cpu) => [writtenBack(s, cpu), gone(s, cpu)],
  invalidate: (s, cpu) => [dropped(s, cpu), gone(s, cpu)],
  cleanInvalidate: (s, cpu) => [gone(s, cpu)],
};
const localOn = (cpu: Cpu): Record<Kind, Change<Copies>> => ({
  clean: (s) => LOCAL.clean(s, cpu),
  invalidate: (s) => LOCAL.invalidate(s, cpu),
  cleanInvalidate: (s) => LOCAL.cleanInvalidate(s, cpu),
});
/** The same in both caches; either may keep a cleaned line. */
const inBoth =
  (kind: Kind): Change<Copies> =>
  (s) =>
    LOCAL[kind](s, 0).flatMap((t) => LOCAL[kind](t, 1));
const BROADCAST: Record<Kind, Change<Copies>> = {
  clean: inBoth('clean'),
  invalidate: inBoth('invalidate'),
  cleanInvalidate: inBoth('cleanInvalidate'),
};

const CACHE_NAMES = ['CPU 0', 'CPU 1'] as const;
const localEffect = (cpu: Cpu) => (kind: Kind) => `local ${kind} on ${CACHE_NAMES[cpu]}`;

function moves(s: Copies, mayFill: boolean): Move<Copies>[] {
  const found: Move<Copies>[] = [];
  for (const cpu of CPUS) {
    const at = CACHE_NAMES[cpu];
    if (mayFill) for (const to of requested(s, cpu)) found.push({ name: 'fill', at, to });
    found.push({ name: 'writeBack', at, to: writtenBack(s, cpu) });
    found.push({ name: 'evict', at, to: gone(s, cpu) });
  }
  return found;
}

export function twoCpusCaches(discipline: Discipline): Caches<Copies, TwoCpusState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const memoryWritten = ({ caches: [a, b] }: Copies, rest: Unwritten): Copies => ({
    caches: [withFlag(a, rest(a.flag)), withFlag(b, rest(b.flag))],
    memory: true,
  });
  const rowsOf = (cpu: Cpu) => {
    const stored = (rest: Unwritten) => (s: Copies) =>
      owned(s, cpu).map((t) => put({ ...t, memory: rest(t.memory) }, cpu, dirty(true)));
    return {
      ...accessRows<Copies>(cpu, {
        load: (s) => requested(s, cpu),
        sees: (s) => requested(s, cpu).map((t) => t.caches[cpu].flag),
        store: stored(unwritten),
        storeUndefined: stored(unwrittenUndefined),
        storeNeighbour: (s) => owned(s, cpu),
      }),
      ...maintenanceRows(cpu, BROADCAST),
      ...localOnly(maintenanceRows(cpu, localOn(cpu), localEffect(cpu))),
      ...barrierRow<Copies>([cpu]),
    };
  };
  const bothGone = (s: Copies) => gone(gone(s, 0), 1);
  return {
    name: 'two-cpus',
    discipline,
    copies: ALL,
    key: ({ caches, memory }) => `${caches.map(cachedKey).join()} ${memory}`,
    start: (start) => {
      if (start === Start.memoryOnly) return [{ caches: [ABSENT, ABSENT], memory: true }];
      const memory = start === Start.dontCare || older;
      return CPUS.map((cpu) => put({ caches: [ABSENT, ABSENT], memory }, cpu, dirty(true)));
    },
    slots: CPUS.map((cpu) => [...KINDS, ...KINDS.map(localEffect(cpu))]),
    effects: {
      ...BROADCAST,
      ...Object.fromEntries(
        CPUS.flatMap((cpu) => KINDS.map((kind) => [localEffect(cpu)(kind), localOn(cpu)[kind]])),
      ),
    },
    rows: completeTable({
      ...rowsOf(0),
      ...onCpu1(rowsOf(1)),
      ...otherRows<Copies>(discipline, {
        memory: ({ memory }) => memory,
        memoryWritten: (rest) => (s) => [memoryWritten(s, rest)],
        snoopSees: snooped,
        snoopStore: (s) => [memoryWritten(bothGone(s), unwritten)],
        snoopStoreNeighbour: (s) => [bothGone(s)],
        newOwner: ({ caches: [a, b] }) => ({
          caches: [withFlag(a, afterNewOwner), withFlag(b, afterNewOwner)],
          memory: afterNewOwner,
        }),
      }),
    }),
    moves,
    flags: ({ caches, memory }) => [...caches.map(({ flag }) => flag), memory],
    describe: ({ caches, memory }) => [
      ...CPUS.map((cpu) => describeCached(discipline, CACHE_NAMES[cpu], caches[cpu])),
      describeMemory(discipline, memory),
    ],
    view: (copies, issued) => ({ ...copies, issued }),
  };
}

export const twoCpusModel = (discipline: Discipline): ByteModel<TwoCpusState> =>
  buildModel(twoCpusCaches(discipline));
