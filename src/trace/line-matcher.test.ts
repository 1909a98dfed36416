/** The matcher against its oracle, the reader that reads every line by its keys. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { matcherText } from '../../scripts/build-trace-matcher.ts';
import { EventKind, type MutableKind } from './event.ts';
import { Header } from './header.ts';
import { LONGEST_LINE } from './line-carry.ts';
import { line, type ReadTrace, readTrace } from './testing.ts';
import { formatEvent } from './writer.ts';

const EXAMPLES = ['xen-domu-pvblk'];

/** Everything that a reader says, a text for each event; the fields that a kind does not have, too. */
function said({ events, unparsed, devices, summary }: ReadTrace): string[] {
  const { known, unknown, ...rest } = summary;
  const all = [...events, ...unparsed, devices, rest, [...known], [...unknown]];
  return all.map((one) => JSON.stringify(one, (_, value) => (value === Infinity ? 'Infinity' : value)));
}

function expectSame(input: string | Uint8Array, chunk?: number): void {
  expect(said(readTrace(input, chunk))).toEqual(said(readTrace(input, undefined, true)));
}

/** How many lines the reader reads by their keys. */
function readByKeys(text: string): number {
  const read = vi.spyOn(Header.prototype, 'read');
  try {
    readTrace(text);
    return read.mock.calls.length;
  } finally {
    read.mockRestore();
  }
}

test('the module is what its source compiles to', async () => {
  expect(readFileSync(new URL('matcher/module.ts', import.meta.url), 'utf8')).toBe(await matcherText());
}, 120_000);

test('reads lines that differ in their values, and leaves all others alone', () => {
  // The first line teaches its header, the second how it is laid out.
  const taught = line('p2m: (x) pfn=0x4dc15 mfn=0x13fadf nr=1').repeat(2);
  for (const alike of ['(x) pfn=0x4dc1 mfn=0xffffffffffffffff nr=12', '(x) pfn=0x0 mfn=0xABC nr=1048576'])
    expect(readByKeys(taught + line(`p2m: ${alike}`)), alike).toBe(2);
  for (const other of [
    '(y) pfn=0x1 mfn=0x2 nr=1',
    '(x) pfn=1 mfn=0x2 nr=1',
    '(x) pfn=0x1 mfn=0x2 nr=1 more=1',
    '(x) pfn=0x1 mfn=0x2 nr=1048577',
    '(x) pfn=0x1 mfn=0x2 nr=',
    '(x) pfn=0x1',
  ])
    expect(readByKeys(taught + line(`p2m: ${other}`)), other).toBe(3);
});

/** What is told with these kinds muted, by the matcher; the same by keys. */
function toldWithout(input: string | Uint8Array, muted: readonly MutableKind[]): ReadTrace {
  const read = readTrace(input, undefined, false, muted);
  const byKeys = readTrace(input, undefined, true, muted);
  expect(fieldsOf(read)).toEqual(fieldsOf(byKeys));
  expect(read.summary).toEqual(byKeys.summary);
  return read;
}

/** Events with the fields that their kinds have: others are left from earlier events. */
function fieldsOf({ events, devices }: Pick<ReadTrace, 'events' | 'devices'>): string[] {
  return events.map((event) => `${event.line}: ${formatEvent(event, devices)}`);
}

test('of a muted kind only failures are told', () => {
  const returns = [0, 0, -22, 0, 7, -38, 0].map((ret) => line(`cflush_ret: (x) ret=${ret}`)).join('');
  const { events, summary } = toldWithout(returns, [EventKind.cacheFlushReturn]);
  expect(events.map(({ ret, line: at }) => [at, ret])).toEqual([
    [3, -22],
    [6, -38],
  ]);
  expect(summary.known.get('cflush_ret')).toBe(7);
});

