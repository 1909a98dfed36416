import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ReadTrace, readTrace } from './testing.ts';
import { formatEvent } from './writer.ts';

/** Lines as the kernel and trace-cmd print them; what stands in <> differs from line to line. */
const TEMPLATES = [
  'p2m: (set_foreign_p2m_mapping+0x0/0x50) pfn=0x<hex> mfn=0x<hex> nr=<dec>',
  'p2m: (x) pfn=0x<hex> mfn=0xffffffffffffffff nr=1',
  'cflush: (dma_cache_maint+0xb8/0x120) bus=0x<hex> off=<dec> len=<dec> op=0x<bit> cmd=12',
  'cflush_ret: (dma_cache_maint+0xbc/0x120) ret=<dec>',
  'cflush_ret: (dma_cache_maint+0xbc/0x120) ret=-22',
  'xs_map_page: (ffffdd08baddf278) page=0xffff<hex> off=0x<hex> size=<dec> dir=<bit> attrs=0x0',
  'xs_map_page:          (ffffdd08baddf278) page=<hex> off=0x<hex> size=<dec> dir=<bit> attrs=0x<hex>',
  'arch_sync_for_cpu: (x) paddr=0x<hex> size=<dec> dir=<bit>',
  'dma_map_page: <device> dir=<dir> dma_addr=<hex> size=<dec> phys_addr=<hex> attrs=<attrs>',
  'dma_map_page: <device> dir=<dir> dma_addr=ffffffffffffffff size=<dec> phys_addr=<hex> attrs=<attrs>',
  'dma_unmap_page: <device> dir=<dir> dma_addr=<hex> size=<dec> attrs=<attrs>',
  'dma_map_sg: <device> dir=<dir> nents=2/2 ents=2/2 dma_addrs={0x<hex>,0x<hex>} sizes={0x<hex>,0x<hex>} phys_addrs={0x<hex>,0x<hex>} attrs=<attrs>',
  'dma_map_sg: [FAILED TO PARSE] device=<device> full_nents=1 full_ents=1 truncated=0 phys_addrs=ARRAY[00, 82, c1, 4d, 00, 00, 00, 00] dma_addrs=ARRAY[00, 82, c1, 4d, 00, 00, 00, 00] lengths=ARRAY[00, 10, 00, 00] dir=<bit> attrs=0x0',
  'swiotlb_bounced: dev_name: <device> dma_mask=ffffffff dev_addr=<hex> size=<dec> FORCE',
  'tracing_mark_write: STEP <dec>',
  'nvme_setup_cmd: nvme0: cmdid=<dec>',
];
const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  hex: fc.oneof(
    fc.nat().map((n) => n.toString(16)),
    fc.maxSafeInteger().map((n) => Math.abs(n).toString(16)),
    fc.constantFrom('0', '', '0x10', 'ABC', '000000000000001', '20000000000000', 'ffffffffffffffff', '1g'),
  ),
  dec: fc.oneof(
    fc.nat(5000).map(String),
    fc.constantFrom('0', '', '0x10', '4294967297', '12345678901234567890', '-1', '7x'),
  ),
  bit: fc.constantFrom('0', '1', '2', '3', '4', 'x'),
  dir: fc.constantFrom('TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL', 'NONE', 'TO_DEVICEX', '1', ''),
  device: fc.constantFrom(
    '0000:00:03.0',
    'fe310000.mmc',
    'device=x',
    'dwmmc',
    '[a',
    'two words',
    'size=1 x',
    '',
  ),
  attrs: fc.constantFrom('', 'NO_WARN', 'SKIP_CPU_SYNC|NO_WARN', '0x20', 'NEW_ONE', 'x|', '1|2'),
};
const payload = fc.constantFrom(...TEMPLATES).chain((template) => {
  const keys = [...template.matchAll(/<(\w+)>/g)].map((match) => match[1] as string);
  return fc.tuple(...keys.map((key) => VALUES[key] as fc.Arbitrary<string>)).map((values) => {
    let next = 0;
    return template.replace(/<\w+>/g, () => values[next++] as string);
  });
});
/** The same task over and over, as in real traces; sometimes another one, or another second. */
const header = fc.constantFrom(
  '          <idle>-0       [001] d.h2.    25.113591: ',
  '          <idle>-0       [001] d.h2.    25.998877: ',
  '          <idle>-0       [001] d.h2.    26.000001: ',
  '          <idle>-0       [001] d.h2.    25.1x3591: ',
  '          <idle>-0       [001] d.h2.    25.113591123: ',
  '     kworker/0:1-23      [000] .....    25.113591: ',
  '     kworker/0:1-23      [000] 25.113591: ',
);
const damage = fc.option(
  fc.tuple(fc.nat(200), fc.constantFrom(' ', 'x', ':', '\n', '=', '0', '\r', '\u0001')),
  {
    nil: undefined,
    freq: 20,
  },
);
const anyLine = fc.tuple(header, payload, damage).map(([start, text, damaged]) => {
  const whole = `${start}${text}`;
  if (damaged === undefined || damaged[0] >= whole.length) return `${whole}\n`;
  return `${whole.slice(0, damaged[0])}${damaged[1]}${whole.slice(damaged[0] + 1)}\n`;
});

/** Everything that a trace says, in order and in the writer's words: fields that a kind does not have hold what was there before. */
function said({ events, unparsed, devices }: ReadTrace): unknown {
  return [
    events.map((event) => formatEvent(event, devices)),
    unparsed.map(({ cpu, event, reason }) => ({ cpu, event, reason })),
  ];
}

test('a line that is laid out like one before it is read as it would be alone', () => {
  fc.assert(
    fc.property(fc.array(anyLine, { minLength: 1, maxLength: 30 }), (lines) => {
      const alone = lines.map((text) => readTrace(text));
      const together = readTrace(lines.join(''));
      expect(said(together)).toEqual([
        alone.flatMap(({ events, devices }) => events.map((event) => formatEvent(event, devices))),
        alone.flatMap(({ unparsed }) => unparsed.map(({ cpu, event, reason }) => ({ cpu, event, reason }))),
      ]);
      expect(together.summary.events).toBe(alone.reduce((sum, { summary }) => sum + summary.events, 0));
      expect(together.summary.strange).toBe(alone.reduce((sum, { summary }) => sum + summary.strange, 0));
      expect(together.summary.contextKnown).toBe(alone.every(({ summary }) => summary.contextKnown));
    }),
    { numRuns: 1000 },
  );
}, 60_000);
