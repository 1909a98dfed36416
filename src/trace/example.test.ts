import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Context, EventKind } from './event.ts';
import { parseIomem } from './iomem.ts';
import { readTrace } from './testing.ts';

const folder = new URL('../../examples/xen-domu-pvblk/', import.meta.url);

// The counts are those of `zcat trace.txt.gz | grep -c ": NAME:"`.
test('a real recording is read to the last event', () => {
  const { events, devices, summary } = readTrace(
    gunzipSync(readFileSync(new URL('trace.txt.gz', folder))),
    65_536,
  );
  expect(Object.fromEntries(summary.known)).toEqual({
    arch_sync_for_cpu: 322,
    arch_sync_for_device: 322,
    cflush: 2038,
    cflush_ret: 2038,
    dma_alloc: 1,
    dma_cache_maint: 1436,
    dma_map_page: 493,
    dma_map_sg: 94,
    dma_unmap_page: 493,
    dma_unmap_sg: 94,
    p2m: 3094,
    tracing_mark_write: 2,
    xen_sync_for_cpu: 1043,
    xen_sync_for_device: 1043,
    xs_map_page: 1365,
    xs_unmap_page: 1365,
  });
  expect(Object.fromEntries(summary.unknown)).toEqual({ nvme_complete_rq: 154, nvme_setup_cmd: 154 });
  expect(summary).toMatchObject({ lines: 15_563, unparsed: 0, strange: 0, lost: 0, contextKnown: true });
  expect(devices).toEqual(['0000:00:03.0', '0000:00:01.0']);
  const flushes = events.filter((event) => event.kind === EventKind.cacheFlush);
  expect([1, 2].map((op) => flushes.filter((event) => event.op === op).length)).toEqual([924, 1114]);
  expect(events.filter((event) => event.context === Context.hardirq).length).toBeGreaterThan(0);
});

test('its /proc/iomem is read', () => {
  const iomem = parseIomem(readFileSync(new URL('iomem.txt', folder), 'utf8'));
  expect(iomem.ram.ranges).toEqual([[0xc0000000, 0x100000000]]);
  expect(iomem.scratch.ranges).toEqual([[0x48000000, 0x50000000]]);
});