describe.each(EXAMPLES)('the example %s', (name) => {
  const trace = gunzipSync(readFileSync(new URL(`../../examples/${name}/trace.txt.gz`, import.meta.url)));

  test('without a kind has all other events, and the same counts', () => {
    const some = trace.subarray(0, 300_000);
    const all = readTrace(some);
    for (const kind of new Set(all.events.map((event) => event.kind))) {
      if (kind === EventKind.lost || kind === EventKind.marker) continue;
      const told = toldWithout(some, [kind]);
      const others = all.events.filter((event) => event.kind !== kind);
      expect(fieldsOf(told)).toEqual(fieldsOf({ ...all, events: others }));
      expect(told.summary).toEqual(all.summary);
    }
  });

  test.each([1, 333, 4096, 65_536, 1_000_003])('is read the same in chunks of %i bytes', (chunk) => {
    expectSame(chunk === 1 ? trace.subarray(0, 300_000) : trace, chunk);
  });

  test('is mostly read by the matcher', () => {
    const text = trace.toString();
    expect(readByKeys(text) * 20).toBeLessThan(text.split('\n').length);
  });
});

const HEADERS = [
  '          <idle>-0       [001] d.h2.    25.113591: ',
  '     kworker/0:1-23      [000] .....   125.113591123: ',
  '        1.xvda-0-232     [001] d.s1.    25.998877: ',
  '     kworker/0:1-23      [000]    25.113591: ',
  'a-1 [000] d..1. 1.5: ',
  '  <idle>-0       0d.h..   30us+: ',
];
const PAYLOADS = [
  'p2m: (set_foreign_p2m_mapping+0x0/0x50) pfn=0x4dc15 mfn=0x13fadf nr=1',
  'p2m: (x) pfn=0x4dc15 mfn=0xffffffffffffffff nr=1',
  'cflush: (dma_cache_maint+0xb8/0x120) bus=0x1388dd000 off=0 len=4096 op=0x2 cmd=12',
  'cflush_ret: (dma_cache_maint+0xbc/0x120) ret=0',
  'cflush_ret2: (dma_cache_maint+0xbc/0x120) ret=-22',
  'xs_map_page:          (ffffdd08baddf278) page=0xffffff5d860ae9c0 off=0x342 size=70 dir=1 attrs=0x0',
  'xs_unmap_phys: (x) dev_addr=0xc2ba7342 size=70 dir=1 attrs=0x20',
  'arch_sync_for_cpu: (x) paddr=0xc37e8040 size=1522 dir=2',
  'swiotlb_map_ret: (x <- y) slot=0xf8c9f000',
  'dma_map_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=c2ba7342 size=70 phys_addr=1c2ba7342 attrs=NO_WARN',
  'dma_map_phys: fe310000.mmc dir=BIDIRECTIONAL dma_addr=ffffffffffffffff size=70 phys_addr=1c2ba7342 attrs=',
  'dma_unmap_page: dwmmc dir=FROM_DEVICE dma_addr=c2ba7342 size=70 attrs=SKIP_CPU_SYNC|NO_WARN',
  'dma_map_sg: 0000:00:01.0 dir=FROM_DEVICE nents=2/2 ents=2/2 dma_addrs={0x139ae1000,0x1} sizes={0x1000,0x20} phys_addrs={0x1,0x2} attrs=',
  'dma_map_sg: 0000:00:01.0 dir=FROM_DEVICE dma_addrs={0x139ae1000} sizes={0x1000} phys_addrs={0x139ae1000} attrs=',
  'dma_map_sg: [FAILED TO PARSE] device=0000:00:01.0 full_nents=1 full_ents=1 truncated=0 phys_addrs=ARRAY[00, 82, c1, 4d, 00, 00, 00, 00] dma_addrs=ARRAY[00, 82, c1, 4d, 01, 00, 00, 00] lengths=ARRAY[00, 10, 00, 00] dir=1 attrs=0x0',
  'dma_unmap_page: [FAILED TO PARSE] device=a addr=5366312960 size=4096 dir=1 attrs=0x0',
  'dma_unmap_sg: 0000:00:01.0 dir=NONE phys_addrs={} attrs=0x20',
  'dma_sync_sg_for_cpu: a dir=FROM_DEVICE dma_addrs={0x1000,0x2000} sizes={0x10,0x20}',
  'dma_alloc: 0000:00:02.0 dir=BIDIRECTIONAL dma_addr=c9125000 size=512 virt_addr=00000000d3cdc37c flags=GFP_KERNEL attrs=',
  'swiotlb_bounced: dev_name: 0000:00:01.0 dma_mask=ffffffff dev_addr=13fadf000 size=4096 FORCE',
  'swiotlb_bounced: [FAILED TO PARSE] dev_name=a dma_mask=4294967295 dev_addr=5366312960 size=4096 force=1',
  'tracing_mark_write: STEP one',
  'nvme_setup_cmd: nvme0: cmdid=12',
  'irq: x',
];
const NUMBERS = [
  '', '0', '1', '3', '4', '00000001', '4096', '12345678', '123456789', '123456789012345', '1234567890123456',
  '4294967296', '4294967297', '100000000', '100000001', '1048576', '1048577', '9007199254740991',
  '9007199254740992', '10000000000', '10000000001', '10000000000000', '10000000000001', '1fffffffffffff',
  '20000000000000', 'ffffffffffffffff', 'FFFFFFFFFFFFFFFF', 'fffffffffffffffff', '18446744073709551615',
  '0000000000000001', '00000000000000001', 'ABCdef', '0x10', '-1', '-22', 'g', 'TO_DEVICE', 'NONE', 'x',
]; // biome-ignore format: a table
const INSERTED = [
  ' ',
  '  ',
  '\r',
  '=',
  ':',
  ',',
  '{',
  '}',
  ']',
  '/',
  '0',
  'f',
  '-',
  '\u0001',
  '\t',
  'é',
  ' size=1',
  '\n',
];

