/** Whole runs: what arrives intact, what does not and why, and that the two machines agree. DMALAB_SEEDS=5000 runs as many. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linux319 } from '../../designs/linux-3.19.ts';
import { linux612 } from '../../designs/linux-6.12.ts';
import { repaired } from '../../designs/repaired.ts';
import type { Design } from '../../linux/index.ts';
import { pattern } from '../load/pattern.ts';
import { PLAIN } from '../testing.ts';
import { runDisk } from './disk-run.ts';
import type { RunFinding } from './findings.ts';
import { runNet } from './net-run.ts';
import type { LoadResult } from './result.ts';
import type { DiskLoad, NetLoad, RunSpec } from './spec.ts';

const SEEDS = Number(process.env['DMALAB_SEEDS'] ?? 40);
const TIMEOUT = { timeout: 60_000 + SEEDS * 200 };

const contiguous = fc.constantFrom(1, 2, Number.POSITIVE_INFINITY);
const diskLoad: fc.Arbitrary<DiskLoad> = fc.record({
  data: fc.integer({ min: 1, max: 6000 }).map((size) => pattern(size, 0, size)),
  request: fc.integer({ min: 1, max: 10 }).map((sectors) => sectors * 512),
  align: fc.nat(7).map((sectors) => sectors * 512),
  contiguous,
  depth: fc.integer({ min: 1, max: 3 }),
  persistent: fc.boolean(),
});
const netLoad: fc.Arbitrary<NetLoad> = fc.record({
  data: fc.integer({ min: 1, max: 4000 }).map((size) => pattern(size, 0, size)),
  packet: fc.integer({ min: 14, max: 5000 }),
  align: fc.nat(4095),
  contiguous,
  depth: fc.integer({ min: 1, max: 3 }),
});
const hardware = fc.constantFrom(
  { design: linux319, coherent: false },
  { design: repaired, coherent: false },
  { design: linux612, coherent: true },
);

const concrete = (run: Partial<RunSpec>): RunSpec => ({ ...PLAIN, machine: 'concrete', ...run });

function expectIntact({ errors, wrong, findings, arrived }: LoadResult, data: Uint8Array | undefined): void {
  expect(errors).toBe(0);
  expect(findings.map(({ cause }) => cause.text)).toEqual([]);
  expect(wrong).toEqual([]);
  if (data) expect(arrived).toEqual(data);
}

describe('with a coherent device, and with linux-3.19 and repaired on one that is not', () => {
  test('any load through the disk arrives intact, whatever the seed', TIMEOUT, () => {
    fc.assert(
      fc.property(diskLoad, hardware, fc.nat(), fc.constantFrom(0, 0.3, 0.7), (load, how, seed, rate) => {
        expectIntact(runDisk(concrete({ ...how, seed, rate }), load), load.data);
      }),
      { numRuns: SEEDS },
    );
  });

  test('any packets arrive intact, whatever the seed', TIMEOUT, () => {
    fc.assert(
      fc.property(netLoad, hardware, fc.nat(), (load, how, seed) => {
        expectIntact(runNet(concrete({ ...how, seed }), load), load.data);
      }),
      { numRuns: Math.ceil(SEEDS / 3) },
    );
  });

  test('nothing can go wrong, whatever the caches do', () => {
    fc.assert(
      fc.property(diskLoad, netLoad, hardware, (disk, net, how) => {
        expectIntact(runDisk({ ...PLAIN, ...how }, disk), undefined);
        expectIntact(runNet({ ...PLAIN, ...how }, net), undefined);
      }),
      { numRuns: 60 },
    );
  });

  test(
    'more at once than the ring, the grant table and the pages that stay granted hold: the rest waits',
    TIMEOUT,
    () => {
      const data = pattern(1, 0, 44 * 66_048);
      const many = { data, request: 66_048, align: 512, contiguous: Number.POSITIVE_INFINITY, depth: 64 };
      for (const persistent of [false, true])
        expectIntact(runDisk({ ...PLAIN, design: repaired }, { ...many, persistent }), undefined);
      const packets = { data: pattern(2, 0, 24_000), packet: 300, align: 1, contiguous: 1, depth: 64 };
      expectIntact(runNet(concrete({ design: repaired }), packets), packets.data);
    },
  );

  test('a small cache that is nearly always full changes nothing', TIMEOUT, () => {
    fc.assert(
      fc.property(
        diskLoad,
        hardware,
        fc.nat(),
        fc.constantFrom('lru', 'fifo', 'random'),
        (load, how, seed, policy) => {
          const cache = { sets: 8, ways: 2, policy } as const;
          expectIntact(runDisk(concrete({ ...how, seed, cache }), load), load.data);
        },
      ),
      { numRuns: Math.ceil(SEEDS / 5) },
    );
  });
});

/** 8704 bytes over contiguous frames, at 512: three pages in one mapping. */
const UNALIGNED: DiskLoad = {
  data: pattern(3, 0, 8704),
  request: 8704,
  align: 512,
  contiguous: Number.POSITIVE_INFINITY,
  depth: 1,
  persistent: false,
};

