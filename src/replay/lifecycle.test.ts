/** Ways in which drivers use a mapping: syncs of parts, page pools, both directions. */
import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { EventKind } from '../trace/index.ts';
import {
  about,
  archForCpu,
  archForDevice,
  BARE,
  type BufferOf,
  CLEAN,
  cflush,
  cflushAll,
  cflushWith,
  FIRST,
  INVAL,
  type Lines,
  line,
  map,
  mapSg,
  p2m,
  replayText,
  syncForCpu,
  syncForDevice,
  syncSgForCpu,
  syncSgForDevice,
  trace,
  unmap,
  unmapSg,
  xsMap,
  xsUnmap,
} from './testing.ts';

const { bidirectional, toDevice, fromDevice } = Direction;
const SKIP = 32;
const rx: BufferOf = { dma: 0xc1000000, size: 4096, dir: fromDevice };
const part: BufferOf = { ...rx, dma: rx.dma + 128, size: 1536 };
const tx: BufferOf = { ...rx, dir: toDevice };
const both: BufferOf = { ...rx, dir: bidirectional };
const forCpu = (b: BufferOf) => [archForCpu(b), syncForCpu(b)];
const forDevice = (b: BufferOf) => [archForDevice(b), syncForDevice(b)];

describe('a page pool: mapped and unmapped with SKIP_CPU_SYNC, synced in between', () => {
  const pool = { ...rx, attrs: SKIP };

  test('is clean where each part is handed over and taken back', () => {
    const outcome = replayText(
      trace(map(pool), forDevice(part), forCpu(part), forDevice(part), forCpu(part), unmap(pool)),
      BARE,
    );
    expect([outcome.verdict(), outcome.conformance('dma-direct')]).toEqual(['clean', '4/4']);
  });

  test('is an error where a part was not taken back with maintenance', () => {
    const outcome = replayText(trace(map(pool), forDevice(part), syncForCpu(part), unmap(pool)), BARE);
    expect(outcome.findings()).toMatchObject([
      { rule: 'stale-cpu-read', missed: [[part.dma, part.dma + part.size]], line: FIRST },
    ]);
  });

  test('is an error where a part was not handed over with maintenance', () => {
    const outcome = replayText(trace(map(pool), syncForDevice(part), forCpu(part), unmap(pool)), BARE);
    expect(outcome.errors()).toEqual([`${FIRST} stale-cpu-read`]);
  });

  test('what the driver never hands over is not judged', () => {
    const outcome = replayText(trace(map(pool), unmap(pool)), BARE);
    expect(outcome.verdict()).not.toBe('errors');
  });

  test('is the designs\u2019 business too', () => {
    const outcome = replayText(trace(map(pool), forDevice(part), forCpu(part), unmap(pool)));
    for (const { track } of outcome.result.tracks) {
      expect([track.name, track.findings.errorMappings]).toEqual([track.name, 0]);
    }
  });
});

