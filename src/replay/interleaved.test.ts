/** Random loads of a right kernel, with contexts interleaved in every way that contexts can be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { Context, EventKind } from '../trace/index.ts';
import {
  archForCpu,
  archForDevice,
  type BufferOf,
  CLEAN,
  cflushAll,
  INVAL,
  line,
  map,
  mapSg,
  type Outcome,
  p2m,
  replayText,
  trace,
  unmap,
  unmapSg,
  type Where,
  xsMap,
  xsUnmap,
} from './testing.ts';

const CONTEXTS: readonly Where[] = [
  { pid: 7, cpu: 0 },
  { pid: 8, cpu: 0 },
  { pid: 9, cpu: 1 },
  { pid: 0, cpu: 0 },
  { pid: 0, cpu: 1 },
  { pid: 7, cpu: 0, context: Context.softirq },
  { pid: 7, cpu: 0, context: Context.hardirq },
  { pid: 0, cpu: 1, context: Context.hardirq },
];

/** Something later on each CPU shows that every call is over. */
const ALL_OVER = [0, 1].map((cpu) => line(EventKind.marker, { text: 'end' }, { pid: 99, cpu }));

/** A mapping, or a list of several, that one context makes and another ends. */
interface Job {
  readonly entries: readonly { readonly offset: number; readonly size: number }[];
  readonly foreign: boolean;
  readonly dir: Direction;
  readonly sg: boolean;
  readonly mapIn: number;
  readonly unmapIn: number;
}
const job: fc.Arbitrary<Job> = fc.record({
  entries: fc.array(
    fc.record({ offset: fc.nat(63).map((i) => i * 64), size: fc.constantFrom(64, 1522, 4096, 6000, 16_384) }),
    { minLength: 1, maxLength: 3 },
  ),
  foreign: fc.boolean(),
  dir: fc.constantFrom(...Object.values(Direction)),
  sg: fc.boolean(),
  mapIn: fc.nat(CONTEXTS.length - 1),
  unmapIn: fc.nat(CONTEXTS.length - 1),
});

const buffersOf = ({ entries, foreign, dir, sg }: Job, index: number): BufferOf[] =>
  entries.slice(0, sg ? 3 : 1).map(({ offset, size }, i) => {
    const place = (index * 4 + i) * 0x10000 + offset;
    return foreign
      ? { dma: 0x140000000 + place, phys: 0x48000000 + place, size, dir }
      : { dma: 0xc1000000 + place, size, dir };
  });

/** The lines of a map, in order, by a kernel without the flaw of the loop. */
function mapLines(one: Job, index: number, probed: boolean): string[] {
  const where = CONTEXTS[one.mapIn] ?? {};
  const buffers = buffersOf(one, index);
  const lines: string[] = [];
  for (const buffer of buffers) {
    const b = { ...buffer, where };
    if (probed) lines.push(xsMap(b));
    const op = one.dir === Direction.fromDevice ? INVAL : CLEAN;
    if (one.foreign) lines.push(...cflushAll(b.dma, b.size, op, where));
    else lines.push(archForDevice(b));
    if (!one.sg) lines.push(map(b));
  }
  if (one.sg) lines.push(mapSg({ entries: buffers, dir: one.dir, where }));
  return lines;
}

function unmapLines(one: Job, index: number, probed: boolean): string[] {
  const where = CONTEXTS[one.unmapIn] ?? {};
  const buffers = buffersOf(one, index);
  const lines = one.sg ? [unmapSg({ entries: buffers, dir: one.dir, where })] : [];
  for (const buffer of buffers) {
    const b = { ...buffer, where };
    if (probed) lines.push(xsUnmap(b));
    if (!one.foreign) lines.push(archForCpu(b));
    else if (one.dir !== Direction.toDevice) lines.push(...cflushAll(b.dma, b.size, INVAL, where));
    if (!one.sg) lines.push(unmap(b));
  }
  return lines;
}

