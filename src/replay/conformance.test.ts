/** Small faults in a recording: who sees them, the judge or the comparison with the design. */
import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import {
  archForCpu,
  archForDevice,
  BARE,
  type BufferOf,
  CLEAN,
  cflush,
  cflushAll,
  FIRST,
  INVAL,
  map,
  p2m,
  replayText,
  trace,
  unmap,
  xsMap,
} from './testing.ts';

const { toDevice, fromDevice } = Direction;
const local: BufferOf = { dma: 0xc1000000, size: 4096, dir: fromDevice };
const foreign: BufferOf = { dma: 0x13fadf000, phys: 0x4dc15000, size: 4096, dir: fromDevice };
const granted = p2m(0x4dc15, 0x13fadf);

const rightLocal = [archForDevice(local), map(local), archForCpu(local), unmap(local)];
const rightForeign = [
  granted,
  cflushAll(foreign.dma, 4096, INVAL),
  map(foreign),
  cflushAll(foreign.dma, 4096, INVAL),
  unmap(foreign),
];

test('a right recording is clean and conforms', () => {
  const outcome = replayText(trace(...rightLocal, ...rightForeign));
  expect([outcome.verdict(), outcome.conformance('linux-6.12')]).toEqual(['clean', '4/4']);
});

describe('an operation one byte short', () => {
  const short = { ...local, size: 4095 };
  const native = trace(archForDevice(local), map(local), archForCpu(short), unmap(local));
  const flushed = trace(
    granted,
    cflushAll(foreign.dma, 4096, INVAL),
    map(foreign),
    cflushAll(foreign.dma, 4095, INVAL),
    unmap(foreign),
  );

  test.each([
    ['native', native],
    ['hypercall', flushed],
  ])('is unseen by the judge: lines hide it (%s)', (_name, text) => {
    expect(replayText(text).errors()).toEqual([]);
  });

  test('is a mismatch (native)', () => {
    expect(replayText(native).mismatches('linux-6.12')).toEqual([
      {
        call: FIRST + 3,
        line: FIRST + 2,
        predicted: 'arch_sync_dma_for_cpu 0xc1000000 size=0x1000 FROM_DEVICE',
        recorded: 'arch_sync_dma_for_cpu 0xc1000000 size=0xfff FROM_DEVICE',
      },
    ]);
  });

  test('is a mismatch (hypercall)', () => {
    expect(replayText(flushed).mismatches('linux-6.12')).toMatchObject([
      {
        line: FIRST + 4,
        predicted: 'GNTTABOP_cache_flush INVAL bus=0x13fadf000 off=0x0 len=0x1000',
        recorded: 'GNTTABOP_cache_flush INVAL bus=0x13fadf000 off=0x0 len=0xfff',
      },
    ]);
  });
});

test('an operation one line short is an error of exactly that line', () => {
  const short = { ...local, size: 4032 };
  const outcome = replayText(trace(archForDevice(local), map(local), archForCpu(short), unmap(local)));
  expect(outcome.findings()).toMatchObject([
    { rule: 'stale-cpu-read', missed: [[local.dma + 4032, local.dma + 4096]], touched: [] },
  ]);
});

test('an operation in the wrong direction is a mismatch', () => {
  const outcome = replayText(trace(archForDevice({ ...local, dir: toDevice }), map(local)));
  expect(outcome.mismatches('linux-6.12')).toHaveLength(1);
});

test('an operation too many is a mismatch with nothing predicted', () => {
  const outcome = replayText(trace(archForDevice(local), archForDevice(local), map(local)));
  const [mismatch] = outcome.mismatches('linux-6.12');
  expect(mismatch).toMatchObject({ line: FIRST + 1, predicted: null });
  expect(outcome.conformance('linux-6.12')).toBe('1/2');
});

test('the same operations in another order are not the same', () => {
  const two = { ...foreign, size: 8192 };
  const [first, second] = [cflush(foreign.dma, 4096, INVAL), cflush(foreign.dma + 4096, 4096, INVAL)];
  const outcome = replayText(trace(p2m(0x4dc15, 0x13fadf, 2), xsMap(two), second, first, map(two)));
  expect(outcome.conformance('linux-6.12')).not.toBe('2/2');
});