/** One change to a line. */
const change = fc.tuple(
  fc.constantFrom('none', 'number', 'insert', 'cut', 'byte', 'double', 'swap', 'field', 'end', 'case'),
  fc.nat(10_000),
  fc.nat(10_000),
);
type Change = readonly [string, number, number];

function changed(text: string, [kind, a, b]: Change): string {
  const at = a % (text.length + 1);
  const tokens = text.split(' ');
  const token = a % tokens.length;
  switch (kind) {
    case 'number': {
      const values = [...text.matchAll(/(?<=[=x{,/ ])[0-9a-f]+\b/g)];
      const value = values[a % values.length];
      if (value === undefined) return text;
      const before = text.slice(0, value.index);
      return before + NUMBERS[b % NUMBERS.length] + text.slice(value.index + value[0].length);
    }
    case 'insert':
      return text.slice(0, at) + INSERTED[b % INSERTED.length] + text.slice(at);
    case 'cut':
      return text.slice(0, at) + text.slice(at + 1 + (b % 20));
    case 'byte':
      return text.slice(0, at) + String.fromCharCode(b % 128) + text.slice(at + 1);
    case 'double':
      return [...tokens.slice(0, token), tokens[token], ...tokens.slice(token)].join(' ');
    case 'swap': {
      const other = b % tokens.length;
      [tokens[token], tokens[other]] = [tokens[other] as string, tokens[token] as string];
      return tokens.join(' ');
    }
    case 'field':
      return [...tokens.slice(0, token), ...tokens.slice(token + 1)].join(' ');
    case 'end':
      return text + ['\r', ' ', ' \r', ' x=1', '  [TRUNCATED]'][b % 5];
    case 'case':
      return text.slice(0, at) + text.slice(at).toUpperCase();
    default:
      return text;
  }
}

/** Few kinds of lines, so that most are like one before; each is changed a little or not at all. */
const anyText = fc
  .tuple(
    fc.array(fc.constantFrom(...HEADERS), { minLength: 2, maxLength: 2 }),
    fc.array(fc.constantFrom(...PAYLOADS), { minLength: 4, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(1), fc.nat(3), fc.array(change, { maxLength: 2 })), { maxLength: 60 }),
  )
  .map(([headers, payloads, lines]) => {
    const known = headers.flatMap((header) => payloads.map((payload) => header + payload));
    const others = lines.map(([header, payload, changes]) =>
      changes.reduce(changed, `${headers[header]}${payloads[payload]}`),
    );
    // A layout is learnt from the second line at the latest.
    return [...known, ...known, ...others].join('\n');
  });

describe('lines that were changed', () => {
  test('are read as by their keys', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 3000 }), (text, chunk) => expectSame(text, chunk)),
      { numRuns: 2000 },
    );
  }, 120_000);

  test('in one byte each', () => {
    for (const payload of PAYLOADS) {
      const whole = line(payload).trimEnd();
      const lines = [...whole].flatMap((_, at) =>
        ['', ...' 0fx:=,/\n\r\u0001'].flatMap((byte) => [
          whole.slice(0, at) + byte + whole.slice(at + 1),
          whole.slice(0, at) + byte + whole.slice(at),
        ]),
      );
      expectSame([whole, whole, ...lines].join('\n'), 100_000);
    }
  });

  test('in one field each', () => {
    for (const payload of PAYLOADS) {
      const fields = [...payload.matchAll(/(?<=[=x{,/ ])[0-9a-fA-F]+\b|(?<=[= ])[A-Z_|]+\b/g)];
      const lines = fields.flatMap(({ 0: { length }, index }) =>
        NUMBERS.map((number) => payload.slice(0, index) + number + payload.slice(index + length)),
      );
      // Each behind one that is as it was, which is known from the third time on.
      expectSame([payload, payload, ...lines.flatMap((text) => [text, payload])].map(line).join(''));
    }
  });
});

