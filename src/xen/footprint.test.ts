/**
 * The cells that Xen names are all that matters: two pieces of hypercalls of which none writes what the other uses give
 * the same in either order. An explorer of interleavings rests on that. All pairs of some actions, after some histories.
 */
import { describe, expect, test } from 'vitest';
import { gfn, mfn, type PhysAddr, physAddr } from '../address/index.ts';
import { ARGUMENTS, GUEST_MFN, type HostOptions, struct } from './testing.ts';
import { type Action, FIRST, PAGES, PLACES, REFS, World } from './testing-world.ts';

type Cells = Map<string, boolean>;
type Steps = Generator<unknown, unknown, void>;

/** A world that notes which cells are used; true: written. */
function noting(options: HostOptions) {
  const cells: Cells = new Map();
  const touch = (cell: string, write: boolean) => void cells.set(cell, write || cells.get(cell) === true);
  return { world: new World({ ...options, footprint: { touch } }), cells };
}
const conflict = (one: Cells, other: Cells) =>
  [...one].some(([cell, written]) => other.has(cell) && (written || other.get(cell) === true));

const ACTIONS: readonly Action[] = [
  { kind: 'grant', ref: 8, to: 0, page: 0, readonly: false },
  { kind: 'grant', ref: 9, to: 2, page: 1, readonly: true },
  { kind: 'map', by: 0, ref: 8, readonly: false },
  { kind: 'map', by: 0, ref: 8, readonly: true },
  { kind: 'map', by: 0, ref: 10, readonly: true },
  { kind: 'map', by: 2, ref: 9, readonly: true },
  { kind: 'unmap', which: 0 },
  { kind: 'unmap', which: 1 },
  { kind: 'copy', by: 0, ref: 8, out: true },
  { kind: 'copy', by: 2, ref: 9, out: false },
  { kind: 'flush', by: 0, page: 0 },
  { kind: 'flush', by: 2, page: 1 },
  { kind: 'balloon-out', by: 0, page: 1 },
  { kind: 'balloon-out', by: 1, page: 0 },
  { kind: 'balloon-out', by: 2, page: 1 },
  { kind: 'balloon-in', by: 1, page: 2 },
  { kind: 'balloon-in', by: 2, page: 2 },
];
const GRANTS: readonly Action[] = [
  { kind: 'grant', ref: 8, to: 0, page: 0, readonly: false },
  { kind: 'grant', ref: 9, to: 2, page: 1, readonly: false },
  { kind: 'grant', ref: 10, to: 0, page: 3, readonly: false },
  { kind: 'balloon-out', by: 1, page: 2 },
  { kind: 'balloon-out', by: 2, page: 2 },
];
const HISTORIES: Readonly<Record<string, readonly Action[]>> = {
  'grants are given': GRANTS,
  'two are mapped': [
    ...GRANTS,
    { kind: 'map', by: 0, ref: 8, readonly: false },
    { kind: 'map', by: 2, ref: 9, readonly: true },
  ],
  'one is mapped twice, and granted twice': [
    ...GRANTS,
    { kind: 'grant', ref: 10, to: 0, page: 0, readonly: false },
    { kind: 'map', by: 0, ref: 8, readonly: true },
    { kind: 'map', by: 0, ref: 8, readonly: false },
  ],
};

/** Something that one of two agents does, from the state after the history. */
interface Deed {
  readonly name: string;
  start(world: World, at: PhysAddr, place: number): Steps;
}
/** Which mapping is unmapped must not depend on who goes first, so it is chosen before. */
const deeds: readonly Deed[] = [
  ...ACTIONS.map((what) => ({
    name: JSON.stringify(what),
    start: (world: World, at: PhysAddr, place: number) => {
      const target = what.kind === 'unmap' ? world.live[what.which] : undefined;
      if (what.kind === 'unmap' && !target) return nothing();
      return target ? world.unmap(target, at, false) : world.start(what, at, place);
    },
  })),
  { name: 'the grant table of 1 grows', start: (world, at) => placeTable(world, at, 1, 0x70000) },
  { name: 'the grant table of 1 moves', start: (world, at) => placeTable(world, at, 0, 0x70001) },
  {
    name: 'a reference beyond the first frame',
    start: ({ host }, at, place) => {
      host.poke(0, at, struct(32, [0, 8, place * 4096], [8, 4, 2], [12, 4, 600], [16, 2, 1]));
      return host.xen.hypercallSteps(0, 'grant_table_op', 0, at);
    },
  },
  {
    name: '1 asks how big its table is',
    start: ({ host }, at) => {
      host.poke(1, at, struct(16, [0, 2, 0x7ff0]));
      return host.xen.hypercallSteps(1, 'grant_table_op', 6, at);
    },
  },
  {
    name: '1 reaches a page',
    *start({ host }) {
      host.xen.translate(1, gfn(FIRST[1]));
      yield;
    },
  },
  {
    name: '2 dies',
    *start({ host }) {
      if (host.xen.hasDomain(2)) host.xen.destroyDomain(2);
      yield;
    },
  },
  {
    name: 'a map from 2',
    start: ({ host }, at, place) => {
      host.poke(0, at, struct(32, [0, 8, place * 4096], [8, 4, 2], [12, 4, 5], [16, 2, 2]));
      return host.xen.hypercallSteps(0, 'grant_table_op', 0, at);
    },
  },
  {
    name: 'boot modules are discarded',
    *start({ host }) {
      host.xen.discardBootModules();
      yield;
    },
  },
];
function* nothing(): Generator<undefined, undefined, void> {
  yield undefined;
  return undefined;
}
function placeTable({ host }: World, at: PhysAddr, idx: number, to: number): Steps {
  host.poke(1, at, struct(24, [0, 2, 0x7ff0], [4, 4, 1], [8, 8, idx], [16, 8, to]));
  return host.xen.hypercallSteps(1, 'memory_op', 7, at);
}

