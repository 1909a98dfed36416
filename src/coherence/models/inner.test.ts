import { bruteForce, FAULTS } from '../brute-force.ts';
import { Operation } from '../operations.ts';
import { compareWithOracle, withoutMoves, withRow } from '../testing.ts';
import { innerCaches } from './inner.ts';

const O = Operation;

compareWithOracle({
  name: 'inner',
  caches: innerCaches,
  oracle:
    ({ faults, wholeLine }) =>
    ({ start, steps }) =>
      bruteForce(start, steps, { bytes: wholeLine ? 4 : 3, ...(faults && { faults }) }),
  faults: FAULTS,
  operations: /./,
  focus: {
    'barrier-does-nothing': /^(cpuWrite|issue(Clean|Invalidate)|barrier|deviceRead)$/,
  },
  mutants: {
    'a clean forgets to write back': (real) =>
      withRow(real, O.clean, (row) => ({
        ...row,
        does: (s) => (s.line === 'dirty' ? [{ ...s, line: 'clean' }] : row.does(s)),
      })),
    'an invalidate never loses data': (real) =>
      withRow(real, O.invalidate, (row) => ({
        ...row,
        does: real.rows[O.cleanInvalidate]?.does ?? row.does,
      })),
    'an invalidate always loses data': (real) =>
      withRow(real, O.invalidate, (row) => ({ ...row, does: (s) => row.does(s).slice(0, 1) })),
    'a device write reaches the cache': (real) =>
      withRow(real, O.deviceWrite, (row) => ({
        ...row,
        does: (s) => row.does(s).map((to) => ({ ...to, cached: to.line !== 'absent' })),
      })),
    'nothing is filled by speculation': (real) => withoutMoves(real, ({ name }) => name === 'fill'),
    'dirty lines stay': (real) => withoutMoves(real, (_, { line }) => line === 'dirty'),
    'an eviction drops dirty data': ({ moves }) => ({
      moves: (s, mayFill) =>
        moves(s, mayFill).map((move) =>
          move.name === 'evict' ? { ...move, to: { ...move.to, memory: s.memory } } : move,
        ),
    }),
    'a snooping write leaves the line': (real) =>
      withRow(real, O.snoopWrite, (row) => ({
        ...row,
        does: (s) => [{ ...s, memory: true, cached: false }],
      })),
    'an uncached store is not the current value': (real) =>
      withRow(real, O.cpuWriteUncached, (row) => ({ ...row, does: (s) => [s] })),
    'a new owner finds its own': (real) => withRow(real, O.newOwner, (row) => ({ ...row, does: (s) => [s] })),
    "a store of a don't-care value is like any other": (real) =>
      withRow(real, O.cpuWriteUndefined, (row) => ({
        ...row,
        does: real.rows[O.cpuWrite]?.does ?? row.does,
      })),
  },
  runs: 4000,
});
