import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { EventKind } from '../trace/index.ts';
import {
  about,
  archForCpu,
  archForDevice,
  BARE,
  type BufferOf,
  FIRST,
  type Lines,
  lost,
  map,
  mapSg,
  replayText,
  syncForCpu,
  syncForDevice,
  syncSgForCpu,
  trace,
  unmap,
  unmapSg,
} from './testing.ts';

const { bidirectional, toDevice, fromDevice } = Direction;
const SKIP = 32;
const rx: BufferOf = { dma: 0xc1000000, size: 2048, dir: fromDevice };
const tx: BufferOf = { ...rx, dir: toDevice };
const both: BufferOf = { ...rx, dir: bidirectional };
const list = {
  entries: [
    { dma: 0xc1000000, size: 4096 },
    { dma: 0xc2000000, size: 4096 },
  ],
  dir: fromDevice,
};

const misuse = (...lines: Lines): string[] => replayText(trace(...lines), BARE).misuse();
const line = (index: number) => FIRST + index;

describe('is reported', () => {
  test.each<[string, Lines, string[]]>([
    [
      'an unmap of what was unmapped already',
      [map(rx), unmap(rx), unmap(rx)],
      [`unmap-unallocated ${line(2)}`],
    ],
    [
      'a second live mapping that the device writes, beginning in the same line',
      [map(rx), map({ ...both, size: 64 })],
      [`overlap ${line(1)}`],
    ],
    [
      'a sync of what was unmapped already',
      [map(rx), unmap(rx), syncForCpu(rx)],
      [`sync-unallocated ${line(2)}`],
    ],
    [
      'a sync for the device of what was unmapped already',
      [map(rx), unmap(rx), syncForDevice(rx)],
      [`sync-unallocated ${line(2)}`],
    ],
    ['an unmap with another size', [map(rx), unmap({ ...rx, size: 1024 })], [`unmap-size ${line(1)}`]],
    ['an unmap with another direction', [map(rx), unmap(tx)], [`unmap-direction ${line(1)}`]],
    ['an unmap of both directions as one', [map(both), unmap(rx)], [`unmap-direction ${line(1)}`]],
    [
      'an unmap of an sg entry as a single mapping',
      [mapSg(list), unmap({ dma: 0xc2000000, size: 4096, dir: fromDevice })],
      [`unmap-type ${line(1)}`],
    ],
    [
      'an unmap of coherent memory as a streaming mapping',
      [about(EventKind.alloc, { ...rx, dir: bidirectional }), unmap({ ...rx, dir: bidirectional })],
      [`unmap-type ${line(1)}`],
    ],
    [
      'a free of a streaming mapping as coherent memory',
      [map(both), about(EventKind.free, both)],
      [`unmap-type ${line(1)}`],
    ],
    [
      'an unmap that skips the maintenance which the map did',
      [map(rx), unmap({ ...rx, attrs: SKIP })],
      [`unmap-attributes ${line(1)}`],
    ],
    [
      'an unmap with fewer sg entries than were mapped',
      [mapSg(list), unmapSg({ ...list, entries: list.entries.slice(0, 1) })],
      [`unmap-sg-nents ${line(1)}`],
    ],
    [
      'an unmap of an sg list with another direction',
      [mapSg(list), unmapSg({ ...list, dir: toDevice })],
      [`unmap-direction ${line(1)}`],
    ],
    [
      'a sync past the end of the mapping',
      [map(rx), syncForCpu({ ...rx, dma: rx.dma + 1024 })],
      [`sync-range ${line(1)}`],
    ],
    ['a sync with another direction', [map(rx), syncForCpu(tx)], [`sync-direction ${line(1)}`]],
    [
      'a sync of both directions on a mapping of one',
      [map(tx), syncForDevice(both)],
      [`sync-direction ${line(1)}`],
    ],
    [
      'a sync of an sg entry with another direction',
      [mapSg(list), syncSgForCpu({ ...list, dir: toDevice, entries: list.entries.slice(1) })],
      [`sync-direction ${line(1)}`],
    ],
  ])('%s', (_name, lines, expected) => {
    expect(misuse(...lines)).toEqual(expected);
  });

  test('with the address, the size, the direction and the line of the map', () => {
    const { kept } = replayText(trace(map(rx), unmap({ ...rx, size: 1024 })), BARE).replay.session.misuse;
    expect(kept).toMatchObject([
      { dma: rx.dma, size: 1024, direction: fromDevice, device: '0000:00:01.0', severity: 'error' },
    ]);
    expect(kept[0]?.explanation).toContain(`line ${line(0)}`);
  });

  test('each of several faults of one call', () => {
    expect(misuse(map(rx), unmap({ ...tx, size: 1024 }))).toEqual([
      `unmap-size ${line(1)}`,
      `unmap-direction ${line(1)}`,
    ]);
  });
});

