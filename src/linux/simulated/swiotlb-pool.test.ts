import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, physAddr } from '../../address/index.ts';
import { type Allocation, SEGMENT_SLOTS, SLOT_SIZE, SwiotlbPool } from './swiotlb-pool.ts';

const SEGMENT = SEGMENT_SLOTS * SLOT_SIZE;
const BASE = physAddr(0x4000_0000);
const MASKS = [0, 511, 2047, 4095, 16_383] as const;

const requests = fc.record({
  area: fc.nat(1),
  buffer: fc.integer({ min: 0x1000, max: 0x100_0000 }).map(physAddr),
  size: fc.oneof(fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: SEGMENT })),
  mask: fc.constantFrom(...MASKS),
  /** Give back the n-th of what is taken, before. */
  release: fc.option(fc.nat(20), { nil: undefined }),
});

/** Run requests on a pool of two areas of two segments each; what is taken in the end, in order. */
function run(steps: readonly (typeof requests extends fc.Arbitrary<infer R> ? R : never)[]): {
  taken: Allocation[];
  pool: SwiotlbPool;
} {
  const pool = new SwiotlbPool({ base: BASE, size: 4 * SEGMENT, areas: 2 });
  const taken: Allocation[] = [];
  for (const { area, buffer, size, mask, release } of steps) {
    const given = release === undefined ? undefined : taken[release];
    if (given !== undefined) {
      pool.release(given);
      taken.splice(release as number, 1);
    }
    const allocation = pool.allocate(area, buffer, size, mask);
    if (allocation === undefined) continue;
    taken.push(allocation);
    // Alignment and size are kept whatever else is taken.
    expect(allocation.at % (Math.min(mask, SLOT_SIZE - 1) + 1)).toBe(
      buffer % (Math.min(mask, SLOT_SIZE - 1) + 1),
    );
    expect(allocation.at % (mask + 1)).toBe(buffer % (mask + 1));
    if (mask === 0 && size >= PAGE_SIZE) expect(allocation.at % PAGE_SIZE).toBe(0);
    expect(allocation.slots * SLOT_SIZE).toBeGreaterThanOrEqual(size + (allocation.at % SLOT_SIZE));
  }
  return { taken, pool };
}

describe('the slot table', () => {
  test('never gives a slot twice, nor a run across segments, and finds each allocation by any of its bytes', () => {
    fc.assert(
      fc.property(fc.array(requests, { maxLength: 60 }), (steps) => {
        const { taken, pool } = run(steps);
        const slots = taken.flatMap(({ first, slots }) => Array.from({ length: slots }, (_, i) => first + i));
        expect(new Set(slots).size).toBe(slots.length);
        expect(pool.used).toBe(slots.length);
        for (const allocation of taken) {
          const { first, slots, at, size, area } = allocation;
          expect(Math.floor(first / SEGMENT_SLOTS)).toBe(Math.floor((first + slots - 1) / SEGMENT_SLOTS));
          expect(Math.floor(first / (2 * SEGMENT_SLOTS))).toBe(area);
          expect(pool.find(at)).toBe(allocation);
          expect(pool.find(physAddr(at + size - 1))).toBe(allocation);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('is as good as new when everything is given back', () => {
    fc.assert(
      fc.property(fc.array(requests, { maxLength: 40 }), (steps) => {
        const { taken, pool } = run(steps);
        for (const allocation of taken) pool.release(allocation);
        expect(pool.used).toBe(0);
        for (const area of [0, 1])
          for (let i = 0; i < 2; i++) expect(pool.allocate(area, BASE, SEGMENT, 0)).toBeDefined();
        expect([0, 1].map((area) => pool.allocate(area, BASE, 1, 0))).toEqual([undefined, undefined]);
      }),
      { numRuns: 50 },
    );
  });

  test('goes on behind the last allocation, and begins anew at the end', () => {
    const pool = new SwiotlbPool({ base: BASE, size: SEGMENT });
    const first = pool.allocate(0, BASE, 2048, 0) as Allocation;
    const second = pool.allocate(0, BASE, 2048, 0) as Allocation;
    pool.release(first);
    const third = pool.allocate(0, BASE, 2048, 0) as Allocation;
    expect([first.first, second.first, third.first]).toEqual([0, 1, 2]);
    for (let i = 3; i < SEGMENT_SLOTS; i++) expect(pool.allocate(0, BASE, 2048, 0)?.first).toBe(i);
    expect(pool.allocate(0, BASE, 2048, 0)?.first).toBe(0);
    expect(pool.allocate(0, BASE, 2048, 0)).toBeUndefined();
  });

  test('refuses more than a segment, the offset that alignment costs included', () => {
    const pool = new SwiotlbPool({ base: BASE, size: 2 * SEGMENT });
    expect(pool.allocate(0, BASE, SEGMENT + 1, 0)).toBeUndefined();
    expect(pool.allocate(0, physAddr(BASE + 512), SEGMENT, 511)?.slots).toBe(SEGMENT_SLOTS);
    expect(pool.allocate(0, physAddr(BASE + 512), SEGMENT, 2047)).toBeUndefined();
    expect(pool.allocate(0, physAddr(BASE + 512), SEGMENT - 512, 2047)?.slots).toBe(SEGMENT_SLOTS);
  });

  test('knows its own bytes and no others', () => {
    const pool = new SwiotlbPool({ base: BASE, size: SEGMENT });
    const at = [BASE - 1, BASE, BASE + SEGMENT - 1, BASE + SEGMENT];
    expect(at.map((addr) => pool.has(physAddr(addr)))).toEqual([false, true, true, false]);
  });

  test.each([
    ['less than a segment', { base: BASE, size: SEGMENT - SLOT_SIZE }],
    ['a segment for two areas', { base: BASE, size: SEGMENT, areas: 2 }],
    ['a base inside a page', { base: physAddr(BASE + 2048), size: SEGMENT }],
  ])('cannot be %s', (_what, spec) => {
    expect(() => new SwiotlbPool(spec)).toThrow(RangeError);
  });
});
