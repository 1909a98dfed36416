/** Whose operation is it, and what is not certain: contexts, lost events, cut lists, failed calls. */
import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { Context, EventKind } from '../trace/index.ts';
import {
  archForCpu,
  archForDevice,
  type BufferOf,
  CLEAN,
  cflush,
  cflushAll,
  FIRST,
  INVAL,
  line,
  lost,
  map,
  mapSg,
  mapSgError,
  type Outcome,
  p2m,
  replayText,
  syncForCpu,
  syncForDevice,
  trace,
  unmap,
  unmapSg,
  type Where,
  xsMap,
  xsUnmap,
} from './testing.ts';

const { toDevice, fromDevice } = Direction;
const FAILED = -1;
const hard: Where = { context: Context.hardirq };
const soft: Where = { context: Context.softirq };
const idle: Where = { pid: 0 };

const rx = (i: number, where: Where = {}): BufferOf => ({
  dma: 0xc1000000 + i * 0x4000,
  size: 4096,
  dir: fromDevice,
  where,
});
const foreignRx = (i: number, where: Where = {}): BufferOf => ({
  dma: 0x140000000 + i * 0x4000,
  phys: 0x48000000 + i * 0x4000,
  size: 4096,
  dir: fromDevice,
  where,
});
const grants = [0, 1, 2, 3].map((i) => p2m(0x48000 + i * 4, 0x140000 + i * 4, 4));

const mapped = (b: BufferOf) => [archForDevice(b), map(b)];
const unmapped = (b: BufferOf) => [archForCpu(b), unmap(b)];
const mappedForeign = (b: BufferOf) => [...cflushAll(b.dma, b.size, INVAL, b.where), map(b)];

/** Everything right, and every prediction met. */
function expectRight(outcome: Outcome, operations: number): void {
  expect(outcome.summary.unparsed).toBe(0);
  expect(outcome.errors()).toEqual([]);
  expect(outcome.mismatches('linux-6.12')).toEqual([]);
  expect(outcome.conformance('linux-6.12')).toBe(`${operations}/${operations}`);
}

describe('contexts', () => {
  test('a hard interrupt\u2019s unmap between an unmap\u2019s entry and its flush', () => {
    const [outer, inner] = [foreignRx(0), foreignRx(1, hard)];
    const text = trace(
      grants,
      mappedForeign(outer),
      mappedForeign(foreignRx(1)),
      xsUnmap(outer),
      xsUnmap(inner),
      cflushAll(inner.dma, inner.size, INVAL, hard),
      unmap(inner),
      cflushAll(outer.dma, outer.size, INVAL),
      unmap(outer),
    );
    expectRight(replayText(text), 4);
  });

  test('a hard interrupt\u2019s unmap between a flush and what Xen answered it', () => {
    const [outer, inner] = [foreignRx(0), foreignRx(1, hard)];
    const [flush = '', refused = ''] = cflush(outer.dma, 4096, INVAL, {}, -22);
    const outcome = replayText(
      trace(
        grants,
        mappedForeign(outer),
        mappedForeign(foreignRx(1)),
        flush,
        cflushAll(inner.dma, inner.size, INVAL, hard),
        unmap(inner),
        refused,
        unmap(outer),
      ),
    );
    const line = FIRST + grants.length + 2;
    expect(outcome.errors()).toEqual([`${line} stale-cpu-read`]);
  });

  test('soft interrupts, hard interrupts and a process on one CPU', () => {
    const [process, softly, hardly] = [rx(0), rx(1, soft), rx(2, hard)];
    const text = trace(
      archForDevice(process),
      archForDevice(softly),
      archForDevice(hardly),
      map(hardly),
      map(softly),
      map(process),
      archForCpu(process),
      archForCpu(softly),
      unmapped(hardly),
      unmap(softly),
      unmap(process),
    );
    expectRight(replayText(text), 6);
  });

  test('the same interrupt level on two CPUs', () => {
    const [one, other] = [rx(0, { ...soft, cpu: 0 }), rx(1, { ...soft, cpu: 1 })];
    const text = trace(
      archForDevice(one),
      archForDevice(other),
      map(one),
      map(other),
      archForCpu(other),
      archForCpu(one),
      unmap(one),
      unmap(other),
    );
    expectRight(replayText(text), 4);
  });

  test('a process that moves to another CPU in the middle of a call', () => {
    const before = rx(0, { cpu: 0, pid: 7 });
    const after = rx(0, { cpu: 1, pid: 7 });
    expectRight(replayText(trace(archForDevice(before), map(after), archForCpu(before), unmap(after))), 2);
  });

  test('idle tasks are told apart by their CPUs', () => {
    const [one, other] = [rx(0, { ...idle, cpu: 0 }), rx(1, { ...idle, cpu: 1 })];
    const text = trace(
      archForDevice(one),
      archForDevice(other),
      map(one),
      map(other),
      unmapped(one),
      unmapped(other),
    );
    expectRight(replayText(text), 4);
  });

  test('two mappings of one size: the operation of each is its own', () => {
    const outcome = replayText(
      trace(archForDevice(rx(0)), map(rx(0)), map(rx(1)), unmapped(rx(0)), unmapped(rx(1))),
    );
    expect(outcome.errors()).toEqual([`${FIRST + 2} stale-cpu-read`]);
  });
});

