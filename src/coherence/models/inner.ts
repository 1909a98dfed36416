/**
 * One merged cache over memory: all CPUs' inner caches while lines are inner shareable and maintenance is broadcast.
 *
 * Only three facts decide what a reader sees: where the line is, whether memory's copy of the byte has the flag
 * (for `currency`: is the current value), and whether the cached copy has. That makes 10 combinations.
 */
import { buildModel, type Caches, type Row } from '../caches.ts';
import type { Discipline } from '../disciplines.ts';
import type { ByteModel } from '../model.ts';
import { Operation, Start } from '../operations.ts';
import { completeTable, mergedCpus, noOuterCache, oneLineSize } from '../rows.ts';
import type { ByteState, Issued, Line } from '../state.ts';

type Copies = Omit<ByteState, 'issued'>;

const LINES: readonly Line[] = ['absent', 'clean', 'dirty'];
const ALL: readonly Copies[] = LINES.flatMap((line) =>
  [true, false].flatMap((memory) =>
    (line === 'absent' ? [false] : [true, false]).map((cached) => ({ line, memory, cached })),
  ),
);
/** The only slot: what is issued and not complete. */
const SLOT = 0;

const absent = (s: Copies): Copies => ({ ...s, line: 'absent', cached: false });
/** Dirty data reaches memory; the line stays, clean. Nothing happens to an absent or clean line. */
const writtenBack = (s: Copies): Copies =>
  s.line === 'dirty' ? { ...s, line: 'clean', memory: s.cached } : s;
/** The line is loaded from memory if it is absent. */
const filled = (s: Copies): Copies => (s.line === 'absent' ? { ...s, line: 'clean', cached: s.memory } : s);
const dirtied = (s: Copies): Copies => ({ ...filled(s), line: 'dirty' });
const seenThroughCache = (s: Copies): boolean => (s.line === 'absent' ? s.memory : s.cached);

function cleaned(s: Copies): Copies[] {
  const after = writtenBack(s);
  return after.line === 'absent' ? [after] : [after, absent(after)];
}
const invalidated = (s: Copies): Copies[] => [absent(s), absent(writtenBack(s))];
const cleanInvalidated = (s: Copies): Copies[] => [absent(writtenBack(s))];

/** In program order with maintenance of the line (Arm ARM D7.5.9): after what is issued. */
const inOrder = (does: Row<Copies>['does'], sees?: Row<Copies>['sees']): Row<Copies> => ({
  waits: [SLOT],
  does,
  ...(sees && { sees }),
});
const unordered = (does: Row<Copies>['does'], sees?: Row<Copies>['sees']): Row<Copies> => ({
  ...inOrder(does, sees),
  waits: [],
});
const issue = (effect: Exclude<Issued, 'none'>): Row<Copies> => ({
  waits: [SLOT],
  does: same,
  issues: { slot: SLOT, effect },
});
const same = (s: Copies): Copies[] => [s];

function innerCaches(discipline: Discipline): Caches<Copies, ByteState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const unlessAbsent = (s: Copies, flag: boolean) => s.line !== 'absent' && flag;
  /** Memory gets a new value behind the cache's back. */
  const memoryWritten = (s: Copies): Copies => ({
    ...s,
    memory: true,
    cached: unlessAbsent(s, unwritten(s.cached)),
  });
  return {
    name: 'inner',
    discipline,
    copies: ALL,
    key: ({ line, memory, cached }) => `${line} ${memory} ${cached}`,
    start: (start) =>
      start === Start.memoryOnly
        ? [{ line: 'absent', memory: true, cached: false }]
        : [{ line: 'dirty', memory: start === Start.dontCare || older, cached: true }],
    slots: [['clean', 'invalidate', 'cleanInvalidate']],
    effects: { clean: cleaned, invalidate: invalidated, cleanInvalidate: cleanInvalidated },
    rows: completeTable({
      ...oneLineSize(),
      ...noOuterCache(),
      ...mergedCpus({
        [Operation.cpuRead]: inOrder(
          (s) => [filled(s)],
          (s) => [seenThroughCache(s)],
        ),
        [Operation.cpuWrite]: inOrder((s) => [{ line: 'dirty', memory: unwritten(s.memory), cached: true }]),
        [Operation.cpuWriteNeighbour]: inOrder((s) => [dirtied(s)]),
        [Operation.cpuWriteUndefined]: inOrder((s) => [
          { line: 'dirty', memory: unwrittenUndefined(s.memory), cached: true },
        ]),
        [Operation.cpuReadUncached]: unordered(same, (s) => [s.memory]),
        [Operation.cpuWriteUncached]: unordered((s) => [memoryWritten(s)]),
        [Operation.deviceRead]: unordered(same, (s) => [s.memory]),
        [Operation.deviceWrite]: unordered((s) => [memoryWritten(s)]),
        [Operation.snoopRead]: unordered(same, (s) => [seenThroughCache(s)]),
        [Operation.snoopWrite]: unordered((s) => [memoryWritten(absent(writtenBack(s)))]),
        [Operation.snoopWriteNeighbour]: unordered(cleanInvalidated),
        [Operation.newOwner]: unordered((s) => [
          { ...s, memory: afterNewOwner, cached: unlessAbsent(s, afterNewOwner) },
        ]),
        [Operation.clean]: inOrder(cleaned),
        [Operation.invalidate]: inOrder(invalidated),
        [Operation.cleanInvalidate]: inOrder(cleanInvalidated),
        [Operation.issueClean]: issue('clean'),
        [Operation.issueInvalidate]: issue('invalidate'),
        [Operation.issueCleanInvalidate]: issue('cleanInvalidate'),
        [Operation.barrier]: inOrder(same),
      }),
    }),
    moves: (s, mayFill) => [
      ...(s.line === 'absent' && mayFill ? [{ name: 'fill', at: 'cache', to: filled(s) } as const] : []),
      ...(s.line === 'dirty' ? [{ name: 'writeBack', at: 'cache', to: writtenBack(s) } as const] : []),
      ...(s.line !== 'absent' ? [{ name: 'evict', at: 'cache', to: absent(writtenBack(s)) } as const] : []),
    ],
    flags: (s) => [s.memory, s.cached],
    describe: (s) => [
      { name: 'cache', line: s.line, value: s.line === 'absent' ? undefined : word(discipline, s.cached) },
      { name: 'memory', line: undefined, value: word(discipline, s.memory) },
    ],
    view: (s, issued) => ({ ...s, issued: issued[SLOT] as Issued }),
  };
}

const word = ({ words }: Discipline, flag: boolean): string => (flag ? words.set : words.unset);

export const innerModel = (discipline: Discipline): ByteModel<ByteState> =>
  buildModel(innerCaches(discipline));
