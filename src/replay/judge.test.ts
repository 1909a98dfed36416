/**
 * The judge against brute force. The text of docs/judging.md is turned into one sequence of steps for each byte and
 * rule, here, without the judge's code or its runs, and each sequence is explored with whole lines and real values.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr } from '../address/index.ts';
import { bruteForce, type Step } from '../coherence/brute-force.ts';
import { Automaton, Mode, Operation, Start } from '../coherence/index.ts';
import { Direction } from '../linux/index.ts';
import { type MaintenanceCall, maintenanceCalls } from '../machine/index.ts';
import { type Damage, type Landed, MappingJudge, type Rule, type Severity } from './judge.ts';

const BASE = 2 ** 33;

/** Maintenance of [from, to), in bytes from BASE. */
interface Maintenance {
  readonly from: number;
  readonly to: number;
  readonly call: MaintenanceCall;
}
interface Call {
  readonly name: 'map' | 'sync_for_cpu' | 'sync_for_device' | 'unmap';
  /** What is synced; the whole buffer at map and unmap. */
  readonly from: number;
  readonly to: number;
  readonly skip: boolean;
  readonly maintenance: readonly Maintenance[];
}
interface History {
  readonly line: number;
  readonly from: number;
  readonly to: number;
  readonly direction: Direction;
  readonly slot: boolean;
  readonly calls: readonly Call[];
}

// Histories: a map, some syncs and an unmap of a few lines, each with maintenance of any part of them.

const { clean, invalidate } = maintenanceCalls('EL2');
const CALLS = [
  clean,
  invalidate,
  invalidate,
  maintenanceCalls('EL1-stage2').invalidate,
  maintenanceCalls('EL1').invalidate,
];

const histories: fc.Arbitrary<History> = fc
  .record({
    line: fc.constantFrom(32, 64),
    first: fc.constantFrom(0, 0, 8, 24, 40),
    size: fc.constantFrom(8, 32, 64, 72, 96, 128),
    direction: fc.constantFrom(...Object.values(Direction)),
    slot: fc.boolean(),
  })
  .chain(({ line, first, size, direction, slot }) => {
    const from = 256 + first;
    const to = from + size;
    const within = fc
      .tuple(fc.nat(size / 8), fc.nat(size / 8))
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => ({ from: from + Math.min(a, b) * 8, to: from + Math.max(a, b) * 8 }));
    const whole = fc.constant({ from, to });
    const around = fc
      .tuple(fc.integer({ min: -12, max: 28 }), fc.integer({ min: 1, max: 24 }))
      .map(([at, length]) => ({ from: from + at * 8, to: from + (at + length) * 8 }));
    const maintenanceOf = (range: fc.Arbitrary<{ from: number; to: number }>) =>
      fc.array(
        fc
          .record({
            range: fc.oneof({ weight: 5, arbitrary: range }, { weight: 1, arbitrary: around }),
            call: fc.constantFrom(...CALLS),
          })
          .map(({ range: { from, to }, call }) => ({ from, to, call })),
        { maxLength: 2 },
      );
    const part = fc.oneof(whole, within);
    const sync = fc
      .record({ range: part, name: fc.constantFrom('sync_for_cpu' as const, 'sync_for_device' as const) })
      .chain(({ range, name }) =>
        maintenanceOf(fc.constant(range)).map((maintenance) => ({
          name,
          ...range,
          skip: false,
          maintenance,
        })),
      );
    const end = (name: 'map' | 'unmap') =>
      fc
        .oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
        .chain((skip) =>
          (skip ? fc.constant([]) : maintenanceOf(fc.oneof(whole, within))).map((maintenance) => ({
            name,
            from,
            to,
            skip,
            maintenance,
          })),
        );
    return fc
      .tuple(end('map'), fc.array(sync, { maxLength: 3 }), end('unmap'))
      .map(([mapCall, syncs, unmapCall]) => ({
        line,
        from,
        to,
        direction,
        slot,
        calls: [mapCall, ...syncs, unmapCall],
      }));
  });

// The judge's answer: per byte and rule the fewest moves.

type PerByte = Map<string, number>;
const note = (found: PerByte, rule: Rule, byte: number, moves: number) => {
  const key = `${byte} ${rule}`;
  if (moves !== Infinity && moves < (found.get(key) ?? Infinity)) found.set(key, moves);
};

const at = (offset: number): MachineAddr => machineAddr(BASE + offset);
const automaton = new Automaton();

function begin({ line, from, to, direction, slot }: History): MappingJudge {
  const buffer = { from: at(from), to: at(to), direction, hasNeighbours: !slot };
  return new MappingJudge({ automaton, lineSize: line }, buffer, false);
}