describe('a trace without the flags column', () => {
  const withoutFlags = (text: string) => text.replace(/\] [^ ]{5} +(?=\d+\.)/g, '] ');

  test('is told for what it is', () => {
    const outcome = replayText(withoutFlags(trace(mapped(rx(0)), unmapped(rx(0)))));
    expect(outcome.summary.contextKnown).toBe(false);
    expectRight(outcome, 2);
  });

  test('an interrupt\u2019s unmap in the middle of another takes only what is its own', () => {
    const text = trace(
      mapped(rx(0)),
      mapped(rx(1)),
      archForCpu(rx(0)),
      archForCpu(rx(1, hard)),
      unmap(rx(1, hard)),
      unmap(rx(0)),
    );
    expectRight(replayText(withoutFlags(text)), 4);
  });

  test('so does one of foreign pages', () => {
    const text = trace(
      grants,
      mappedForeign(foreignRx(0)),
      mappedForeign(foreignRx(1)),
      cflushAll(foreignRx(0).dma, 4096, INVAL),
      cflushAll(foreignRx(1).dma, 4096, INVAL, hard),
      unmap(foreignRx(1, hard)),
      unmap(foreignRx(0)),
    );
    expectRight(replayText(withoutFlags(text)), 4);
  });
});

describe('sg lists', () => {
  const entries = [
    { dma: 0xc1000000, size: 4096 },
    { dma: 0xc2000200, size: 1024 },
  ];
  const list = { entries, dir: fromDevice };
  const eachForDevice = entries.map((e) => archForDevice({ ...e, dir: fromDevice }));
  const eachForCpu = entries.map((e) => archForCpu({ ...e, dir: fromDevice }));

  test('an unmap is printed before its maintenance', () => {
    expectRight(replayText(trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu)), 4);
  });

  test('an entry whose maintenance does not follow is found, and the other is not', () => {
    const outcome = replayText(trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu.slice(1)));
    expect(outcome.findings()).toMatchObject([{ dma: 0xc1000000, size: 4096, rule: 'stale-cpu-read' }]);
  });

  test('a trace that ends before an entry\u2019s maintenance leaves the entry inconclusive, and nothing mismatched', () => {
    const outcome = replayText(trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu.slice(0, 1)));
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toHaveLength(1);
    expect(outcome.mismatches('linux-6.12')).toEqual([]);
    expect(outcome.verdict('linux-6.12')).not.toBe('inconclusive');
  });

  test('a trace of standard events that ends with a list\u2019s unmap leaves no design inconclusive', () => {
    const outcome = replayText(trace(mapSg(list), unmapSg(list)));
    expect(outcome.verdict()).toBe('not-recorded');
    expect(outcome.inconclusiveLines('linux-6.12')).toEqual([]);
  });

  test('a trace that goes on after the call shows that an entry\u2019s maintenance is missing', () => {
    const later = line(EventKind.marker, { text: 'later' });
    const outcome = replayText(
      trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu.slice(0, 1), later),
    );
    expect(outcome.findings()).toMatchObject([{ dma: 0xc2000200, rule: 'stale-cpu-read' }]);
  });

  test('a finding names the entry\u2019s address and size and the list\u2019s line', () => {
    const outcome = replayText(trace(mapSg(list), unmapSg(list), eachForCpu));
    expect(outcome.findings()).toMatchObject([
      { line: FIRST, dma: 0xc1000000, size: 4096 },
      { line: FIRST, dma: 0xc2000200, size: 1024 },
    ]);
  });

  test('two entries that are the same page with the same size each get an operation', () => {
    const page = { dma: 0xc1000000, size: 2048 };
    const twice = { entries: [page, page], dir: fromDevice };
    const forDevice = archForDevice({ ...page, dir: fromDevice });
    const forCpu = archForCpu({ ...page, dir: fromDevice });
    expectRight(replayText(trace(forDevice, forDevice, mapSg(twice), unmapSg(twice), forCpu, forCpu)), 4);
  });

  test('an operation one byte short is still its entry\u2019s', () => {
    const short = { ...entries[0], dma: 0xc1000000, size: 4095, dir: fromDevice };
    const outcome = replayText(
      trace(eachForDevice, mapSg(list), unmapSg(list), archForCpu(short), eachForCpu.slice(1)),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.mismatches('linux-6.12')).toHaveLength(1);
  });

  test('the operations of a list that was mapped before the recording are nobody else\u2019s', () => {
    const tx = { dma: 0x140000000, phys: 0x48000000, size: 4096, dir: toDevice };
    const outcome = replayText(
      trace(grants, cflushAll(tx.dma, 4096, CLEAN), map(tx), unmapSg(list), eachForCpu, unmap(tx)),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.mismatches('linux-6.12')).toEqual([]);
  });

  test('two entries of one foreign page, each of two chunks', () => {
    const half = { dma: 0x140000800, phys: 0x48000800, size: 4096 };
    const twice = { entries: [half, { ...half }], dir: fromDevice };
    const chunks = [...cflushAll(half.dma, 4096, INVAL), ...cflushAll(half.dma, 4096, INVAL)];
    const outcome = replayText(trace(grants, chunks, mapSg(twice), unmapSg(twice), chunks), {
      designs: ['linux-3.19'],
      own: 'linux-3.19',
    });
    expect(outcome.errors()).toEqual([]);
    expect(outcome.conformance('linux-3.19')).toBe('8/8');
  });

  test('another mapping\u2019s event ends what an unmap waits for', () => {
    const text = trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu, mapped(rx(5)), unmapped(rx(5)));
    expectRight(replayText(text), 6);
  });

  test('the maintenance at the very end of the trace is still taken', () => {
    const outcome = replayText(trace(eachForDevice, mapSg(list), unmapSg(list), eachForCpu));
    expect(outcome.verdict()).toBe('clean');
  });

  test('an unmap of a list in a hard interrupt while another of the same size waits in its process', () => {
    const other = { entries: entries.map((e) => ({ ...e, dma: e.dma + 0x100000 })), dir: fromDevice };
    const otherOps = (make: typeof archForCpu, where: Where) =>
      other.entries.map((e) => make({ ...e, dir: fromDevice, where }));
    const text = trace(
      eachForDevice,
      mapSg(list),
      otherOps(archForDevice, {}),
      mapSg(other),
      unmapSg(list),
      eachForCpu.slice(0, 1),
      unmapSg({ ...other, where: hard }),
      otherOps(archForCpu, hard),
      eachForCpu.slice(1),
    );
    expectRight(replayText(text), 8);
  });
});