/** Each context's lines stay in order; between contexts any order, as `picks` says. */
function interleave(queues: readonly string[][], picks: readonly number[]): string[] {
  const waiting = queues.filter((queue) => queue.length > 0).map((queue) => [...queue]);
  const lines: string[] = [];
  for (let i = 0; waiting.length > 0; i++) {
    const at = (picks[i % picks.length] ?? 0) % waiting.length;
    const queue = waiting[at] as string[];
    lines.push(queue.shift() as string);
    if (queue.length === 0) waiting.splice(at, 1);
  }
  return lines;
}

function linesOf(jobs: readonly Job[], picks: readonly number[], probed: boolean): string[] {
  const queues = (linesOfJob: typeof mapLines, context: (one: Job) => number) =>
    CONTEXTS.map((_, c) =>
      jobs.flatMap((one, index) => (context(one) === c ? linesOfJob(one, index, probed) : [])),
    );
  return [
    p2m(0x48000, 0x140000, 0x1000),
    ...interleave(
      queues(mapLines, (one) => one.mapIn),
      picks,
    ),
    ...interleave(
      queues(unmapLines, (one) => one.unmapIn),
      picks,
    ),
  ];
}

/** A second round has the addresses of the first: what is left of one must not go to the other. */
const twice = ({ jobs, picks, probed }: Load, again: readonly Job[]): string[] => [
  ...linesOf(jobs, picks, probed),
  ...linesOf(again, picks, probed).slice(1),
];

interface Load {
  readonly jobs: Job[];
  readonly picks: number[];
  readonly probed: boolean;
}
const loads: fc.Arbitrary<Load> = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 8 }),
  picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 60 }),
  probed: fc.boolean(),
});
const replayed = (lines: string[]): Outcome =>
  replayText(trace(lines, ALL_OVER), { designs: ['linux-3.19'], own: 'linux-3.19' });

