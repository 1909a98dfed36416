import { describe, expect, test } from 'vitest';
import { DMA_MAPPING_ERROR, INVALID_P2M_ENTRY, NO_SLOT } from '../address/index.ts';
import { Attribute, Direction, EventKind } from './event.ts';
import { line, readEvent, readTrace, refusal } from './testing.ts';

const MAP = 'dma_map_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=c2ba7342 size=70 phys_addr=1c2ba7342 attrs=';

describe("the kernel's own events", () => {
  test('dma_map_page', () => {
    const trace = readTrace(line(MAP));
    expect(trace.devices).toEqual(['0000:00:03.0']);
    expect(trace.events).toMatchObject([
      {
        kind: EventKind.map,
        name: 'dma_map_page',
        line: 1,
        cpu: 1,
        pid: 232,
        context: 2,
        device: 0,
        direction: Direction.toDevice,
        dmaAddr: 0xc2ba7342,
        physAddr: 0x1c2ba7342,
        size: 70,
        attributes: 0,
      },
    ]);
  });

  test('keep which of its names the event had', () => {
    expect(readEvent(MAP.replace('_page', '_phys'))).toMatchObject({
      kind: EventKind.map,
      name: 'dma_map_phys',
    });
  });

  test('fields may stand in any order, between others', () => {
    const event = readEvent(
      'dma_map_phys: a device: 1 size=70 new=x{1} attrs=NO_WARN dir=NONE phys_addr=0x1 dma_addr=2 x',
    );
    expect(event).toMatchObject({
      size: 70,
      direction: 3,
      physAddr: 1,
      dmaAddr: 2,
      attributes: Attribute.noWarn,
    });
    expect(readTrace(line(MAP.replace('0000:00:03.0', 'a device: 1'))).devices).toEqual(['a device: 1']);
  });

  test.each([
    ['SKIP_CPU_SYNC', Attribute.skipCpuSync],
    ['NO_WARN|MMIO', Attribute.noWarn + Attribute.mmio],
    ['REQUIRE_COHERENT|NEW_NAME|0x10000', Attribute.requireCoherent + 0x10000],
    ['0x20', Attribute.skipCpuSync],
  ])('attributes %s', (text, bits) => {
    expect(readEvent(`dma_unmap_page: d dir=TO_DEVICE dma_addr=1 size=1 attrs=${text}`).attributes).toBe(
      bits,
    );
  });

  test('dma_map_sg with lists', () => {
    const event = readEvent(
      'dma_map_sg: d dir=FROM_DEVICE nents=3/3 ents=2/2 dma_addrs={0x139ae1000,0x1} sizes={0x3000,0x2} phys_addrs={0x1,0x2,0x3} attrs=NO_WARN',
    );
    expect(event).toMatchObject({ kind: EventKind.mapSg, nents: 3, ents: 2, truncated: false });
    expect([...event.dmaAddrs]).toEqual([0x139ae1000, 1]);
    expect([...event.sizes]).toEqual([0x3000, 2]);
    expect([...event.physAddrs]).toEqual([1, 2, 3]);
  });

  test('dma_map_sg that the kernel cut', () => {
    const list = `{${Array.from({ length: 128 }, (_, i) => `0x${i.toString(16)}`).join(',')}}`;
    const event = readEvent(
      `dma_map_sg: d dir=TO_DEVICE nents=128/200 ents=128/190 [TRUNCATED] dma_addrs=${list} sizes=${list} phys_addrs=${list} attrs=`,
    );
    expect(event).toMatchObject({ nents: 200, ents: 190, truncated: true, dmaCount: 128, physCount: 128 });
    expect(
      readEvent('dma_map_sg: d dir=TO_DEVICE dma_addrs={0x1} sizes={0x1} phys_addrs={0x1} attrs='),
    ).toMatchObject({
      nents: 1,
      ents: 1,
      truncated: false,
    });
  });

  test('lists longer than the first arrays', () => {
    const list = Array.from({ length: 1000 }, (_, i) => `0x${i.toString(16)}`).join(',');
    const event = readEvent(`dma_unmap_sg: d dir=TO_DEVICE phys_addrs={${list}} attrs=`);
    expect(event.physCount).toBe(1000);
    expect(event.physAt(999)).toBe(999);
  });

  test('dma_map_sg_err has physical addresses under another name', () => {
    const event = readEvent('dma_map_sg_err: d dir=TO_DEVICE dma_addrs={0x5} err=-5 attrs=');
    expect(event).toMatchObject({ kind: EventKind.mapSgError, physCount: 1 });
    expect(event.physAt(0)).toBe(5);
  });

  test('coherent memory, with and without a direction', () => {
    const rest = 'dma_addr=4435c000 size=512 virt_addr=000000004604481b flags=GFP_KERNEL|__GFP_ZERO attrs=';
    expect(readEvent(`dma_alloc: d dir=BIDIRECTIONAL ${rest}`)).toMatchObject({
      dmaAddr: 0x4435c000,
      size: 512,
    });
    expect(readEvent(`dma_alloc: d ${rest}`)).toMatchObject({
      direction: Direction.bidirectional,
      device: 0,
    });
  });

  test.each([
    ['FORCE', true],
    ['NORMAL', false],
    ['swiotlb_force=FORCE', true],
    ['swiotlb_force=NO_FORCE', false],
    ['', false],
  ])('swiotlb_bounced ending in "%s"', (end, force) => {
    const event = readEvent(
      `swiotlb_bounced: dev_name: 0000:00:01.0 dma_mask=ffffffff dev_addr=13fadf000 size=4096 ${end}`,
    );
    expect(event).toMatchObject({ dmaMask: 0xffffffff, dmaAddr: 0x13fadf000, size: 4096, force, device: 0 });
  });

  test.each([
    ['ffffffffffffffff', Number.POSITIVE_INFINITY],
    ['ffffffffffffff', Number.POSITIVE_INFINITY],
    ['1fffffffffffff', 2 ** 53 - 1],
    ['0', 0],
  ])('a DMA mask of %s', (mask, value) => {
    expect(readEvent(`swiotlb_bounced: dev_name: d dma_mask=${mask} dev_addr=1 size=1 NORMAL`).dmaMask).toBe(
      value,
    );
  });
});

