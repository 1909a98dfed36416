import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INVALID_P2M_ENTRY, NO_SLOT } from '../address/index.ts';
import { LARGEST_SIZE } from './bounds.ts';
import { type Context, type Direction, EventKind, TraceEvent } from './event.ts';
import { readTrace } from './testing.ts';
import { formatEvent, TRACE_HEADER } from './writer.ts';

type Key = Exclude<keyof TraceEvent, 'dmaAt' | 'physAt' | 'sizeAt'>;
const K = EventKind;
const SG_SYNC: Key[] = ['device', 'direction', 'dmaAddrs', 'sizes'];
const MAP: Key[] = ['device', 'direction', 'dmaAddr', 'physAddr', 'size', 'attributes'];
const UNMAP: Key[] = ['device', 'direction', 'dmaAddr', 'size', 'attributes'];
const SYNC: Key[] = ['device', 'direction', 'dmaAddr', 'size'];
const SGT: Key[] = [...SYNC, 'physAddrs'];

/** What event.ts says each kind has. */
const FIELDS: Readonly<Record<EventKind, Key[]>> = {
  [K.map]: MAP,
  [K.unmap]: UNMAP,
  [K.mapResource]: MAP,
  [K.unmapResource]: UNMAP,
  [K.mapSg]: [
    'device',
    'direction',
    'attributes',
    'nents',
    'ents',
    'truncated',
    'dmaAddrs',
    'sizes',
    'physAddrs',
  ],
  [K.mapSgError]: ['device', 'direction', 'attributes', 'physAddrs'],
  [K.unmapSg]: ['device', 'direction', 'attributes', 'physAddrs'],
  [K.syncForCpu]: SYNC,
  [K.syncForDevice]: SYNC,
  [K.syncSgForCpu]: SG_SYNC,
  [K.syncSgForDevice]: SG_SYNC,
  [K.alloc]: UNMAP,
  [K.free]: UNMAP,
  [K.allocPages]: UNMAP,
  [K.freePages]: UNMAP,
  [K.allocSgt]: [...SGT, 'attributes'],
  [K.freeSgt]: SGT,
  [K.allocSgtError]: UNMAP,
  [K.swiotlbBounced]: ['device', 'dmaAddr', 'size', 'dmaMask', 'force'],
  [K.archSyncForDevice]: ['physAddr', 'size', 'direction'],
  [K.archSyncForCpu]: ['physAddr', 'size', 'direction'],
  [K.xenSyncForDevice]: ['dmaAddr', 'size', 'direction'],
  [K.xenSyncForCpu]: ['dmaAddr', 'size', 'direction'],
  [K.dmaCacheMaint]: ['dmaAddr', 'size', 'op'],
  [K.cacheFlush]: ['machineAddr', 'offset', 'length', 'op'],
  [K.cacheFlushReturn]: ['ret'],
  [K.p2m]: ['pfn', 'mfn', 'count'],
  [K.xsMap]: ['physAddr', 'size', 'direction', 'attributes'],
  [K.xsUnmap]: ['dmaAddr', 'size', 'direction', 'attributes'],
  [K.xsSyncForCpu]: ['dmaAddr', 'size', 'direction'],
  [K.xsSyncForDevice]: ['dmaAddr', 'size', 'direction'],
  [K.swiotlbMap]: ['physAddr', 'size'],
  [K.swiotlbMapReturn]: ['physAddr'],
  [K.swiotlbUnmap]: ['physAddr', 'size', 'direction', 'attributes'],
  [K.marker]: ['text'],
  [K.lost]: ['lost'],
};

const DEVICES = ['0000:00:01.0', 'a device: with 2 words', 'usb-xhci.1.auto', 'virtio3'];
const LAST = 2 ** 53 - 1 - LARGEST_SIZE;
const address = fc.oneof(
  fc.maxSafeNat().map((value) => value % LAST),
  fc.nat(0x200000),
  fc.nat(0xffffffff),
  fc.constant(LAST),
);
const frame = fc.oneof(fc.nat(0x200000), fc.constant(2 ** 40));
const length = fc.oneof(fc.nat(0xffff), fc.nat(0xffffffff), fc.constant(LARGEST_SIZE));
const list = fc.array(address, { maxLength: 140 }).map((values) => Float64Array.from(values));

