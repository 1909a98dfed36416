import { describe, expect, it } from 'vitest';
import { Operation, Start } from '../operations.ts';
import { OUTER_FAULTS, outerCache } from '../oracle/outer-cache.ts';
import { everyExecution } from '../oracle/search.ts';
import { compareWithOracle, engineNamed, verdictsOf, withoutMoves, withRow } from '../testing.ts';
import { outerCaches } from './outer.ts';

const O = Operation;
const ORDER = /^(cpuRead|deviceWrite|invalidate|outerInvalidate)$/;

compareWithOracle({
  name: 'outer',
  caches: outerCaches,
  oracle: (options) => {
    const hardware = outerCache(options);
    return ({ start, steps }) => everyExecution(hardware, start, steps);
  },
  faults: OUTER_FAULTS,
  operations: /^(?!.*(cpu1|local|elsewhere))/i,
  focus: {
    'a barrier does nothing': /^(cpuWrite|issueClean|barrier|outerClean|deviceRead)$/,
    'outer-cache-never-fills': ORDER,
    'the outer cache fills only on the way': ORDER,
    'outer-maintenance-completes-issued': /^(cpuWrite|issueClean|outerClean|deviceRead)$/,
    'outer maintenance waits for what is issued': /^(cpuWrite|issueClean|outerClean|deviceRead)$/,
    'outer-clean-invalidate-keeps-line': /^(cpuWrite|deviceWrite|cpuRead|clean.*|outerClean.*)$/,
  },
  mutants: {
    'the outer cache fills only on the way': (real) =>
      withoutMoves(real, ({ at, name }) => at === 'outer cache' && name === 'fill'),
    'outer lines are never evicted dirty': (real) =>
      withoutMoves(real, ({ at }, { outer }) => at === 'outer cache' && outer.line === 'dirty'),
    'inner write back goes to memory alone': (real) => ({
      ...withRow(real, O.clean, (row) => ({
        ...row,
        does: (s) => row.does(s).filter(({ outer }) => outer.line !== 'dirty' || s.outer.line === 'dirty'),
      })),
    }),
    'a clean by address reaches the outer cache': (real) =>
      withRow(real, O.clean, (row) => ({
        ...row,
        does: (s) => row.does(s).flatMap((t) => real.rows[O.outerClean]?.does(t) ?? []),
      })),
    'an outer clean invalidates': (real) =>
      withRow(real, O.outerClean, (row) => ({
        ...row,
        does: (s) => row.does(s).filter(({ outer }) => outer.line === 'absent'),
      })),
    'an outer invalidate writes back': (real) =>
      withRow(real, O.outerInvalidate, (row) => ({
        ...row,
        does: real.rows[O.outerCleanInvalidate]?.does ?? row.does,
      })),
    'outer maintenance waits for what is issued': (real) =>
      withRow(real, O.outerClean, (row) => ({ ...row, waits: [0] })),
    'a device reads the outer cache': (real) =>
      withRow(real, O.deviceRead, (row) => ({
        ...row,
        sees: (s) => [s.outer.line === 'absent' ? s.memory : s.outer.flag],
      })),
    'a snooping write goes to memory': (real) =>
      withRow(real, O.snoopWrite, (row) => ({
        ...row,
        does: (s) => row.does(s).filter(({ memory }) => memory),
      })),
  },
  runs: 1500,
});

describe('with an outer cache', () => {
  const engine = engineNamed('outer');
  const last = (start: Start, ...names: (keyof typeof Operation)[]) =>
    verdictsOf(engine, { start, steps: names.map((name) => ({ operation: O[name] })) }).at(-1);
  const never = Number.POSITIVE_INFINITY;

  it('maintenance by address alone is not enough for the device, with no help from the hardware', () => {
    expect(last(Start.written, 'clean', 'deviceRead')).toMatchObject({ staleMoves: 0 });
    expect(last(Start.written, 'cleanInvalidate', 'deviceRead')).toMatchObject({ staleMoves: 0 });
  });

  it('towards the device it is inner first, then outer', () => {
    expect(last(Start.written, 'clean', 'outerClean', 'deviceRead')).toMatchObject({ staleMoves: never });
    expect(last(Start.written, 'outerClean', 'clean', 'deviceRead')).toMatchObject({ staleMoves: 0 });
  });

  it('towards the CPU it is outer first, then inner: else a fill between the two brings the old line back', () => {
    const received = ['clean', 'outerCleanInvalidate', 'cleanInvalidate', 'deviceWrite'] as const;
    expect(last(Start.dontCare, ...received, 'outerInvalidate', 'invalidate', 'cpuRead')).toMatchObject({
      staleMoves: never,
      lostMoves: never,
    });
    expect(last(Start.dontCare, ...received, 'invalidate', 'outerInvalidate', 'cpuRead')).toMatchObject({
      staleMoves: 2,
    });
  });

  it('what Linux does on arm holds: inner, outer at map; outer, inner at unmap', () => {
    const received = [
      'invalidate',
      'outerInvalidate',
      'deviceWrite',
      'outerInvalidate',
      'invalidate',
    ] as const;
    expect(last(Start.dontCare, ...received, 'cpuRead')).toMatchObject({
      staleMoves: never,
      lostMoves: never,
    });
  });

  it('an outer clean must wait for the barrier of the inner one', () => {
    expect(last(Start.written, 'issueClean', 'outerClean', 'barrier', 'deviceRead')).toMatchObject({
      staleMoves: 0,
    });
    expect(last(Start.written, 'issueClean', 'barrier', 'outerClean', 'deviceRead')).toMatchObject({
      staleMoves: never,
    });
  });

  it("a page cleaned to the outer cache alone shows a device the earlier owner's data", () => {
    const scrub = ['newOwner', 'cpuWrite'] as const;
    expect(last(Start.memoryOnly, ...scrub, 'clean', 'deviceRead')).toMatchObject({ disclosedMoves: 0 });
    expect(last(Start.memoryOnly, ...scrub, 'clean', 'outerClean', 'deviceRead')).toMatchObject({
      disclosedMoves: never,
    });
  });
});