describe('probe events', () => {
  test.each([
    [
      'arch_sync_for_cpu: (arch_sync_dma_for_cpu+0x0/0x50) paddr=0xc2ba7342 size=70 dir=1',
      { physAddr: 0xc2ba7342, size: 70, direction: 1 },
    ],
    [
      'xen_sync_for_device: (ffffdd08ba4a0fa8) handle=0x1388dd000 size=4096 dir=2',
      { dmaAddr: 0x1388dd000, direction: 2 },
    ],
    ['dma_cache_maint: (x) handle=5222813696 size=0x1000 op=0x2', { dmaAddr: 5222813696, size: 4096, op: 2 }],
    [
      'cflush: (dma_cache_maint+0xb8/0x120) bus=0x1388dd000 off=12 len=4084 op=0x1 cmd=12',
      { machineAddr: 0x1388dd000, offset: 12, length: 4084, op: 1 },
    ],
    ['cflush_ret: (x) ret=-22', { ret: -22 }],
    ['cflush_ret: (x) ret=0xffffffea', { ret: -22 }],
    ['cflush_ret: (x) ret=0xffffffffffffffea', { ret: -22 }],
    ['p2m: (x) pfn=0x4dc15 mfn=0x13fadf nr=1', { pfn: 0x4dc15, mfn: 0x13fadf, count: 1 }],
    [
      'xs_map_page: (x) page=0xfffffe4400102600 off=0x342 size=70 dir=1 attrs=0x20',
      { physAddr: NO_SLOT, size: 70, attributes: 32 },
    ],
    [
      'xs_map_phys: (x) phys=0xc2ba7342 size=70 dir=1 attrs=0x0',
      { kind: EventKind.xsMap, physAddr: 0xc2ba7342 },
    ],
    ['xs_unmap_page: (x) dev_addr=0xc2ba7342 size=70 dir=1 attrs=0x0', { dmaAddr: 0xc2ba7342 }],
    [
      'xs_sync_single_for_device: (x) dma_addr=0xc2ba7342 size=70 dir=0',
      { kind: EventKind.xsSyncForDevice, direction: 0 },
    ],
    ['swiotlb_map: (x) orig=0x13fadf000 size=4096', { physAddr: 0x13fadf000 }],
    [
      'swiotlb_map_ret: (xen_swiotlb_map_page+0xec/0x490 <- swiotlb_tbl_map_single) slot=0xf8c9f000',
      { physAddr: 0xf8c9f000 },
    ],
    ['swiotlb_unmap: (x) slot=0xf8c9f000 size=4096 dir=2 attrs=0x0', { physAddr: 0xf8c9f000, size: 4096 }],
  ])('%s', (text, fields) => {
    expect(readEvent(text)).toMatchObject({ device: -1, ...fields });
  });

  test('may carry a number behind their name', () => {
    expect(readEvent('cflush2: (x) bus=0x1 off=0 len=1 op=0x1')).toMatchObject({
      kind: EventKind.cacheFlush,
      name: 'cflush2',
    });
    expect(readEvent('cflush_ret31: (x) ret=0').kind).toBe(EventKind.cacheFlushReturn);
    expect(readTrace(line('dma_map_page2: x')).summary.unknown).toEqual(new Map([['dma_map_page2', 1]]));
  });
});