function apply(judge: MappingJudge, call: Call): readonly Damage[] {
  const landed: Landed[] = call.maintenance.map((m) => ({ from: at(m.from), to: at(m.to), call: m.call }));
  if (call.name === 'map') judge.map(landed, call.skip);
  else if (call.name === 'unmap') judge.unmap(landed, call.skip);
  else if (call.name === 'sync_for_cpu') judge.syncForCpu(at(call.from), at(call.to), landed);
  else judge.syncForDevice(at(call.from), at(call.to), landed);
  return judge.takeDamage() ?? [];
}

function judged(history: History, severity: Severity, inside: boolean): PerByte {
  const judge = begin(history);
  const found: PerByte = new Map();
  for (const call of history.calls)
    for (const damage of apply(judge, call))
      if (damage.severity === severity && damage.inside === inside) bytesOf(damage, found);
  return found;
}

function bytesOf({ rule, from, to, moves }: Damage, found: PerByte): void {
  for (let byte = from - BASE; byte < to - BASE; byte++) note(found, rule, byte, moves ?? 0);
}

// The oracle's.

/** What a maintenance call does to the line of a byte: all of it, or clean+invalidate where it covers the line in part. */
function effectOn(byte: number, line: number, { from, to, call }: Maintenance): Operation | undefined {
  const start = byte - (byte % line);
  if (from >= start + line || to <= start) return undefined;
  return from <= start && to >= start + line ? call.wholeEffect : call.partialEffect;
}

/** A step, and what is to be judged right after it. */
type Judged = Step & { readonly judge?: Rule };

/** What drivers and neighbours are taken to do. */
interface Reading {
  /** The driver writes what it hands over with sync_for_device. */
  readonly writes: boolean;
  /** Neighbours in the buffer's edge lines are in use, and the driver writes even what it had not taken back. */
  readonly strict: boolean;
}
const MILD: Reading = { writes: true, strict: false };
const STRICT: Reading = { writes: true, strict: true };

/** One byte of the buffer through its life. */
function lifeOf(byte: number, history: History, { writes, strict }: Reading): Judged[] {
  const { line, direction, calls } = history;
  const steps: Judged[] = [];
  const reads = direction !== Direction.fromDevice;
  const written = direction !== Direction.toDevice;
  const shared = strict && sharesItsLine(byte, history) ? Mode.neighbourWrites : 0;
  const window = shared + (reads ? Mode.deviceReads : 0) + (written ? Mode.deviceWrites : 0);
  let devices = false;
  const seen = () => (devices && reads ? { judge: 'stale-device-read' as const } : {});
  const give = () => {
    devices = true;
    steps.push({ mode: window, ...seen() });
  };
  const take = () => {
    devices = false;
    steps.push({ mode: shared });
  };
  const maintain = ({ maintenance }: Call) => {
    for (const one of maintenance) {
      const operation = effectOn(byte, line, one);
      if (operation !== undefined) steps.push({ operation, ...seen() });
    }
  };
  const look = () => {
    if (written) steps.push({ operation: Operation.cpuRead, judge: 'stale-cpu-read' });
  };
  if (shared) steps.push({ mode: shared });
  for (const call of calls) {
    const mine = byte >= call.from && byte < call.to;
    if (call.name === 'map') {
      if (call.skip) continue;
      maintain(call);
      give();
    } else if (call.name === 'sync_for_cpu') {
      if (mine) take();
      maintain(call);
      if (mine) look();
    } else if (call.name === 'sync_for_device') {
      if (mine && reads && writes && (strict || !devices))
        steps.push({ operation: Operation.cpuWrite, ...seen() });
      maintain(call);
      if (mine) give();
    } else {
      // Never handed over: if the device used it all the same, it was not ready.
      if (
        strict &&
        reads &&
        !calls.some(({ name, skip }) => (name === 'map' && !skip) || name === 'sync_for_device')
      )
        steps.push({ mode: shared + Mode.deviceReads, judge: 'stale-device-read' });
      take();
      maintain(call);
      if (!call.skip) look();
      if (reads) steps.push({ mode: shared, judge: 'lost-write' });
    }
  }
  return steps;
}

/** The byte's line holds bytes that are not the buffer's. A bounce slot has its lines to itself. */
function sharesItsLine(byte: number, { line, from, to, slot }: History): boolean {
  const start = byte - (byte % line);
  return !slot && (start < from || start + line > to);
}

const explored = new Map<string, { rule: Rule; moves: number }[]>();

/** What brute force says of a sequence; the same sequence comes again and again. */
function explore(start: Start, steps: readonly Judged[]): { rule: Rule; moves: number }[] {
  const key = JSON.stringify([start, steps]);
  const known = explored.get(key);
  if (known) return known;
  const verdicts = bruteForce(start, steps, { bytes: 2 });
  const found = steps.flatMap(({ judge }, i) => {
    const verdict = verdicts[i];
    if (judge === undefined || verdict === undefined) return [];
    return [{ rule: judge, moves: judge === 'lost-write' ? verdict.lostMoves : verdict.staleMoves }];
  });
  explored.set(key, found);
  return found;
}