test('names of devices that one event takes as a whole and another does not', () => {
  const bounced = 'dma_mask=ffffffff dev_addr=13fadf000 size=4096 FORCE';
  const taught = [
    'dma_unmap_page: a dir=TO_DEVICE dma_addr=1 size=1 attrs=',
    'dma_unmap_page: a dir=TO_DEVICE dma_addr=1 size=1 attrs=',
    'dma_unmap_sg: a size=1 dir=NONE phys_addrs={} attrs=',
    `swiotlb_bounced: dev_name: device=x ${bounced}`,
    `swiotlb_bounced: dev_name: dev_name=x ${bounced}`,
    `swiotlb_bounced: dev_name: dev_name: ${bounced}`,
    `swiotlb_bounced: dev_name: [FAILED ${bounced}`,
    'dma_unmap_page: b dir=TO_DEVICE dma_addr=1 size=1 attrs=',
  ];
  const asked = [
    'a size=1',
    'device=x',
    'dev_name=x',
    'dev_name:',
    'dev_name: x',
    '[FAILED',
    '[FAILED TO PARSE] a',
  ];
  const lines = asked.map((name) => `dma_unmap_page: ${name} dir=TO_DEVICE dma_addr=1 size=1 attrs=`);
  expectSame([...taught, ...taught, ...taught, ...lines].map(line).join(''));
});

describe('more than the matcher has room for', () => {
  const repeated = (count: number, text: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i % Math.ceil(count / 3))).join('');

  test('tasks', () => {
    const task = (i: number) =>
      line(PAYLOADS[i % PAYLOADS.length] as string).replace('-232 ', `-${1000 + i} `);
    expectSame(repeated(3000, task));
  });

  test('call sites and names of events', () => {
    expectSame(
      repeated(3000, (i) => line(`cflush${i % 900}: (call+0x${i}/0x999) bus=0x1 off=0 len=1 op=0x2`)),
    );
    expectSame(repeated(6000, (i) => line(`event_${i}: value=1`)));
  });

  test('devices', () => {
    const device = (i: number) => line(`dma_unmap_page: device${i} dir=TO_DEVICE dma_addr=1 size=1 attrs=`);
    expectSame(repeated(3000, device));
  });

  test('values in a line, elements in a list, records in a window', () => {
    const tokens = Array.from({ length: 20 }, (_, i) => ` k${i}=${i}`).join('');
    expectSame(line(`p2m: (x) pfn=0x1 mfn=0x2 nr=1${tokens}`).repeat(20));
    const list = (count: number) => `{${Array.from({ length: count }, (_, i) => `0x${i}`).join(',')}}`;
    const sg = (count: number) => line(`dma_unmap_sg: a dir=NONE phys_addrs=${list(count)} attrs=`);
    expectSame([1, 2, 3, 500, 2, 5000, 3, 20_000, 100_000, 4].map(sg).join('').repeat(2));
    expectSame(sg(60).repeat(2000));
  });

  test('bytes of a line', () => {
    const short = line(PAYLOADS[0] as string);
    const lines = [3000, 4090, 5000, 65_000, 65_600, 140_000, LONGEST_LINE - 150, LONGEST_LINE].flatMap(
      (length) => [
        short.repeat(40),
        line(`${PAYLOADS[0]} k=${'x'.repeat(length)}`),
        line(`nvme_setup_cmd: ${'x'.repeat(length)}`),
      ],
    );
    for (const chunk of [100_000, 1 << 22]) expectSame(lines.join(''), chunk);
  });
});