describe('numbers', () => {
  test('all ones are sentinels where they mean something', () => {
    expect(readEvent(MAP.replace('c2ba7342', 'ffffffffffffffff')).dmaAddr).toBe(DMA_MAPPING_ERROR);
    expect(readEvent('p2m: (x) pfn=0x1 mfn=0xffffffffffffffff nr=1').mfn).toBe(INVALID_P2M_ENTRY);
    expect(readEvent('p2m: (x) pfn=0x1 mfn=18446744073709551615 nr=1').mfn).toBe(INVALID_P2M_ENTRY);
    expect(readEvent('swiotlb_map_ret: (x) slot=0xffffffffffffffff').physAddr).toBe(NO_SLOT);
    expect(readEvent('swiotlb_map_ret: (x) slot=-1').physAddr).toBe(NO_SLOT);
  });

  test('addresses up to 2^53 - 1 are read exactly', () => {
    expect(readEvent(MAP.replace('c2ba7342', '1fffffffffffb9')).dmaAddr).toBe(2 ** 53 - 71);
    expect(readEvent(MAP.replace('c2ba7342', '00000000c2ba7342')).dmaAddr).toBe(0xc2ba7342);
  });

  test.each([
    ['dma_addr', MAP.replace('=c2ba7342', '=20000000000000')],
    ['phys_addr', MAP.replace('=1c2ba7342', '=ffffffffffffffff')],
    ['dma_addr', MAP.replace('=c2ba7342', '=fffffffffffffffe')],
    ['dma_addr', MAP.replace('=c2ba7342', '=00000000000000001')],
    ['size', MAP.replace('=70', '=9007199254740992')],
    ['size', MAP.replace('=70', '=18446744073709551615')],
    ['bus', 'cflush: (x) bus=0x20000000000000 off=0 len=1 op=0x1'],
    ['pfn', 'p2m: (x) pfn=0xffffffffffffffff mfn=0x1 nr=1'],
    ['dma_mask', 'swiotlb_bounced: dev_name: d dma_mask=fffffffffffffff0 dev_addr=1 size=1 NORMAL'],
    ['phys_addrs', 'dma_unmap_sg: d dir=TO_DEVICE phys_addrs={0x1,0x20000000000000} attrs='],
  ])('past the limit in %s are refused, not rounded', (field, text) => {
    const reason = refusal(text);
    expect(reason).toContain(`found ${field} "`);
    expect(reason).toContain('2^53');
  });

  test.each([
    ['size', MAP.replace('=70', '=7x')],
    ['size', MAP.replace('=70', '=')],
    ['dma_addr', MAP.replace('=c2ba7342', '=c2bg')],
    ['dir', MAP.replace('=TO_DEVICE', '=TO_DEVICES')],
    ['dir', 'arch_sync_for_cpu: (x) paddr=0x1 size=1 dir=4'],
    ['dir', 'arch_sync_for_cpu: (x) paddr=0x1 size=1 dir=-1'],
    ['paddr', 'arch_sync_for_cpu: (x) paddr=44ff size=1 dir=1'],
    ['sizes', 'dma_sync_sg_for_cpu: d dir=TO_DEVICE dma_addrs={0x1} sizes={0x1;0x2}'],
  ])('that are none in %s are refused', (field, text) => {
    expect(refusal(text)).toMatch(new RegExp(`^found ${field} ".*, expected`));
  });
});