function oracle(history: History, reading: Reading): PerByte {
  const start = history.direction === Direction.fromDevice ? Start.dontCare : Start.written;
  const found: PerByte = new Map();
  for (let byte = history.from; byte < history.to; byte++)
    for (const { rule, moves } of explore(start, lifeOf(byte, history, reading)))
      note(found, rule, byte, moves);
  return found;
}

/** Bytes outside: each may be somebody's only copy, in a dirty line, when the maintenance comes. */
function oracleOutside({ line, from, to, slot, calls }: History, severity: Severity): PerByte {
  const found: PerByte = new Map();
  const firstLine = from - (from % line);
  const pastLine = Math.ceil(to / line) * line;
  for (let byte = 0; byte < 768; byte++) {
    const shared = byte >= firstLine && byte < pastLine;
    if ((byte >= from && byte < to) || shared !== (severity === 'hazard') || (shared && slot)) continue;
    for (const call of calls)
      for (const one of call.maintenance) {
        const operation = effectOn(byte, line, one);
        if (operation === undefined) continue;
        for (const { rule, moves } of explore(Start.written, [{ operation, judge: 'lost-write' }]))
          note(found, rule, byte, moves);
      }
  }
  return found;
}

const sorted = (found: PerByte) => [...found].map(([key, moves]) => `${key} ${moves}`).sort();

test('every byte of a buffer has the errors that brute force finds, with as few hardware moves', () => {
  fc.assert(
    fc.property(histories, (history) => {
      expect(sorted(judged(history, 'error', true))).toEqual(sorted(oracle(history, MILD)));
    }),
    { numRuns: 4000 },
  );
});

test('and the hazards that brute force finds where neighbours are in use and drivers write early', () => {
  // A part whose edges cut a line that the device owns the rest of is another matter: see the next test. So is
  // maintenance outside the part that is synced, in lines that the device owns.
  const wholeLines = histories.filter(({ calls, line, from, to }) =>
    calls.every(
      (call) =>
        (call.from === from || call.from % line === 0) &&
        (call.to === to || call.to % line === 0) &&
        call.maintenance.every((m) => m.from >= call.from && m.to <= call.to),
    ),
  );
  fc.assert(
    fc.property(wholeLines, (history) => {
      expect(sorted(judged(history, 'hazard', true))).toEqual(sorted(oracle(history, STRICT)));
    }),
    { numRuns: 3000 },
  );
});

test('taking back part of a line endangers the rest of it, and of no other line', () => {
  const sync = { from: 256, to: 288, skip: false };
  const history: History = {
    line: 64,
    from: 256,
    to: 512,
    direction: Direction.fromDevice,
    slot: false,
    calls: [
      { name: 'map', from: 256, to: 512, skip: false, maintenance: [{ from: 256, to: 512, call: clean }] },
      { name: 'sync_for_cpu', ...sync, maintenance: [{ from: 256, to: 288, call: invalidate }] },
      { name: 'sync_for_device', ...sync, maintenance: [{ from: 256, to: 288, call: clean }] },
      {
        name: 'unmap',
        from: 256,
        to: 512,
        skip: false,
        maintenance: [{ from: 256, to: 512, call: invalidate }],
      },
    ],
  };
  expect(judged(history, 'error', true)).toEqual(new Map());
  const endangered = [...judged(history, 'hazard', true).keys()];
  expect(endangered).toEqual(Array.from({ length: 32 }, (_, i) => `${288 + i} stale-cpu-read`));
});

test('a driver that writes nothing between the syncs meets no error on a byte that the judge finds right', () => {
  const handedOver = histories.filter(({ calls }) => calls[0]?.skip === false);
  fc.assert(
    fc.property(handedOver, (history) => {
      const bytes = (found: PerByte) => [...found.keys()].map((key) => key.split(' ')[0]);
      const wrong = new Set(bytes(judged(history, 'error', true)));
      expect(bytes(oracle(history, { ...MILD, writes: false })).filter((byte) => !wrong.has(byte))).toEqual(
        [],
      );
    }),
    { numRuns: 2000 },
  );
});

test.each<Severity>(['error', 'hazard'])(
  'bytes beside the buffer are %ss where brute force loses them',
  (severity) => {
    fc.assert(
      fc.property(histories, (history) => {
        expect(sorted(judged(history, severity, false))).toEqual(sorted(oracleOutside(history, severity)));
      }),
      { numRuns: 1000 },
    );
  },
);

test('a fork goes on as its original would have, whatever happens to that meanwhile', () => {
  fc.assert(
    fc.property(histories, fc.nat(4), (history, parting) => {
      const straight = begin(history);
      const parted = begin(history);
      for (const call of history.calls.slice(0, parting))
        expect(apply(parted, call)).toEqual(apply(straight, call));
      const fork = parted.fork();
      for (const call of history.calls.slice(parting)) {
        apply(parted, { ...call, name: 'sync_for_device', maintenance: [] });
        expect(apply(fork, call)).toEqual(apply(straight, call));
      }
    }),
    { numRuns: 500 },
  );
});