test('every operation is given to the mapping it was for', () => {
  fc.assert(
    fc.property(loads, fc.array(job, { maxLength: 4 }), (load, again) => {
      const lines = twice(load, again);
      const outcome = replayed(lines);
      const operations = lines.filter((line) => / (arch_sync_for_\w+|cflush): /.test(line)).length;
      expect(outcome.errors()).toEqual([]);
      expect(outcome.mismatches('linux-3.19')).toEqual([]);
      expect(outcome.conformance('linux-3.19')).toBe(`${operations}/${operations}`);
      expect(outcome.misuse()).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('what is recorded costs what is predicted', () => {
  fc.assert(
    fc.property(loads, ({ jobs, picks, probed }) => {
      const outcome = replayed(linesOf(jobs, picks, probed));
      expect(outcome.of('recorded').track.cost).toEqual(outcome.of('linux-3.19').track.cost);
    }),
    { numRuns: 100 },
  );
});

const oneOf = (offset: number, size: number) => ({ offset, size });
const inContexts = (mapIn: number, unmapIn: number) => ({ mapIn, unmapIn });
const small = { entries: [oneOf(0, 64)], foreign: false, dir: Direction.bidirectional, sg: false };
const bare = (jobs: Job[], ...picks: number[]): Load => ({ jobs, picks, probed: false });

/** What random loads found once: minimal, and rare. */
const FOUND: [Load, Job[], { from: number; length: number; cpu: number }][] = [
  // An operation whose map was lost went to a later unmap of the same size.
  [
    bare(
      [
        { ...small, ...inContexts(1, 0) },
        { ...small, foreign: true, sg: true, ...inContexts(7, 5) },
        {
          ...small,
          entries: [oneOf(64, 4096)],
          foreign: true,
          dir: Direction.toDevice,
          ...inContexts(0, 0),
        },
        { ...small, entries: [oneOf(0, 6000)], ...inContexts(5, 0) },
        { ...small, entries: [oneOf(0, 64), oneOf(0, 64)], sg: true, ...inContexts(6, 0) },
        { ...small, entries: [oneOf(0, 6000)], foreign: true, dir: Direction.toDevice, ...inContexts(0, 5) },
      ],
      0,
      627,
    ),
    [],
    { from: 497, length: 2, cpu: 0 },
  ],
  // Nothing is lost: the next map of a list's page lost its operation to the unmap before it.
  [
    bare(
      [
        { ...small, foreign: true, dir: Direction.toDevice, sg: true, ...inContexts(0, 7) },
        { ...small, ...inContexts(0, 0) },
      ],
      0,
    ),
    [{ ...small, foreign: true, ...inContexts(7, 0) }],
    { from: 0, length: 0, cpu: 0 },
  ],
  // A list whose map was lost took the operations of two unmaps.
  [
    bare(
      [
        { ...small, foreign: true, sg: true, ...inContexts(2, 7) },
        { ...small, ...inContexts(0, 0) },
      ],
      0,
    ),
    [{ ...small, foreign: true, ...inContexts(0, 7) }],
    { from: 0, length: 5, cpu: 1 },
  ],
  // A list whose map was lost left the hypercalls of its second page to the next map there.
  [
    bare(
      [
        { ...small, ...inContexts(0, 0) },
        { ...small, ...inContexts(0, 0) },
        { ...small, entries: [oneOf(64, 16_384)], foreign: true, sg: true, ...inContexts(0, 2) },
      ],
      0,
    ),
    [
      { ...small, entries: [oneOf(2624, 1522)], foreign: true, dir: Direction.toDevice, ...inContexts(0, 0) },
      { ...small, sg: true, ...inContexts(0, 0) },
      { ...small, entries: [oneOf(0, 6000)], foreign: true, dir: Direction.toDevice, ...inContexts(2, 0) },
    ],
    { from: 925, length: 6, cpu: 0 },
  ],
];

test('with events lost at any place nothing right is called an error', () => {
  const loss = fc.record({ from: fc.nat(1000), length: fc.nat(12), cpu: fc.nat(1) });
  fc.assert(
    fc.property(loads, fc.array(job, { maxLength: 4 }), loss, (load, again, { from, length, cpu }) => {
      const lines = twice(load, again);
      const start = 1 + (from % lines.length);
      // Lost are events of one CPU only; in their place stands the marker.
      const isLost = (line: string, i: number) =>
        i >= start && i < start + length && line.includes(`[00${cpu}]`);
      const first = lines.findIndex(isLost);
      const left = lines.flatMap((line, i) =>
        i === first ? [`CPU:${cpu} [LOST EVENTS]`] : isLost(line, i) ? [] : [line],
      );
      expect(replayed(left).errors()).toEqual([]);
    }),
    { numRuns: 500, examples: FOUND },
  );
});

/** Which job an address belongs to. */
const jobAt = (address: number): number =>
  Math.floor((address - (address >= 0x140000000 ? 0x140000000 : 0xc1000000)) / 0x40000);

test('an operation that is missing is missed by its own mapping and by no other', () => {
  fc.assert(
    fc.property(loads, fc.nat(1000), ({ jobs, picks, probed }, which) => {
      const lines = linesOf(jobs, picks, probed);
      const operations = lines.filter((line) => / (arch_sync_for_\w+|cflush): /.test(line));
      fc.pre(operations.length > 0);
      const dropped = operations[which % operations.length] ?? '';
      const at = lines.indexOf(dropped);
      const outcome = replayed(lines.toSpliced(at, 1));
      const owner = jobAt(Number(/ (?:paddr|bus)=(0x[0-9a-f]+)/.exec(dropped)?.[1]));
      // Without the entries of swiotlb-xen a list's chunks are told by their places only, which the missing one upsets.
      const mismatches = outcome.mismatches('linux-3.19').length;
      if (probed) expect(mismatches).toBe(1);
      else expect(mismatches).toBeGreaterThan(0);
      for (const { dma } of outcome.findings()) expect(jobAt(dma)).toBe(owner);
    }),
    { numRuns: 500 },
  );
});
