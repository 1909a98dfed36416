import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Operation, Start } from '../operations.ts';
import type { Verdict } from '../oracle/search.ts';
import { everyExecution } from '../oracle/search.ts';
import { TWO_CPUS_FAULTS, twoCpus } from '../oracle/two-cpus.ts';
import {
  compareWithOracle,
  engineNamed,
  histories,
  operationsNamed,
  verdictsOf,
  withoutMoves,
  withRow,
} from '../testing.ts';
import { twoCpusCaches } from './two-cpus.ts';

const O = Operation;
const LOST_ONE = /^(cpu1?Write|localInvalidate|cpu1?Read|snoopRead|deviceWrite)$/;
const BARRIERS = /^(cpuWrite|deviceRead|issueClean|cpu1IssueClean|barrier|cpu1Barrier)$/;

compareWithOracle({
  name: 'two-cpus',
  caches: twoCpusCaches,
  oracle: (options) => {
    const hardware = twoCpus(options);
    return ({ start, steps }) => everyExecution(hardware, start, steps);
  },
  faults: TWO_CPUS_FAULTS,
  operations: /^(?!.*(outer|elsewhere))/i,
  focus: {
    'clean-copy-never-answers': LOST_ONE,
    'memory-never-answers-beside-a-clean-copy': LOST_ONE,
    'a clean copy never answers': LOST_ONE,
    'local maintenance waits for the other CPU': /^(cpuWrite|issueClean|cpu1LocalInvalidate|deviceRead)$/,
    'barrier-completes-the-other-cpu': BARRIERS,
    'barrier-of-cpu-1-does-nothing': BARRIERS,
    'a barrier completes what both have issued': BARRIERS,
  },
  mutants: {
    'local maintenance is broadcast': (real) =>
      withRow(real, O.localCleanInvalidate, () => real.rows[O.cleanInvalidate] ?? fail()),
    'broadcast maintenance is local': (real) =>
      withRow(real, O.cpu1Clean, () => real.rows[O.cpu1LocalClean] ?? fail()),
    'CPU 1 does nothing by itself': (real) => withoutMoves(real, ({ at }) => at === 'CPU 1'),
    'a store leaves the other copy': (real) =>
      withRow(real, O.cpuWrite, (row) => ({
        ...row,
        does: (s) =>
          row.does(s).map((t) => ({
            ...t,
            caches: [t.caches[0], s.caches[1].line === 'clean' ? s.caches[1] : t.caches[1]] as const,
          })),
      })),
    'a fill leaves the dirty line dirty': (real) =>
      withRow(real, O.cpuRead, (row) => ({
        ...row,
        does: (s) => row.does(s).filter((t) => s.caches[1].line !== 'dirty' || t.caches[1].line === 'dirty'),
      })),
    'a clean copy never answers': (real) =>
      withRow(real, O.cpuRead, (row) => ({
        ...row,
        sees: (s) =>
          s.caches[0].line === 'absent' && s.caches[1].line === 'clean'
            ? [s.memory]
            : (row.sees ?? fail())(s),
      })),
    'a barrier completes what both have issued': (real) =>
      withRow(real, O.barrier, (row) => ({ ...row, waits: [0, 1] })),
    'local maintenance waits for the other CPU': (real) =>
      withRow(real, O.cpu1LocalInvalidate, (row) => ({ ...row, waits: [0, 1] })),
    'a snooping device reads the cache of CPU 0 only': (real) =>
      withRow(real, O.snoopRead, (row) => ({
        ...row,
        sees: ({ caches, memory }) => [caches[0].line === 'absent' ? memory : caches[0].flag],
      })),
  },
  runs: 1500,
});

function fail(): never {
  throw new Error('no such row');
}

describe('with a cache for each CPU', () => {
  const engine = engineNamed('two-cpus');
  const inner = engineNamed('inner');
  const last = (start: Start, ...names: (keyof typeof Operation)[]) =>
    verdictsOf(engine, { start, steps: names.map((name) => ({ operation: O[name] })) }).at(-1);
  const never = Number.POSITIVE_INFINITY;

  it("local maintenance misses what another CPU's cache holds", () => {
    expect(last(Start.memoryOnly, 'cpu1Write', 'localClean', 'deviceRead')).toMatchObject({ staleMoves: 0 });
    expect(last(Start.memoryOnly, 'cpu1Write', 'clean', 'deviceRead')).toMatchObject({ staleMoves: never });
  });

  it('local maintenance on the CPU that stored can still miss it: another may have fetched the dirty line', () => {
    expect(last(Start.memoryOnly, 'cpuWrite', 'cpu1Read', 'localClean', 'deviceRead')).toMatchObject({
      staleMoves: 0,
    });
    expect(last(Start.memoryOnly, 'cpuWrite', 'localClean', 'deviceRead')).toMatchObject({ staleMoves: 1 });
  });

  it("a CPU's barrier does not complete what another has issued", () => {
    expect(last(Start.written, 'issueClean', 'cpu1Barrier', 'deviceRead')).toMatchObject({ staleMoves: 0 });
    expect(last(Start.written, 'issueClean', 'barrier', 'deviceRead')).toMatchObject({ staleMoves: never });
  });

  it("another CPU's store does not wait for maintenance that is issued", () => {
    expect(last(Start.memoryOnly, 'issueInvalidate', 'cpu1Write')).toMatchObject({ lostMoves: 0 });
    expect(last(Start.memoryOnly, 'issueInvalidate', 'cpuWrite')).toMatchObject({ lostMoves: never });
  });

  it('one merged cache says what can go wrong, while maintenance is broadcast and complete', () => {
    const operations = operationsNamed(/^(?!.*(outer|elsewhere|local|issue))/i);
    const possible = (verdicts: readonly Verdict[]) =>
      verdicts.map(({ staleMoves, lostMoves, disclosedMoves }) =>
        [staleMoves, lostMoves, disclosedMoves].map((moves) => moves !== never),
      );
    fc.assert(
      fc.property(histories(operations, 10), (history) => {
        expect(possible(verdictsOf(engine, history))).toEqual(possible(verdictsOf(inner, history)));
      }),
      { numRuns: 3000 },
    );
  });
});
