import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { line, type ReadTrace, readTrace } from './testing.ts';
import { TRACE_HEADER } from './writer.ts';

const SAMPLES = [
  '0000:00:03.0 dir=TO_DEVICE dma_addr=c2ba7342 size=70 phys_addr=1c2ba7342 attrs=NO_WARN',
  '0000:00:01.0 dir=FROM_DEVICE nents=2/2 ents=2/2 dma_addrs={0x139ae1000,0x1} sizes={0x1000,0x20} phys_addrs={0x1,0x2} attrs=',
].map((payload, i) => line(`${['dma_map_page', 'dma_map_sg'][i]}: ${payload}`));
const PROBES = [
  'cflush: (dma_cache_maint+0xb8/0x120) bus=0x1388dd000 off=0 len=4096 op=0x2 cmd=12',
  'swiotlb_map_ret: (xen_swiotlb_map_page+0xec/0x490 <- swiotlb_tbl_map_single) slot=0xf8c9f000',
  'swiotlb_bounced: dev_name: 0000:00:01.0 dma_mask=ffffffff dev_addr=13fadf000 size=4096 FORCE',
  'dma_unmap_sg: [FAILED TO PARSE] device=0000:00:01.0 addrs=ARRAY[00, 80, c1, 4d, 00, 00, 00, 00] dir=1 attrs=0x0',
  'p2m: (x) pfn=0x4dc15 mfn=0xffffffffffffffff nr=1',
  'tracing_mark_write: STEP one\r',
].map(line);
const OTHERS = [
  'CPU:3 [LOST 42 EVENTS]\n',
  ' => do_idle\n',
  'cpus=2\n',
  '\n',
  '  <idle>-0       0d.h..   30us+: p2m: x\n',
];
const TRACE = new TextEncoder().encode(TRACE_HEADER + [...SAMPLES, ...PROBES, ...OTHERS].join(''));

/** Everything that a reader says, in one value. */
function all(trace: ReadTrace): unknown {
  return JSON.parse(
    JSON.stringify({ ...trace, known: [...trace.summary.known], unknown: [...trace.summary.unknown] }),
  );
}

describe('whatever is pushed', () => {
  test('chunks may end anywhere', () => {
    const whole = all(readTrace(TRACE));
    for (let chunk = 1; chunk < TRACE.length; chunk += chunk < 200 ? 1 : 37) {
      expect(all(readTrace(TRACE, chunk))).toEqual(whole);
    }
  });

  test('random bytes neither throw nor hang, and every line is counted', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc
        .array(fc.constantFrom(...' \n:=0x-[]{},.dwp2m'), { maxLength: 600 })
        .map((text) => new TextEncoder().encode(text.join(''))),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 100 }), (input, chunk) => {
        const trace = readTrace(input, chunk);
        const newlines = input.filter((byte) => byte === 10).length;
        expect(trace.summary.lines).toBe(newlines + (input.length > 0 && input.at(-1) !== 10 ? 1 : 0));
        expect(all(trace)).toEqual(all(readTrace(input)));
      }),
      { numRuns: 500 },
    );
  });

  test('a real trace cut at any byte gives the events before the cut', () => {
    const whole = readTrace(TRACE);
    for (let cut = 0; cut < TRACE.length; cut++) {
      const part = readTrace(TRACE.subarray(0, cut));
      const complete = part.summary.lines - 1;
      const before = whole.events.filter((event) => event.line <= complete);
      expect(part.events.slice(0, before.length)).toEqual(before);
      expect(part.events.length).toBeLessThanOrEqual(before.length + 1);
    }
  });

  test('damaged bytes never throw, and harm no other line', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.nat(TRACE.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(10, 13, 32, 45, 58, 61))),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        (damages) => {
          const damaged = TRACE.slice();
          for (const [at, byte] of damages) damaged[at] = byte;
          const trace = readTrace(damaged, 50);
          expect(all(trace)).toEqual(all(readTrace(damaged)));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a damaged field', () => {
  const fields = [...SAMPLES, ...PROBES.slice(0, 3)].flatMap((text) =>
    [...text.matchAll(/ (\w+)=(\S+)/g)].map(
      (match) => [match[1] as string, match[2] as string, text] as const,
    ),
  );

  test.each(fields)('%s=%s is refused or gives another value', (key, value, text) => {
    const before = readTrace(text).events;
    const damages = [
      '',
      'x',
      `${value}x`,
      `-${value}`,
      '0x',
      value.replace(/.$/, ''),
      'ffffffffffffffffff',
      '{',
      '{0x1',
    ];
    for (const damage of damages) {
      const trace = readTrace(text.replace(` ${key}=${value}`, ` ${key}=${damage}`));
      expect(trace.events.length + trace.unparsed.length).toBe(1);
      const known = !['cmd', 'attrs'].includes(key);
      if (known && trace.events.length === 1) expect(trace.events).not.toEqual(before);
    }
    const renamed = readTrace(text.replace(` ${key}=`, ` ${key}_=`));
    if (key !== 'cmd' && key !== 'nents' && key !== 'ents')
      expect(renamed.unparsed[0]?.reason).toMatch(/missing|name/);
  });
});
