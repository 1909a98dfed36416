import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  BOARD,
  DTB,
  dmalab,
  event,
  exampleText,
  file,
  IOMEM,
  pathOf,
  rightLines,
  TRACE,
  traceFile,
} from './testing.ts';

const asRoot = process.getuid?.() === 0;

/** The command refuses: exit 2, nothing on standard output, one line that names what it is about. */
async function refusal(args: readonly string[], input?: readonly Uint8Array[]): Promise<string> {
  const { exit, out, errors } = await dmalab(['replay', ...args], input);
  expect(exit).toBe(2);
  expect(out).toBe('');
  expect(errors).toHaveLength(1);
  expect(errors[0]).not.toContain('\n');
  return errors[0] ?? '';
}

describe('a file that cannot be read', () => {
  it('is missing: says where it was looked for', async () => {
    const path = pathOf('missing.txt');
    expect(await refusal([path])).toBe(
      `${path}: found no such file, expected a kernel trace (looked for ${path})`,
    );
    expect(await refusal([TRACE, '--dtb', path])).toContain('expected a device tree');
    expect(await refusal([TRACE, '--iomem', path])).toContain('expected the text of /proc/iomem');
    expect(await refusal([`${TRACE}/x`])).toContain('ENOTDIR');
  });

  it('is a directory', async () => {
    const path = pathOf('directory');
    mkdirSync(path);
    for (const args of [[path], [TRACE, '--dtb', path], [TRACE, '--iomem', path]])
      expect(await refusal(args)).toMatch(/directory: found a directory, expected .* \(give a file in it\)/);
  });

  it.skipIf(asRoot && process.seteuid === undefined)('may not be read by this user', async () => {
    const path = file('private.txt', 'x');
    chmodSync(path, 0);
    // Root may read everything; be somebody else for a moment.
    if (asRoot) {
      chmodSync(pathOf('.'), 0o755);
      process.seteuid?.(65534);
    }
    try {
      expect(await refusal([path])).toMatch(/private.txt: found no permission to read it, .* \(.*\)/);
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
  });
});

describe('a trace that is none', () => {
  it('is empty, plain or packed, or only a header', async () => {
    for (const content of ['', gzipSync('')])
      expect(await refusal([file('empty', content)])).toMatch(
        /empty: found an empty file, expected .*record/,
      );
    expect(await refusal(['-'], [])).toMatch(/^standard input: found an empty file/);
    expect(await refusal([file('header.txt', '# tracer: nop\n#\n')])).toContain('no DMA event in 2 lines');
  });

  it('is binary: shows its first bytes', async () => {
    const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31 + i * 7 + 5) % 256);
    expect(await refusal([file('noise', noise)])).toMatch(
      /noise: found binary data \(05 2b 8f .*\), expected the text of .*trace/,
    );
    expect(await refusal([file('noise.gz', gzipSync(noise))])).toContain('found binary data (05 2b 8f');
  });

  it('is text of another kind: shows its first line', async () => {
    expect(await refusal([file('passwd', 'root:x:0:0\nbin:x:1:1\n')])).toMatch(
      /passwd: line 1: found "root:x:0:0", expected the text of/,
    );
  });

  it('is a trace.dat, also packed: says how to make text of it', async () => {
    const dat = Buffer.concat([Uint8Array.of(0x17, 8, 0x44), Buffer.from('tracing6\0'), Buffer.alloc(200)]);
    for (const path of [file('trace.dat', dat), file('trace.dat.gz', gzipSync(dat))])
      expect(await refusal([path])).toMatch(/found a trace\.dat, .*trace-cmd report -l FILE/);
  });

  it('is packed by another tool: names the tool', async () => {
    for (const [bytes, tool] of [
      [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 'unxz'],
      [[0x28, 0xb5, 0x2f, 0xfd, 0], 'unzstd'],
      [[0x42, 0x5a, 0x68, 0x39], 'bunzip2'],
    ] as const)
      expect(await refusal([file('packed', Uint8Array.from(bytes))])).toContain(tool);
    expect(await refusal([file('twice.gz', gzipSync(gzipSync('x')))])).toContain('gunzip');
  });

  it('has no dma events: says how to record them', async () => {
    const path = traceFile('sched.txt', [
      event('sched_switch: prev_comm=a'),
      event('irq_handler_entry: irq=1'),
    ]);
    expect(await refusal([path])).toMatch(
      /found no DMA event in 4 lines with 2 events, .*docs\/recording\.md.*6\.12/,
    );
  });

  it('has dma events of which none can be read: says why of the first', async () => {
    const lines = rightLines().map((line) => line.replace(/^.*?: /, ''));
    expect(await refusal([traceFile('nocontext.txt', lines)])).toMatch(
      /line 3: arch_sync_for_device: found no "TASK-PID .*context-info.*none of the DMA events in 6 lines/,
    );
    const fields = [
      event('dma_map_page: device=0000:00:03.0 phys_addr=0x1 (1) dma_addr=0x1 (1) size=0x1 (1)'),
    ];
    expect(await refusal([traceFile('fields.txt', fields)])).toMatch(/line 3: dma_map_page: .*"fields"/);
  });
});