describe('calls that failed', () => {
  const failed = { ...rx(0), dma: FAILED, phys: 0xc1000000 };

  test('a failed map\u2019s operations are not given to the next event', () => {
    const outcome = replayText(trace(archForDevice(rx(0)), map(failed), map(rx(0)), unmapped(rx(0))));
    expect(outcome.errors()).toEqual([`${FIRST + 2} stale-cpu-read`]);
    expect(outcome.conformance('linux-6.12')).toBe('1/2');
  });

  test('a failed map makes no mapping', () => {
    const outcome = replayText(trace(map(failed), mapped(rx(1)), unmapped(rx(1))));
    expect(outcome.replay.session.mappings).toBe(1);
    expectRight(outcome, 2);
  });

  test('a failed list\u2019s operations are not given to the next event', () => {
    const list = { entries: [{ dma: 0xc1000000, size: 4096 }], dir: fromDevice };
    const outcome = replayText(
      trace(
        archForDevice(rx(0)),
        mapSgError({ ...list, entries: [], physAddrs: [0xc1000000] }),
        map(rx(0)),
        unmapped(rx(0)),
      ),
    );
    expect(outcome.errors()).toEqual([`${FIRST + 2} stale-cpu-read`]);
  });

  test('the entries of a failed list that were undone with SKIP leave nothing behind', () => {
    const text = trace(
      xsMap(rx(0)),
      archForDevice(rx(0)),
      xsUnmap({ ...rx(0), attrs: 32 }),
      mapSgError({ entries: [], physAddrs: [0xc1000000, 0xc2000000], dir: fromDevice }),
      xsMap(rx(1)),
      archForDevice(rx(1)),
      map(rx(1)),
      xsUnmap(rx(1)),
      unmapped(rx(1)),
    );
    expectRight(replayText(text), 2);
  });
});