describe('a hypercall that lands on another frame', () => {
  const text = trace(
    granted,
    cflush(foreign.dma + 0x10000, 4096, INVAL),
    map(foreign),
    cflushAll(foreign.dma, 4096, INVAL),
    unmap(foreign),
  );

  test('is a wrong frame, with the bytes it landed on', () => {
    const wrong = replayText(text)
      .findings()
      .filter(({ rule }) => rule === 'wrong-frame');
    expect(wrong).toMatchObject([
      { hardwareMoves: null, touched: [[foreign.dma + 0x10000, foreign.dma + 0x11000]] },
    ]);
  });

  test('leaves the buffer unmaintained', () => {
    expect(replayText(text).errors()).toContain(`${FIRST + 3} stale-cpu-read`);
  });
});

test('native maintenance through an alias that nobody has is a fault', () => {
  const dead = { ...foreign, dma: 0x13fadf000, phys: 0x13fadf000 };
  const outcome = replayText(
    trace(granted, cflushAll(foreign.dma, 4096, INVAL), map(foreign), archForCpu(dead), unmap(foreign)),
  );
  expect(outcome.findings().filter(({ rule }) => rule === 'fault')).toMatchObject([
    { hardwareMoves: null, touched: [[0x13fadf000, 0x13fae0000]] },
  ]);
});

describe('a hypercall that Xen refused', () => {
  const text = trace(
    granted,
    cflush(foreign.dma, 4096, INVAL, {}, -22),
    map(foreign),
    cflushAll(foreign.dma, 4096, INVAL),
    unmap(foreign),
  );

  test('counts as not done', () => {
    expect(replayText(text).errors()).toEqual([`${FIRST + 3} stale-cpu-read`]);
  });

  test('is what the design predicted all the same', () => {
    expect(replayText(text).conformance('linux-6.12')).toBe('2/2');
  });

  test('costs a hypercall and no lines', () => {
    const { cost } = replayText(text).of('recorded').track;
    expect([cost.hypercalls, cost.linesInvalidated]).toEqual([2, 64]);
  });

  test('does not make the design wrong', () => {
    expect(replayText(text).errors('linux-6.12')).toEqual([]);
  });
});

test('what crosses the page is refused by Xen whatever it answered', () => {
  const outcome = replayText(
    trace(
      granted,
      cflush(foreign.dma + 2048, 4096, INVAL),
      map({ ...foreign, dma: foreign.dma + 2048, phys: 0x4dc15800, size: 2048 }),
      cflushAll(foreign.dma + 2048, 2048, INVAL),
      unmap({ ...foreign, dma: foreign.dma + 2048, phys: 0x4dc15800, size: 2048 }),
    ),
  );
  expect(outcome.errors()).toEqual([`${FIRST + 3} stale-cpu-read`]);
});

describe('cost', () => {
  test('counts the lines that each instruction works on', () => {
    const b = { dma: 0xc1000020, size: 256, dir: fromDevice };
    const { cost } = replayText(trace(archForDevice(b), map(b), archForCpu(b), unmap(b)), BARE).of(
      'recorded',
    ).track;
    expect(cost).toMatchObject({
      linesCleaned: 5,
      linesInvalidated: 3,
      linesCleanInvalidated: 2,
      hypercalls: 0,
    });
  });

  test('counts lines by the CPU’s addresses, also where the bus is shifted by less than a line', () => {
    const b = { dma: 0x80000800, phys: 0x40000010, size: 96, dir: fromDevice };
    const { cost } = replayText(trace(map(b), archForCpu({ ...b, dma: b.phys }), unmap(b))).of(
      'recorded',
    ).track;
    expect(cost).toMatchObject({ linesInvalidated: 0, linesCleanInvalidated: 2 });
  });

  test('counts what the mappings before the recording cost too', () => {
    const { cost } = replayText(trace(archForCpu(local), unmap(local)), BARE).of('recorded').track;
    expect(cost.linesInvalidated).toBe(64);
  });

  test('has CLEAN and INVAL in one hypercall as clean and invalidate', () => {
    const { cost } = replayText(trace(granted, cflush(foreign.dma, 4096, CLEAN + INVAL), map(foreign))).of(
      'recorded',
    ).track;
    expect(cost.linesCleanInvalidated).toBe(64);
  });
});
