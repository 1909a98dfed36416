/**
 * One merged cache over memory: all CPUs' inner caches while lines are inner shareable and maintenance is broadcast.
 *
 * Only three facts decide what a reader sees: where the line is, whether memory's copy of the byte has the flag
 * (for `currency`: is the current value), and whether the cached copy has. That makes 10 combinations.
 */
import { buildModel, type Caches } from '../caches.ts';
import { describeCached, describeMemory } from '../copies.ts';
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
} from '../rows.ts';
import type { ByteState, Issued, Line } from '../state.ts';

export type InnerCopies = Omit<ByteState, 'issued'>;
type Copies = InnerCopies;

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
const seen = (s: Copies): boolean => (s.line === 'absent' ? s.memory : s.cached);

const MAINTENANCE = {
  clean: (s: Copies) => [writtenBack(s), ...(s.line === 'absent' ? [] : [absent(writtenBack(s))])],
  invalidate: (s: Copies) => [absent(s), absent(writtenBack(s))],
  cleanInvalidate: (s: Copies) => [absent(writtenBack(s))],
};

export function innerCaches(discipline: Discipline): Caches<Copies, ByteState> {
  const { unwritten, unwrittenUndefined, afterNewOwner, older } = discipline;
  const flagged = (s: Copies, memory: boolean, cached: boolean): Copies => ({
    line: s.line,
    memory,
    cached: s.line !== 'absent' && cached,
  });
  const memoryWritten = (s: Copies, rest: Unwritten) => flagged(s, true, rest(s.cached));
  return {
    name: 'inner',
    discipline,
    copies: ALL,
    key: ({ line, memory, cached }) => `${line} ${memory} ${cached}`,
    start: (start) =>
      start === Start.memoryOnly
        ? [{ line: 'absent', memory: true, cached: false }]
        : [{ line: 'dirty', memory: start === Start.dontCare || older, cached: true }],
    slots: [KINDS],
    effects: MAINTENANCE,
    rows: completeTable({
      ...mergedCpus({
        ...accessRows<Copies>(SLOT, {
          load: (s) => [filled(s)],
          sees: (s) => [seen(s)],
          store: (s) => [{ line: 'dirty', memory: unwritten(s.memory), cached: true }],
          storeUndefined: (s) => [{ line: 'dirty', memory: unwrittenUndefined(s.memory), cached: true }],
          storeNeighbour: (s) => [dirtied(s)],
        }),
        ...maintenanceRows(SLOT, MAINTENANCE),
        ...barrierRow([SLOT]),
      }),
      ...otherRows<Copies>(discipline, {
        memory: (s) => s.memory,
        memoryWritten: (rest) => (s) => [memoryWritten(s, rest)],
        snoopSees: (s) => [seen(s)],
        snoopStore: (s) => [memoryWritten(absent(writtenBack(s)), unwritten)],
        snoopStoreNeighbour: (s) => [absent(writtenBack(s))],
        newOwner: (s) => flagged(s, afterNewOwner, afterNewOwner),
      }),
    }),
    moves: (s, mayFill) =>
      s.line === 'absent'
        ? mayFill
          ? [{ name: 'fill', at: 'cache', to: filled(s) }]
          : []
        : [
            { name: 'writeBack', at: 'cache', to: writtenBack(s) },
            { name: 'evict', at: 'cache', to: absent(writtenBack(s)) },
          ],
    flags: (s) => [s.memory, s.cached],
    describe: (s) => [
      describeCached(discipline, 'cache', { line: s.line, flag: s.cached }),
      describeMemory(discipline, s.memory),
    ],
    view: (s, issued) => ({ ...s, issued: issued[SLOT] as Issued }),
  };
}

export const innerModel = (discipline: Discipline): ByteModel<ByteState> =>
  buildModel(innerCaches(discipline));