const argumentsOf = (agent: number) => physAddr(ARGUMENTS + 4096 * (agent + 1));
const BOOT_MODULE = 0x60000;

/** The state after some history, with a deed of each agent begun and as many pieces of it done as asked for. */
function begin(
  options: HostOptions,
  history: readonly Action[],
  pair: readonly Deed[],
  done: readonly number[],
) {
  const { world, cells } = noting(options);
  for (const one of history) world.run(one);
  // Arguments are written; a generator does nothing before its first next().
  const calls = pair.map((deed, i) => deed.start(world, argumentsOf(i), PLACES + 100 + i));
  calls.forEach((call, i) => {
    for (let k = 0; k < (done[i] ?? 0); k += 1) goOn(world, call);
  });
  const piece = (i: number): Cells => {
    cells.clear();
    goOn(world, calls[i]);
    return new Map(cells);
  };
  /** What the calls know shows when they are brought to their end, one after the other. */
  const end = () => {
    for (const call of calls) for (let k = 0; k < 4; k += 1) goOn(world, call);
    return seen(world);
  };
  return { world, piece, end };
}

/** One piece. What a domain does that has died meanwhile does not matter. */
function goOn({ host }: World, call: Steps | undefined): void {
  try {
    call?.next();
  } catch (error) {
    if (host.xen.hasDomain(2)) throw error;
  }
}

/** Everything that anybody can see of a world, as text (comparing structures took most of the time). */
function seen({ host, flushed }: World): string {
  const { xen } = host;
  const domains = [0, 1, 2].filter((domid) => xen.hasDomain(domid));
  const own = Array.from({ length: PAGES }, (_, i) => i);
  const places = [0, 1, 2, 3, 100, 101].map((i) => PLACES + i);
  const shown = domains.map((domid) =>
    [...own.map((i) => FIRST[domid as 0] + i), ...places, 0x70000, 0x70001, GUEST_MFN[1] + 0x20].map(
      (frame) => [xen.translate(domid, gfn(frame)) ?? null, xen.staleTranslations(domid, gfn(frame))],
    ),
  );
  const frames = [
    BOOT_MODULE,
    ...own.flatMap((i) => [FIRST[0] + i, GUEST_MFN[1] + 0x20 + i, GUEST_MFN[2] + 0x20 + i]),
  ];
  return JSON.stringify([
    domains,
    shown,
    frames.map((frame) => xen.frame(mfn(frame))),
    REFS.map((ref) => [xen.activeGrant(1, ref) ?? null, [...host.readGrant(1, ref)]]),
    domains.map((domid) => xen.grantFrames(domid)),
    [0, 1].flatMap((agent) => domains.map((domid) => [...host.peek(domid, argumentsOf(agent), 40)])),
    [0, 1].map((agent) => flushed.get(argumentsOf(agent)) ?? null),
    xen.bugs,
  ]);
}

describe.each<[string, HostOptions]>([
  ['without an IOMMU', {}],
  ['with an IOMMU', { dom0: { iommu: true } }],
])('pieces that do not conflict commute, %s', (_name, dom0) => {
  const options = { ...dom0, bootModules: [{ from: mfn(BOOT_MODULE), to: mfn(BOOT_MODULE + 1) }] };
  test.each(Object.entries(HISTORIES))(
    'when %s',
    (_when, history) => {
      let conflicting = 0;
      let commuting = 0;
      deeds.forEach((first, i) => {
        // Nobody unmaps a mapping twice.
        for (const second of deeds.slice(first.name.includes('unmap') ? i + 1 : i))
          for (const done of [
            [0, 0],
            [0, 1],
            [1, 0],
            [1, 1],
          ]) {
            const one = begin(options, history, [first, second], done);
            const [a, b] = [one.piece(0), one.piece(1)];
            if (conflict(a, b)) {
              conflicting += 1;
              continue;
            }
            if (a.size === 0 || b.size === 0) continue;
            commuting += 1;
            const other = begin(options, history, [first, second], done);
            const [b2, a2] = [other.piece(1), other.piece(0)];
            const what = `${first.name} and ${second.name} after ${done} pieces`;
            expect([what, [...a2], [...b2]]).toEqual([what, [...a], [...b]]);
            expect(`${what}: ${seen(other.world)}`).toBe(`${what}: ${seen(one.world)}`);
            expect(`${what}, in the end: ${other.end()}`).toBe(`${what}, in the end: ${one.end()}`);
          }
      });
      // Neither trivially true nor trivially false.
      expect(Math.min(conflicting, commuting)).toBeGreaterThan(100);
    },
    30_000,
  );
});