describe('a known event', () => {
  test('without a field that it must have is refused, and the field named', () => {
    expect(refusal('dma_map_page: d dir=TO_DEVICE size=70 attrs=')).toBe('missing: dma_addr, phys_addr');
    expect(refusal('cflush:')).toBe('missing: bus, off, len, op');
  });

  test('without a device is refused', () => {
    expect(refusal('dma_map_page: dir=TO_DEVICE')).toContain('device name');
    expect(refusal('dma_map_page: 0000:00:03.0')).toContain('device name');
  });

  test('with a field twice is refused: two lines ran into one', () => {
    expect(refusal(`${MAP} ${MAP}`)).toContain('twice');
  });

  test('with lists that contradict each other is refused', () => {
    const sg =
      'dma_map_sg: d dir=TO_DEVICE nents=1/1 ents=1/1 dma_addrs={0x1} sizes={0x1} phys_addrs={0x1} attrs=';
    expect(refusal(sg)).toBe('');
    for (const wrong of [
      sg.replace('nents=1/1', 'nents=2/2'),
      sg.replace(' ents=1/1', ' ents=2/2'),
      sg.replace('sizes={0x1}', 'sizes={}'),
      sg.replace('nents=1/1', 'nents=1/0'),
    ]) {
      expect(refusal(wrong)).toContain('as many');
    }
    expect(refusal('dma_sync_sg_for_cpu: d dir=TO_DEVICE dma_addrs={0x1} sizes={}')).toContain('as many');
  });

  test('that is refused is counted under its name with its line and CPU', () => {
    const { unparsed, summary } = readTrace(`# tracer: nop\n${line('p2m: x')}`);
    expect(unparsed).toEqual([{ line: 2, cpu: 1, event: 'p2m', reason: 'missing: pfn, mfn, nr' }]);
    expect(summary).toMatchObject({ events: 1, unparsed: 1, known: new Map([['p2m', 1]]) });
  });
});

describe('trace-cmd report', () => {
  const report = (event: string) => `        1.xvda-0-232   [000]    30.521396: ${event}\n`;

  test('pads names and prints markers under another one', () => {
    const trace = readTrace(
      `cpus=2\nversion = 7\nCPU 1 is empty\n${report('print:                tracing_mark_write: STEP xl create')}${report('p2m:                  (ffffdd08ba4a0848) pfn=0x4dc15 mfn=0x13fadf nr=1')}`,
    );
    expect(trace.events).toMatchObject([
      { kind: EventKind.marker, text: 'STEP xl create' },
      { pfn: 0x4dc15 },
    ]);
    expect(trace.summary).toMatchObject({ strange: 0, unparsed: 0, lines: 5 });
  });

  test('prints lists as bytes of the record, and numbers in decimal, where it fails', () => {
    const { events, devices } = readTrace(
      report(
        'dma_map_sg:           [FAILED TO PARSE] device=0000:00:01.0 full_nents=1 full_ents=1 truncated=0 phys_addrs=ARRAY[00, 80, c1, 4d, 00, 00, 00, 00] dma_addrs=ARRAY[00, 10, ae, 39, 01, 00, 00, 00] lengths=ARRAY[00, c0, 00, 00] dir=1 attrs=0x100',
      ) +
        report(
          'dma_unmap_page: [FAILED TO PARSE] device=0000:00:01.0 addr=4173983744 size=70 dir=1 attrs=0x0',
        ),
    );
    expect(events).toMatchObject([
      { kind: EventKind.mapSg, nents: 1, ents: 1, truncated: false, direction: 1, attributes: 256 },
      { dmaAddr: 4173983744, size: 70 },
    ]);
    expect([events[0]?.physAt(0), events[0]?.dmaAt(0), events[0]?.sizeAt(0)]).toEqual([
      0x4dc18000, 0x139ae1000, 0xc000,
    ]);
    expect(devices).toEqual(['0000:00:01.0']);
  });

  test('in raw form does not say which numbers are hexadecimal, and is refused', () => {
    const raw =
      'dma_map_page: device=0000:00:03.0 phys_addr=3267102786 dma_addr=4173983744 size=70 dir=1 attrs=0x0';
    expect(refusal(raw)).toContain('-R');
  });
});

describe('a line of more than 1 MiB', () => {
  const long = 'x'.repeat(1 << 20);
  const after = line(MAP);

  test.each([1 << 16, 999_983, Number.POSITIVE_INFINITY])(
    'is refused, the next one read (chunks of %d)',
    (chunk) => {
      const text = `${line(`${MAP} ${long}`)}${after}${long}${long}\n${after}${line(`other: ${long}`)}${after}`;
      const trace = readTrace(text, chunk);
      expect(trace.events.map((event) => event.line)).toEqual([2, 4, 6]);
      expect(trace.unparsed.map((each) => [each.line, each.event])).toEqual([
        [1, 'dma_map_page'],
        [3, ''],
      ]);
      expect(trace.unparsed[0]?.reason).toContain('1048576');
    },
  );
});

test('a last line without a newline is read', () => {
  expect(readTrace(line(MAP).trimEnd()).events).toHaveLength(1);
  expect(readTrace('').summary).toMatchObject({ lines: 0, events: 0, contextKnown: true });
});