describe('syncs of a mapping', () => {
  test('of a part leave the rest the device\u2019s', () => {
    const outcome = replayText(
      trace(archForDevice(rx), map(rx), forCpu(part), forDevice(part), archForCpu(rx), unmap(rx)),
      BARE,
    );
    expect([outcome.verdict(), outcome.conformance('dma-direct')]).toEqual(['clean', '4/4']);
  });

  test('of a part without maintenance are errors of that part only', () => {
    const outcome = replayText(
      trace(archForDevice(rx), map(rx), syncForCpu(part), archForCpu(rx), unmap(rx)),
      BARE,
    );
    expect(outcome.findings()).toMatchObject([{ missed: [[part.dma, part.dma + part.size]] }]);
  });

  test('a transmit buffer written again and not cleaned is an error', () => {
    const text = trace(archForDevice(tx), map(tx), forCpu(tx), syncForDevice(tx), archForCpu(tx), unmap(tx));
    expect(replayText(text, BARE).errors()).toEqual([`${FIRST + 1} stale-device-read`]);
  });

  test('a transmit buffer written again and cleaned is clean', () => {
    const text = trace(archForDevice(tx), map(tx), forCpu(tx), forDevice(tx), archForCpu(tx), unmap(tx));
    expect(replayText(text, BARE).verdict()).toBe('clean');
  });

  test('writing to a transmit buffer that was not taken back is a hazard', () => {
    const text = trace(archForDevice(tx), map(tx), forDevice(tx), archForCpu(tx), unmap(tx));
    const outcome = replayText(text, BARE);
    expect([outcome.verdict(), outcome.hazards()]).toEqual(['hazards', [`${FIRST + 1} stale-device-read`]]);
  });

  test('of foreign pages go by hypercall, and a page-crossing part shows the broken loop', () => {
    const b = { dma: 0x140000000, phys: 0x48000000, size: 0x4000, dir: bidirectional };
    const crossing = { ...b, dma: b.dma + 0x800, size: 0x1800 };
    const text = trace(
      p2m(0x48000, 0x140000, 4),
      cflushAll(b.dma, b.size, CLEAN),
      map(b),
      cflush(crossing.dma, 0x800, INVAL),
      // The second chunk, one page early: Xen drops the low bits.
      cflushWith(b.dma + 0x800, 0, 0x1000, INVAL),
      syncForCpu(crossing),
      cflushAll(b.dma, b.size, INVAL),
      unmap(b),
    );
    const outcome = replayText(text);
    expect(outcome.conformance('linux-6.12')).toBe('10/10');
    for (const name of ['recorded', 'linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3'])
      expect(outcome.findings(name).find(({ rule }) => rule === 'stale-cpu-read')?.missed).toEqual([
        [b.dma + 0x1000, b.dma + 0x2000],
      ]);
    for (const name of ['linux-3.19', 'repaired']) expect(outcome.errors(name)).toEqual([]);
  });

  test('of a list go to its entries', () => {
    const list = {
      entries: [
        { dma: 0xc1000000, size: 4096 },
        { dma: 0xc2000000, size: 2048 },
      ],
      dir: fromDevice,
    };
    const each = (make: typeof archForCpu) => list.entries.map((e) => make({ ...e, dir: fromDevice }));
    const text = trace(
      each(archForDevice),
      mapSg(list),
      each(archForCpu),
      syncSgForCpu(list),
      each(archForDevice),
      syncSgForDevice(list),
      unmapSg(list),
      each(archForCpu),
    );
    const outcome = replayText(text, BARE);
    expect([outcome.verdict(), outcome.conformance('dma-direct')]).toEqual(['clean', '8/8']);
  });
});

describe('both directions', () => {
  test('are clean with a clean before and an invalidate after', () => {
    const text = trace(archForDevice(both), map(both), archForCpu(both), unmap(both));
    expect(replayText(text, BARE).verdict()).toBe('clean');
  });

  test('without the clean the device reads old data', () => {
    expect(replayText(trace(map(both), archForCpu(both), unmap(both)), BARE).errors()).toContain(
      `${FIRST} stale-device-read`,
    );
  });

  test('without the invalidate the CPU reads old data', () => {
    expect(replayText(trace(archForDevice(both), map(both), unmap(both)), BARE).errors()).toEqual([
      `${FIRST + 1} stale-cpu-read`,
    ]);
  });
});

test('what is still mapped at the end has no findings and counts in conformance', () => {
  const outcome = replayText(trace(map(rx)), BARE);
  expect([outcome.errors(), outcome.conformance('dma-direct')]).toEqual([[], '0/1']);
});

test('what was mapped before the recording counts in conformance', () => {
  const outcome = replayText(trace(archForCpu(rx), unmap(rx), syncForCpu({ ...rx, dma: 0xc3000000 })), BARE);
  expect([outcome.errors(), outcome.conformance('dma-direct')]).toEqual([[], '1/2']);
});