/** Any event that the kernel can print and a machine can have. */
const anyEvent = fc
  .record({
    kind: fc.constantFrom(...Object.values(EventKind)),
    cpu: fc.nat(511),
    pid: fc.nat(4194304),
    context: fc.nat(3),
    device: fc.nat(DEVICES.length - 1),
    direction: fc.nat(3),
    addresses: fc.tuple(address, address, address, fc.maxSafeNat()),
    lengths: fc.tuple(length, length, length, fc.nat(2 ** 20)),
    frames: fc.tuple(frame, frame),
    attributes: fc.nat(0x7fff),
    none: fc.boolean(),
    ret: fc.integer(),
    flags: fc.tuple(fc.boolean(), fc.boolean()),
    lists: fc.tuple(list, list, fc.nat(100)),
    text: fc.string().map((text) => text.replace(/[\r\n\ud800-\udfff]/g, '.').trim()),
  })
  .map((given) => {
    const event = new TraceEvent();
    const [dmaAddr, physAddr, address, dmaMask] = given.addresses;
    const [size, offset, length, count] = given.lengths;
    const [pfn, mfn] = given.frames;
    const machineAddr = Math.max(0, address - LARGEST_SIZE);
    const { kind, cpu, pid, device, attributes, ret, none } = given;
    Object.assign(event, { kind, cpu, pid, device, attributes, ret, dmaAddr, physAddr, size, machineAddr });
    Object.assign(event, {
      offset,
      length,
      op: length,
      pfn,
      mfn,
      count,
      dmaMask,
      lost: offset,
    });
    event.context = given.context as Context;
    event.direction = given.direction as Direction;
    event.force = given.flags[0];
    // No marker may begin with what trace-cmd writes before its text.
    event.text = given.text.replace(/^(tracing_mark_write|ip|\[)/, '');
    if (none) {
      event.mfn = INVALID_P2M_ENTRY;
      event.dmaMask = Number.POSITIVE_INFINITY;
      if (kind === K.swiotlbMapReturn || kind === K.swiotlbUnmap || kind === K.xsMap)
        event.physAddr = NO_SLOT;
      if (kind === K.xsMap) event.name = 'xs_map_page';
    }
    const [dma, phys, more] = given.lists;
    event.dmaAddrs = dma;
    event.physAddrs = phys;
    event.sizes = dma.map((value) => value % LARGEST_SIZE).toReversed();
    event.dmaCount = event.sizeCount = dma.length;
    event.physCount = phys.length;
    event.truncated = given.flags[1] && more > 0;
    event.nents = phys.length + (event.truncated ? more : 0);
    event.ents = dma.length + (event.truncated ? more : 0);
    return event;
  });

function pick(event: TraceEvent, names: readonly string[]): unknown[] {
  const header: Key[] = event.kind === K.lost ? ['kind', 'cpu'] : ['kind', 'cpu', 'pid', 'context'];
  return [...header, ...FIELDS[event.kind]].map((key) => {
    const value = event[key];
    if (value instanceof Float64Array) return [...value];
    return key === 'device' ? names[event.device] : value;
  });
}

test('every event that is written is read back the same', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 8 }), (events) => {
      const text = events.map((event) => `${formatEvent(event, DEVICES)}\n`).join('');
      const read = readTrace(TRACE_HEADER + text);
      expect(read.unparsed).toEqual([]);
      expect(read.summary.strange).toBe(0);
      expect(read.events.map((event) => pick(event, read.devices))).toEqual(
        events.map((event) => pick(event, DEVICES)),
      );
    }),
    { numRuns: 1000 },
  );
});

test("a line has the kernel's columns", () => {
  const event = new TraceEvent();
  event.kind = EventKind.p2m;
  expect(formatEvent(event, [], { task: 'xenstored', time: 19_117_093 })).toBe(
    '       xenstored-0       [000] d.... 19.117093: p2m: (probe+0x0/0x40) pfn=0x0 mfn=0x0 nr=0'.replace(
      '19.',
      '   19.',
    ),
  );
});

test('an event whose device is not known is refused', () => {
  const event = new TraceEvent();
  event.kind = EventKind.map;
  event.device = 1;
  expect(() => formatEvent(event, ['0000:00:01.0'])).toThrow('no device 1');
});