describe('lost events', () => {
  const marker = lost(0, 12);

  test('a mapping alive across them is inconclusive, and no error', () => {
    const outcome = replayText(trace(mapped(rx(0)), marker, unmap(rx(0))));
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 1]);
    expect(outcome.verdict()).toBe('inconclusive');
    expect(outcome.of('recorded').inconclusive[0]?.because).toContain(`line ${FIRST + 2}`);
  });

  test('a mapping before or after them is judged', () => {
    const outcome = replayText(
      trace(
        mapped(rx(0)),
        unmap(rx(0)),
        marker,
        // The first call after them is cut.
        mapped(rx(1)),
        mapped(rx(2)),
        unmap(rx(2)),
      ),
    );
    expect(outcome.errorLines()).toEqual([FIRST + 1, FIRST + 7]);
  });

  test('a map cut by them is inconclusive: its operations may be among the lost', () => {
    const outcome = replayText(trace(marker, map(rx(0)), unmapped(rx(0))));
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 1]);
  });

  test('the next call of that context is certain again', () => {
    const outcome = replayText(trace(marker, map(rx(0)), map(rx(1)), unmapped(rx(1)), unmapped(rx(0))));
    expect(outcome.errors()).toEqual([`${FIRST + 2} stale-cpu-read`]);
  });

  test('each context is cut once: an interrupt\u2019s first call after them too', () => {
    const [inIrq, inProcess] = [rx(0, hard), rx(1)];
    const outcome = replayText(
      trace(marker, mapped(inProcess), map(inIrq), unmapped(inIrq), unmapped(inProcess)),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines().sort()).toEqual([FIRST + 2, FIRST + 3].sort());
  });

  test('events of one CPU that were lost leave an interrupt of another CPU certain', () => {
    const other = rx(0, { cpu: 1, ...hard });
    const outcome = replayText(trace(marker, map(other), unmapped(other)));
    expect(outcome.errors()).toEqual([`${FIRST + 1} stale-cpu-read`]);
  });

  test('a process may have been on any CPU', () => {
    const outcome = replayText(
      trace(lost(1), map(rx(0, { cpu: 0, pid: 7 })), unmapped(rx(0, { cpu: 0, pid: 7 }))),
    );
    expect(outcome.errors()).toEqual([]);
  });

  test('nothing that they cut counts in conformance', () => {
    const outcome = replayText(trace(mapped(rx(0)), marker, unmap(rx(0)), mapped(rx(1)), unmapped(rx(1))));
    expect(outcome.mismatches('linux-6.12')).toEqual([]);
  });

  test('designs are inconclusive on the same mappings', () => {
    const outcome = replayText(trace(mapped(rx(0)), marker, unmap(rx(0))));
    expect(outcome.inconclusiveLines('linux-6.12')).toEqual([FIRST + 1]);
  });

  test('operations before them are not given to a call after them', () => {
    const outcome = replayText(trace(archForDevice(rx(0)), marker, map(rx(1)), map(rx(0)), unmapped(rx(0))));
    expect(outcome.errors()).not.toContain(`${FIRST + 2} stale-cpu-read`);
  });

  test('a sg list that is being unmapped when they come is inconclusive', () => {
    const list = { entries: [{ dma: 0xc1000000, size: 4096 }], dir: fromDevice };
    const outcome = replayText(trace(archForDevice(rx(0)), mapSg(list), unmapSg(list), marker, map(rx(1))));
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toContain(FIRST + 1);
  });

  test('a wrapped buffer: the first calls are second halves', () => {
    const text = trace(map(rx(0)), unmapped(rx(0)), mapped(rx(1)), unmapped(rx(1))).replace(
      '#\n',
      '#\n# entries-in-buffer/entries-written: 8/3000   #P:2\n#\n',
    );
    const outcome = replayText(text);
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 2]);
  });

  test('a sync cut by them is inconclusive', () => {
    const outcome = replayText(
      trace(mapped(rx(0)), marker, syncForCpu(rx(0)), syncForDevice(rx(0)), unmapped(rx(0))),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.verdict()).toBe('inconclusive');
  });
});