test('two live mappings of one address are each judged', () => {
  const short = { ...tx, size: 64 };
  const text = trace(
    archForDevice(tx),
    map(tx),
    map(short),
    archForCpu(short),
    unmap(short),
    archForCpu(tx),
    unmap(tx),
  );
  expect(replayText(text, BARE).errors()).toEqual([`${FIRST + 2} stale-device-read`]);
});

describe('an explanation', () => {
  const explained = (...lines: Lines) => replayText(trace(...lines)).findings()[0]?.explanation;

  test('says that there was no maintenance, and at which call', () => {
    expect(explained(archForDevice(rx), map(rx), unmap(rx))).toBe(
      `after the device has written, the CPU can read old data in [0xc1000000, 0xc1001000): no maintenance at unmap (line ${FIRST + 2})`,
    );
  });

  test('says how far the maintenance came', () => {
    expect(explained(archForDevice({ ...tx, size: 2048 }), map(tx), archForCpu(tx), unmap(tx))).toContain(
      `the maintenance at map (line ${FIRST + 1}) ends at [0xc1000000, 0xc1000800)`,
    );
  });

  test('names the hypercall that was refused', () => {
    const b = { dma: 0x140000000, phys: 0x48000000, size: 4096, dir: toDevice };
    expect(
      explained(p2m(0x48000, 0x140000), cflush(b.dma, 4096, CLEAN, {}, -22), map(b), unmap(b)),
    ).toContain(
      `GNTTABOP_cache_flush CLEAN bus=0x140000000 off=0x0 len=0x1000 at map (line ${FIRST + 1}) is meant for [0x140000000, 0x140001000) and does nothing`,
    );
  });

  // What a report tells is put in words at its end, and an operation can be refused after it was judged.
  test('is of what was judged, whatever is refused later', () => {
    const b = { dma: 0x140000440, phys: 0x48000440, size: 0x400, dir: fromDevice };
    const bad = [
      p2m(0x48000, 0x140000),
      xsMap(b),
      map(b),
      xsUnmap(b),
      ...cflush(b.dma, 0x400, INVAL),
      unmap(b),
    ];
    const { findings } = replayText(trace(bad, line(EventKind.cacheFlushReturn, { ret: -22 }))).of(
      'recorded',
    ).track;
    expect(findings.kept()[0]?.explanation).toContain(`no maintenance at map (line ${FIRST + 2})`);
    expect(findings.kept()[0]).toEqual(findings.problems[0]?.example.finding);
  });

  test('is of the operation itself, where one before it in its call is refused later', () => {
    const b = { dma: 0x140000440, phys: 0x48000440, size: 0x800, dir: toDevice };
    const [flush, refusal] = cflush(b.dma, 0x400, CLEAN, {}, -22);
    const native = archForDevice({ ...b, phys: b.phys + 0x440, size: 0x3c0 });
    const outcome = replayText(
      trace(p2m(0x48000, 0x140000), xsMap(b), flush ?? '', native, map(b), refusal ?? '', unmap(b)),
    );
    expect(outcome.findings()[0]?.explanation).toContain('lands on [0x140000880, 0x140000c40)');
  });

  test('tells a wrong frame from the right one after many wrong ones', () => {
    const b = { dma: 0x140000000, phys: 0x48000000, size: 0x2000, dir: fromDevice };
    const sync = { ...b, size: 64 };
    const strays = Array.from({ length: 20 }, (_, i) => [
      about(EventKind.xsSyncForCpu, sync),
      ...cflush(0x141000000 + i * 0x1000, 64, INVAL),
      ...cflush(0x142000000 + i * 0x1000, 64, INVAL),
      syncForCpu(sync),
    ]);
    const end = [
      xsUnmap(b),
      ...cflush(0x150000000, 4096, INVAL),
      ...cflush(b.dma + 4096, 4096, INVAL),
      unmap(b),
    ];
    const outcome = replayText(
      trace(p2m(0x48000, 0x140000, 2), xsMap(b), cflushAll(b.dma, b.size, INVAL), map(b), ...strays, end),
    );
    const stale = outcome.findings().find(({ rule }) => rule === 'stale-cpu-read');
    expect(stale?.explanation).toMatch(/bus=0x150000000 .* lands on a frame that is not this mapping/);
  });

  test('names the hypercall that hit another frame', () => {
    const b = { dma: 0x140000000, phys: 0x48000000, size: 4096, dir: toDevice };
    const outcome = replayText(
      trace(p2m(0x48000, 0x140000), xsMap(b), cflush(0x150000000, 4096, CLEAN), map(b), unmap(b)),
    );
    expect(outcome.findings().find(({ rule }) => rule === 'wrong-frame')?.explanation).toBe(
      `[0x150000000, 0x150001000) is no frame of this mapping: GNTTABOP_cache_flush CLEAN bus=0x150000000 off=0x0 len=0x1000 at map (line ${FIRST + 2}) lands on [0x150000000, 0x150001000)`,
    );
  });

  test('names the call of a design, whose operations have no lines', () => {
    const b = { dma: 0x140000200, phys: 0x48000200, size: 0x2000, dir: toDevice };
    const outcome = replayText(
      trace(p2m(0x48000, 0x140000, 3), cflushAll(b.dma, b.size, CLEAN), map(b), unmap(b)),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.findings('linux-6.12')[0]?.explanation).toMatch(/at map \(line \d+\) is meant for/);
    expect(outcome.findings('linux-6.12')[0]?.explanation).toContain(`line ${FIRST + 7}`);
  });
});

