/** Pages to vectors to requests to scatterlists. */
import { describe, expect, test } from 'vitest';
import { mfn, physAddr } from '../../address/index.ts';
import { joinPages, pageParts, type QueueLimits, scatterlist, splitForQueue, type Vector } from './bio.ts';

const PAGE = 4096;
const LIMITS: QueueLimits = {
  maxBytes: 2 ** 20,
  maxSegments: 127,
  maxSegmentSize: 2 ** 20,
  virtBoundary: PAGE,
};

/** A part of page P of dom0, in frame M. */
const part = (P: number, M: number, offset: number, size: number) => ({
  phys: physAddr(P * PAGE + offset),
  size,
  frame: mfn(M),
});
const vector = (at: number, size: number): Vector => ({ phys: physAddr(at), size, lastFrame: mfn(0) });
const shape = (vectors: readonly { readonly phys: number; readonly size: number }[]) =>
  vectors.map(({ phys, size }) => [phys, size]);

describe('pages join', () => {
  test('where dom0\u2019s pages and the machine\u2019s frames both follow', () => {
    const joined = joinPages([part(8, 100, 512, 3584), part(9, 101, 0, PAGE), part(10, 102, 0, 512)]);
    expect(shape(joined)).toEqual([[8 * PAGE + 512, 8192]]);
  });
  test('but not where only the pages follow', () => {
    expect(joinPages([part(8, 100, 0, PAGE), part(9, 102, 0, PAGE)])).toHaveLength(2);
  });
  test('nor where only the frames do', () => {
    expect(joinPages([part(9, 100, 0, PAGE), part(8, 101, 0, PAGE)])).toHaveLength(2);
  });
  test('nor where bytes are left out between them', () => {
    expect(joinPages([part(8, 100, 0, 512), part(9, 101, 0, PAGE)])).toHaveLength(2);
  });
  test('within one page', () => {
    expect(shape(joinPages([part(8, 100, 0, 512), part(8, 100, 512, 512)]))).toEqual([[8 * PAGE, 1024]]);
  });
});

describe('a bio is cut', () => {
  test('where a vector begins or ends within a page of the controller', () => {
    const requests = splitForQueue([vector(0, PAGE), vector(5 * PAGE + 512, 16384)], LIMITS);
    expect(requests.map(shape)).toEqual([[[0, PAGE]], [[5 * PAGE + 512, 16384]]]);
  });
  test('not where pages follow each other without a gap', () => {
    expect(splitForQueue([vector(512, 3584), vector(9 * PAGE, PAGE)], LIMITS)).toHaveLength(1);
  });
  test('where it has too many bytes', () => {
    const requests = splitForQueue([vector(0, 10 * PAGE)], { ...LIMITS, maxBytes: 4 * PAGE });
    expect(requests.map(shape)).toEqual([[[0, 4 * PAGE]], [[4 * PAGE, 4 * PAGE]], [[8 * PAGE, 2 * PAGE]]]);
  });
  test('where it has too many segments', () => {
    const vectors = [0, 2, 4, 6].map((page) => vector(page * PAGE, PAGE));
    const requests = splitForQueue(vectors, { ...LIMITS, maxSegments: 3 });
    expect(requests.map(({ length }) => length)).toEqual([3, 1]);
  });
});

test('a vector longer than a segment may be is several entries', () => {
  const list = scatterlist([vector(PAGE, 10_240)], { ...LIMITS, maxSegmentSize: PAGE });
  expect(shape(list)).toEqual([
    [PAGE, PAGE],
    [2 * PAGE, PAGE],
    [3 * PAGE, 2048],
  ]);
});

test('a range is cut at pages', () => {
  expect(shape(pageParts(physAddr(PAGE + 3584), 5120))).toEqual([
    [PAGE + 3584, 512],
    [2 * PAGE, PAGE],
    [3 * PAGE, 512],
  ]);
});