describe('is legal', () => {
  test.each<[string, Lines]>([
    ['a map and its unmap', [map(rx), unmap(rx)]],
    ['giving a receive buffer back after a look', [map(rx), syncForCpu(rx), syncForDevice(rx), unmap(rx)]],
    ['a sync for the CPU of what the device only reads', [map(tx), syncForCpu(tx), unmap(tx)]],
    ['any direction on a BIDIRECTIONAL mapping', [map(both), syncForCpu(rx), syncForDevice(tx), unmap(both)]],
    ['a sync of a part', [map(rx), syncForCpu({ ...rx, dma: rx.dma + 64, size: 128 }), unmap(rx)]],
    ['a sync of the last byte', [map(rx), syncForCpu({ ...rx, dma: rx.dma + 2047, size: 1 })]],
    ['an unmap of what was mapped before the recording began', [unmap(rx)]],
    ['a sync of what was mapped before the recording began', [syncForCpu(rx)]],
    ['what is still mapped at the end', [map(rx)]],
    ['two live mappings of one address', [map(tx), map(tx), unmap(tx), unmap(tx)]],
    [
      'two live mappings of one address with other sizes',
      [map(tx), map({ ...tx, size: 64 }), unmap(tx), unmap({ ...tx, size: 64 })],
    ],
    [
      'the same address mapped by another device that only reads',
      [map(tx), map({ ...tx, device: 1 }), unmap(tx), unmap({ ...tx, device: 1 })],
    ],
    ['mapping again what was unmapped', [map(rx), unmap(rx), map(rx), unmap(rx)]],
    ['an sg list', [mapSg(list), unmapSg(list)]],
    ['NO_WARN at map only', [map({ ...rx, attrs: 256 }), unmap(rx)]],
    ['SKIP_CPU_SYNC at both ends', [map({ ...rx, attrs: SKIP }), unmap({ ...rx, attrs: SKIP })]],
    [
      'a resource that dma_map_resource made and dma_unmap_resource ends',
      [about(EventKind.mapResource, rx), about(EventKind.unmapResource, rx)],
    ],
    ['coherent memory', [about(EventKind.alloc, both), about(EventKind.free, both)]],
    [
      'pages that the driver syncs',
      [about(EventKind.allocPages, both), syncForCpu(both), about(EventKind.freePages, both)],
    ],
    ['an unmap after events were lost: the map may be among them', [map(rx), unmap(rx), lost(0), unmap(rx)]],
  ])('%s', (_name, lines) => {
    expect(misuse(...lines)).toEqual([]);
  });
});

test('misuse of one mapping leaves the maintenance of it judged', () => {
  const outcome = replayText(
    trace(archForDevice(rx), map(rx), archForCpu({ ...rx, size: 1024 }), unmap({ ...rx, size: 1024 })),
    BARE,
  );
  expect(outcome.misuse()).toEqual([`unmap-size ${line(3)}`]);
});

describe('overlap', () => {
  test('is legal where the device only reads, in another line of the page, and one after the other', () => {
    expect(misuse(map(tx), map(tx), map({ ...tx, dir: fromDevice }))).toEqual([]);
    expect(misuse(map({ ...rx, size: 64 }), map({ ...rx, dma: rx.dma + 64 }))).toEqual([]);
    expect(misuse(map(rx), unmap(rx), map(rx), unmap(rx))).toEqual([]);
  });
});