describe('swapped arguments', () => {
  it('are named, whichever two it are', async () => {
    const hint = /swapped\?/;
    expect(await refusal([DTB])).toMatch(/machine.dtb: found a device tree, expected a kernel trace .*--dtb/);
    for (const [args, found] of [
      [[DTB, '--dtb', TRACE], /trace.txt.gz: found a kernel trace, expected a device tree/],
      [[IOMEM], /iomem.txt: found a list of address ranges .*--iomem/],
      [[TRACE, '--dtb', IOMEM], /iomem.txt: found a list of address ranges .*expected a device tree/],
      [[TRACE, '--iomem', DTB], /machine.dtb: found a device tree, expected the text of \/proc\/iomem/],
      [[DTB, '--iomem', TRACE], /trace.txt.gz: found a kernel trace, expected the text of \/proc\/iomem/],
    ] as const) {
      const message = await refusal(args);
      expect(message).toMatch(found);
      expect(message).toMatch(hint);
    }
  });
});

describe('a device tree', () => {
  it('that is cut anywhere is refused with the place', async () => {
    const whole = readFileSync(DTB);
    // Every length is tried in the tests of the device tree reader; here it is the command's line that counts.
    for (let length = 0; length < whole.length; length += 157) {
      const message = await refusal([TRACE, '--dtb', file('cut.dtb', whole.subarray(0, length))]);
      expect(message).toMatch(/cut\.dtb: at offset 0x[0-9a-f]+: found .*, expected /);
    }
  });

  it('that is none is refused', async () => {
    expect(await refusal([TRACE, '--dtb', file('text.dtb', 'hello')])).toMatch(
      /text\.dtb: at offset 0x0: found 68 65 6c 6c, expected the magic number d0 0d fe ed/,
    );
    expect(await refusal([TRACE, '--dtb', file('board.dts', '/dts-v1/;\n/ { };')])).toContain('dtc -I dts');
    expect(await refusal([TRACE, '--dtb', '/dev/zero'])).toContain('/dev/zero: found more than');
  });

  it('may be packed; cut then, it is refused', async () => {
    const packed = gzipSync(readFileSync(DTB));
    const text = traceFile('right.txt', rightLines());
    expect(await dmalab(['replay', text, '--dtb', file('packed.dtb', packed)])).toMatchObject({
      exit: 0,
      errors: [],
    });
    const half = file('half.dtb.gz', packed.subarray(0, 700));
    expect(await refusal([text, '--dtb', half])).toMatch(
      /half\.dtb\.gz: found the gzip data is cut at byte 700/,
    );
  });
});

describe('/proc/iomem', () => {
  it('read without being root: says so', async () => {
    const zeros = readFileSync(IOMEM, 'utf8').replace(/[0-9a-f]{8,}-[0-9a-f]{8,}/g, '00000000-00000000');
    expect(await refusal([TRACE, '--iomem', file('zeros.txt', zeros)])).toMatch(
      /zeros\.txt: found only zero addresses, .*\(read \/proc\/iomem as root/,
    );
  });

  it('that is none, is damaged or empty: names the line', async () => {
    expect(await refusal([TRACE, '--iomem', file('io1', 'hello\n')])).toMatch(/io1: line 1: found "hello"/);
    const damaged = readFileSync(IOMEM, 'utf8').replace('System RAM', 'System RAM\n!');
    expect(await refusal([TRACE, '--iomem', file('io2', damaged)])).toMatch(/io2: line \d+: found "!"/);
    expect(await refusal([TRACE, '--iomem', file('io3', '')])).toMatch(/io3: found an empty file/);
    expect(await refusal([TRACE, '--iomem', file('io4', '10000000-1fffffff : PCI\n')])).toMatch(/io4: .*RAM/);
  });
});

describe('standard input', () => {
  it('can be one input only', async () => {
    expect(await refusal(['-', '--dtb', '-'])).toContain('found - more than once');
  });

  it('that turns out to be of Xen too late to begin again: says what to do', async () => {
    const input = [Buffer.from('# a comment\n'.repeat(400_000)), Buffer.from(exampleText())];
    expect(await refusal(['-'], input)).toMatch(/line \d+ of the trace is an event of .*--dtb/);
    expect((await dmalab(['replay', '-', ...BOARD], input)).exit).toBe(1);
  });
});