describe('a story', () => {
  test.each<[string, Lines]>([
    ['a stale device read', [map(tx), archForCpu(tx), unmap(tx)]],
    ['a stale CPU read', [archForDevice(rx), map(rx), unmap(rx)]],
    [
      'data beside the buffer',
      [
        archForDevice({ ...rx, dma: rx.dma + 8, size: 64 }),
        map({ ...rx, dma: rx.dma + 8, size: 64 }),
        archForCpu({ ...rx, dma: rx.dma + 8, size: 64 }),
        unmap({ ...rx, dma: rx.dma + 8, size: 64 }),
      ],
    ],
  ])('is told of %s, with as many hardware moves as the finding has', (_name, lines) => {
    const quiet = archForDevice({ ...rx, dma: 0xcf000000 });
    const outcome = replayText(trace(...lines, quiet), BARE);
    const { problems } = outcome.of('recorded').track.findings;
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems)
      expect(outcome.result.story(problem)?.witness.hardwareMoves).toBe(
        problem.example.finding.hardwareMoves,
      );
  });

  test('is not told where no cache is involved', () => {
    const b = { dma: 0x140000000, phys: 0x48000000, size: 4096, dir: toDevice };
    const outcome = replayText(
      trace(p2m(0x48000, 0x140000), cflush(0x150000000, 4096, CLEAN), map(b), unmap(b)),
    );
    const wrong = outcome.of('recorded').track.findings.problems.find(({ rule }) => rule === 'wrong-frame');
    expect(wrong && outcome.result.story(wrong)).toBeUndefined();
  });

  test('names the calls whose maintenance does not reach the line', () => {
    const outcome = replayText(trace(archForDevice(rx), map(rx), unmap(rx)), BARE);
    const [problem] = outcome.of('recorded').track.findings.problems;
    const story = problem && outcome.result.story(problem);
    expect([...(story?.missedActs ?? [])].map(({ name }) => name)).toEqual(['unmap']);
  });

  test('after a read at a sync the line is cached: the next read is stale with no hardware move', () => {
    const outcome = replayText(
      trace(
        archForDevice(rx),
        map(rx),
        forCpu(rx),
        syncForDevice(rx),
        syncForCpu(rx),
        archForCpu(rx),
        unmap(rx),
      ),
      BARE,
    );
    const [problem] = outcome.of('recorded').track.findings.problems;
    expect(problem?.example.finding.hardwareMoves).toBe(0);
    expect(problem && outcome.result.story(problem)?.witness.hardwareMoves).toBe(0);
  });
});