describe('an event that cannot be read', () => {
  const unreadable = archForDevice(rx(0)).replace('paddr=0x', 'paddr=zz');

  test('acts as a lost one', () => {
    const outcome = replayText(trace(unreadable, map(rx(0)), unmapped(rx(0))));
    expect(outcome.summary.unparsed).toBe(1);
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 1]);
  });

  test('makes a mapping alive at that moment inconclusive, and says where', () => {
    const outcome = replayText(trace(mapped(rx(0)), unreadable, unmapped(rx(0))));
    expect(outcome.of('recorded').inconclusive).toMatchObject([{ line: FIRST + 1 }]);
    expect(outcome.of('recorded').inconclusive[0]?.because).toContain(`line ${FIRST + 2}`);
  });
});

describe('a list cut at what an event can print', () => {
  const cut = {
    entries: [{ dma: 0xc1000000, size: 4096 }],
    dir: fromDevice,
    nents: 3,
    ents: 3,
    truncated: true,
    physAddrs: [0xc1000000],
  };
  const three = [0, 1, 2].map((i) => ({ dma: 0xc1000000 + i * 4096, size: 4096, dir: fromDevice }));

  test('is inconclusive, and the entries that were printed are judged', () => {
    const outcome = replayText(
      trace(
        three.map(xsMap).flatMap((x, i) => [x, archForDevice(three[i] as BufferOf)]),
        mapSg(cut),
      ),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.verdict()).toBe('inconclusive');
    expect(outcome.of('recorded').inconclusive[0]?.because).toContain('1 of 3');
  });

  test('the operations of the entries that were not printed are nobody else\u2019s', () => {
    const outcome = replayText(
      trace(
        three.flatMap((b) => [xsMap(b), archForDevice(b)]),
        mapSg(cut),
        xsMap(rx(4)),
        archForDevice(rx(4)),
        map(rx(4)),
        xsUnmap(rx(4)),
        unmapped(rx(4)),
      ),
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.mismatches('linux-6.12')).toEqual([]);
  });
});

test('foreign transmit buffers in a busy trace keep their own chunks', () => {
  const tx = (i: number): BufferOf => ({ ...foreignRx(i), dir: toDevice });
  const text = trace(
    grants,
    [0, 1, 2, 3].flatMap((i) => [...cflushAll(tx(i).dma, 4096, CLEAN), map(tx(i))]),
    [3, 1, 0, 2].map((i) => unmap(tx(i))),
  );
  expectRight(replayText(text), 4);
});
