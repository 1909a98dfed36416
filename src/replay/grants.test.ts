/** Designs that keep tables of what is granted: what p2m events tell them, and what they cannot know. */
import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import {
  cflush,
  INVAL,
  type Lines,
  map,
  mapSg,
  ON_XEN,
  p2m,
  replayText,
  trace,
  unmap,
  unmapSg,
} from './testing.ts';

const REMOVED = -1;
const FRAME = 0x13fadf;
const PAGE = 0x4dc15;
const OTHER = 0x4dd00;

const buffer = (page: number, frame = FRAME) => ({
  dma: frame * 4096,
  phys: page * 4096,
  size: 4096,
  dir: Direction.fromDevice,
});
const used = (page: number) => [map(buffer(page)), unmap(buffer(page))];
const replayed = (...lines: Lines) => replayText(trace(...lines), { designs: ON_XEN });

describe('linux-3.13', () => {
  test('maps nothing in a page whose frame is granted already, until that grant is gone', () => {
    const outcome = replayed(
      p2m(PAGE, FRAME),
      p2m(OTHER, FRAME),
      used(OTHER),
      used(PAGE),
      p2m(OTHER, REMOVED),
      p2m(PAGE, REMOVED),
      p2m(OTHER, FRAME),
      used(OTHER),
    );
    expect(outcome.findings('linux-3.13').map(({ rule, dma }) => [rule, dma])).toEqual([
      ['fault', FRAME * 4096],
    ]);
    expect(outcome.verdict('foreign-index')).toBe('clean');
  });

  test('a refused grant that goes leaves the accepted one in the tree', () => {
    const outcome = replayed(p2m(PAGE, FRAME), p2m(OTHER, FRAME), p2m(OTHER, REMOVED), used(PAGE));
    expect(outcome.verdict('linux-3.13')).toBe('clean');
  });

  test('a page that gets another frame without a removal in between has lost the first', () => {
    const outcome = replayed(p2m(PAGE, FRAME), p2m(PAGE, FRAME + 8), p2m(OTHER, FRAME), used(OTHER));
    expect(outcome.verdict('linux-3.13')).toBe('clean');
    expect(outcome.of('linux-3.13').track.cost).toMatchObject({
      indexInserts: 3,
      indexRemoves: 1,
      indexPeak: 2,
    });
  });
});

test.each(['linux-3.13', 'foreign-index'])(
  '%s is inconclusive on pages that were granted before the recording, and on no others',
  (name) => {
    const outcome = replayed(
      used(PAGE),
      p2m(OTHER, FRAME + 8),
      map(buffer(OTHER, FRAME + 8)),
      unmap(buffer(OTHER, FRAME + 8)),
    );
    expect([outcome.verdict(name), outcome.of(name).inconclusive.length]).toEqual(['inconclusive', 1]);
    expect(outcome.of(name).inconclusive[0]?.because).toMatch(/granted before the recording began/);
    expect(outcome.verdict('va-table')).toBe('clean');
    expect(outcome.verdict('linux-3.19')).toBe('clean');
  },
);

test('every foreign grant is entered in an index, that of a page no device is given, too', () => {
  const outcome = replayed(p2m(PAGE, FRAME, 3), p2m(PAGE, REMOVED, 3));
  expect(outcome.of('foreign-index').track.cost).toMatchObject({
    indexInserts: 3,
    indexRemoves: 3,
    indexLookups: 0,
    indexPeak: 3,
  });
});

test('a grant that goes while its list\u2019s unmap waits for recorded operations was still there at the unmap', () => {
  const list = { entries: [{ dma: FRAME * 4096, phys: PAGE * 4096, size: 4096 }], dir: Direction.fromDevice };
  const outcome = replayed(
    p2m(PAGE, FRAME),
    cflush(FRAME * 4096, 4096, INVAL),
    mapSg(list),
    unmapSg(list),
    cflush(FRAME * 4096, 4096, INVAL),
    p2m(PAGE, REMOVED),
    used(0x4dd01),
  );
  for (const name of ['recorded', 'foreign-index', 'va-table'])
    expect(outcome.errors(name).length).toBe(name === 'recorded' ? 1 : 0);
  expect(outcome.errorLines('linux-3.13')).toEqual([]);
});

test('linux-3.17 on arm64 leaves local pages stale, too', () => {
  const local = { dma: 0xc1000000, size: 4096, dir: Direction.fromDevice };
  const outcome = replayed(map(local), unmap(local));
  expect(outcome.findings('linux-3.17').map(({ rule, foreign }) => [rule, foreign])).toEqual([
    ['stale-cpu-read', false],
  ]);
  for (const name of ['linux-3.13', 'series-v7', 'va-table', 'foreign-index'])
    expect(outcome.verdict(name)).toBe('clean');
});