describe('linux-6.12 on a device that is not coherent', () => {
  test(
    'a 512-aligned buffer over contiguous frames arrives wrong, and the report names the very flush',
    TIMEOUT,
    () => {
      let corrupted = 0;
      for (let seed = 1; seed <= 8; seed++) {
        const { wrong, findings, arrived } = runDisk(concrete({ design: linux612, seed }), UNALIGNED);
        if (wrong.some(({ differing }) => differing > 0)) {
          corrupted++;
          expect(arrived).not.toEqual(UNALIGNED.data);
        }
        for (const { finding, from } of wrong) {
          // The first page of the buffer is maintained, and so is nothing but what lies behind it wrong.
          expect(from).toBeGreaterThanOrEqual(3584);
          const { flush, rule } = (findings[finding ?? -1] as RunFinding).cause;
          if (rule === 'stale-device-read') {
            expect(flush?.phase).toBe('map');
            expect(flush?.issued).toMatch(
              /^GNTTABOP_cache_flush CLEAN bus=0x12080[01]e00 off=0x0 len=0x(1000|400)$/,
            );
          } else {
            expect(rule).toBe('stale-cpu-read');
            expect(flush?.phase).toBe('unmap');
            expect(flush?.issued).toMatch(
              /^GNTTABOP_cache_flush INVAL bus=0x12080[01]e00 off=0x0 len=0x(1000|400)$/,
            );
          }
        }
      }
      expect(corrupted).toBeGreaterThan(4);
    },
  );

  test('aligned to pages, or over frames that do not follow each other, it arrives', TIMEOUT, () => {
    for (let seed = 1; seed <= 5; seed++)
      for (const load of [
        { ...UNALIGNED, align: 0 },
        { ...UNALIGNED, contiguous: 1 },
      ])
        expectIntact(runDisk(concrete({ design: linux612, seed }), load), load.data);
  });

  test('under a cache that does nothing by itself it fails every time', () => {
    const { wrong } = runDisk(concrete({ design: linux612, seed: 9, rate: 0 }), UNALIGNED);
    expect(wrong.reduce((sum, { from, to }) => sum + to - from, 0)).toBeGreaterThan(4000);
  });
});

test(
  'every byte that goes wrong on the concrete machine was predicted by the adversarial one',
  TIMEOUT,
  () => {
    const designs: readonly Design[] = [linux612];
    let compared = 0;
    for (const design of designs)
      for (const load of [UNALIGNED, { ...UNALIGNED, align: 1024, persistent: true }]) {
        const predicted = runDisk({ ...PLAIN, design }, load).findings;
        const covers = (rule: string, at: number) =>
          predicted.some(
            ({ cause, ranges }) => cause.rule === rule && ranges.some(([from, to]) => from <= at && at < to),
          );
        for (let seed = 1; seed <= 6; seed++)
          for (const { cause, ranges, consequence } of runDisk(concrete({ design, seed }), load).findings) {
            if (consequence) continue;
            for (const [from, to] of ranges)
              for (let at: number = from; at < to; at += 64) {
                expect([cause.rule, at.toString(16), covers(cause.rule, at)]).toEqual([
                  cause.rule,
                  at.toString(16),
                  true,
                ]);
                compared++;
              }
          }
      }
    expect(compared).toBeGreaterThan(100);
  },
);

test('a run with the same seed is the same run', () => {
  const run = () =>
    runDisk(concrete({ design: linux612, seed: 5 }), { ...UNALIGNED, depth: 2, data: pattern(1, 0, 17_408) });
  expect(run()).toEqual(run());
});
