/** `dmalab audit` from its arguments to its exit code, on real boards. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RULES } from '../audit/index.ts';
import { buildFdt, type NodeSpec } from '../devicetree/build.ts';
import { auditDocument, comparisonDocument } from '../report/audit/schema.ts';
import { dmalab, file, type Outcome, pathOf, TRACE } from './testing.ts';

const BOARDS = fileURLToPath(new URL('../devicetree/boards/', import.meta.url));
const SMALL = fileURLToPath(new URL('../../scenarios/boards/board.dtb', import.meta.url));
const real = (name: string) => `${BOARDS}${name}.dtb`;

async function json(args: readonly string[], input?: readonly Uint8Array[]) {
  const outcome = await dmalab(['audit', '--json', ...args], input);
  return { ...outcome, boards: auditDocument.parse(JSON.parse(outcome.out)).boards };
}

/** The one at a path. */
async function deviceOf(board: string, path: string, args: readonly string[] = []) {
  const { boards } = await json([real(board), ...args]);
  return boards[0]?.devices.find((device) => device.path === path);
}

const cells = { '#address-cells': [1], '#size-cells': [1] };
const cpus = { 'cpu@0': { device_type: 'cpu', compatible: 'arm,cortex-a15' } };
/** A board with a finding of severity error, one with a hazard, one with neither. */
const disk: NodeSpec = { compatible: 'x,mmc', reg: [0x1000, 0x100] };
const wrong = () =>
  file('wrong.dtb', buildFdt({ ...cells, cpus, l2: { compatible: 'arm,pl310-cache' }, 'mmc@1': disk }));
const odd = () =>
  file(
    'odd.dtb',
    buildFdt({ ...cells, cpus, 'mmc@1': { ...disk, 'dma-coherent': true, 'dma-noncoherent': true } }),
  );
const plain = () => file('plain.dtb', buildFdt({ ...cells, cpus, 'mmc@1': disk }));

describe('real boards', () => {
  it('Raspberry Pi 4: the SD host reaches 1 GiB at an offset, PCI 3 GiB, Ethernet everything', async () => {
    const sd = await deviceOf('bcm2711-rpi-4-b', '/emmc2bus/mmc@7e340000');
    expect(sd).toMatchObject({
      kind: 'mmc',
      coherent: false,
      outerCache: null,
      iommu: null,
      dmaLimit: '0x3fffffff',
      windows: [{ dma: '0xc0000000', machine: '0x0', size: '0x40000000' }],
      underXen: { class: 'bounce', designs: ['linux-5.9', 'linux-6.12', 'linux-7.3', 'repaired'] },
    });
    expect(await deviceOf('bcm2711-rpi-4-b', '/scb/pcie@7d500000')).toMatchObject({
      kind: 'pci',
      dmaLimit: '0xbfffffff',
    });
    expect(await deviceOf('bcm2711-rpi-4-b', '/scb/ethernet@7d580000')).toMatchObject({
      dmaLimit: null,
      names: 'ethernet0',
    });
  });

  it('MACCHIATObin: Ethernet, SATA and PCI are coherent, each by its own node', async () => {
    const { boards } = await json([real('armada-8040-mcbin')]);
    const coherent = boards[0]?.devices.filter((device) => device.coherent) ?? [];
    expect(new Set(coherent.map(({ kind }) => kind))).toEqual(
      new Set(['ethernet', 'disk', 'pci', 'usb', 'mmc', 'crypto', 'dma-engine']),
    );
    for (const { path, because, underXen } of coherent) {
      expect(because).toBe(`${path} has dma-coherent`);
      expect(underXen.class).toBe('no maintenance');
    }
  });

  it('AC5: devices are coherent because their bus is', async () => {
    const { boards } = await json([real('ac5-98dx35xx-rd')]);
    const ethernet = boards[0]?.devices.find(({ kind }) => kind === 'ethernet');
    expect(ethernet?.because).toMatch(/^\/soc\/\S+ has dma-coherent$/);
    expect(ethernet?.because).not.toContain(ethernet?.path);
  });

  it('LS1028A: PCI is behind an SMMU that Xen uses', async () => {
    const { boards, exit } = await json([real('fsl-ls1028a-rdb')]);
    expect(boards[0]?.findings).toContainEqual(
      expect.objectContaining({ rule: 'iommu-blocks-pci', severity: 'error', path: '/soc/pcie@1f0000000' }),
    );
    expect(exit).toBe(1);
    const { boards: without, exit: clean } = await json([real('fsl-ls1028a-rdb'), '--no-smmu']);
    expect(without[0]?.findings.map(({ rule }) => rule)).not.toContain('iommu-blocks-pci');
    expect(clean).toBe(0);
  });

  it('Highbank: coherent devices beside a PL310, on CPUs that cannot run Xen', async () => {
    const { boards } = await json([real('highbank')]);
    const rules = boards[0]?.findings.map(({ rule }) => rule) ?? [];
    expect(new Set(rules)).toEqual(
      new Set(['coherent-beside-outer-cache', 'outer-cache-unreached', 'no-virtualization']),
    );
    for (const { outerCache } of boards[0]?.devices ?? []) expect(outerCache).toMatch(/cache-controller/);
  });

  it('ECX-2000: a 32-bit dom0 with memory above 4 GiB', async () => {
    const { boards } = await json([real('ecx-2000')]);
    expect(boards[0]?.findings).toContainEqual(
      expect.objectContaining({ rule: 'high-memory-cut', severity: 'error' }),
    );
  });

  it('Armada 388: devices snoop its PL310, and the kernel declares all of them coherent', async () => {
    const { boards } = await json([real('armada-388-clearfog')]);
    expect(boards[0]?.findings.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining(['coherent-by-kernel', 'no-virtualization']),
    );
    expect(boards[0]?.findings.map(({ rule }) => rule)).not.toContain('outer-cache-unreached');
  });

  it('STM32MP157: the coprocessor keeps to its own memory', async () => {
    expect(
      (
        (await deviceOf('stm32mp157c-dk2', '/mlahb/m4@10000000')) ??
        (await deviceOf('stm32mp157c-dk2', '/ahb/m4@10000000'))
      )?.underXen.because,
    ).toContain('never from a guest');
  });
});

describe('the report', () => {
  it.each(['bcm2711-rpi-4-b', 'fsl-ls1028a-rdb', 'highbank'])('of %s', async (name) => {
    const { out } = await dmalab(['audit', real(name)]);
    await expect(out.replaceAll(BOARDS, '')).toMatchFileSnapshot(`reports/audit-${name}.txt`);
  });

  it('of a folder is a summary', async () => {
    const { out, exit } = await dmalab(['audit', BOARDS]);
    await expect(out.replaceAll(BOARDS, '')).toMatchFileSnapshot('reports/audit-summary.txt');
    expect(exit).toBe(1);
  });

  it('of a few boards is a summary where that is asked for', async () => {
    expect((await dmalab(['audit', '--summary', plain()])).out).toMatch(
      /^1 board, 1 device with DMA, 0 % coherent\n/,
    );
  });
});

describe('exit codes', () => {
  it.each([
    ['a board without errors', [plain], [], 0],
    ['an error', [wrong], [], 1],
    ['an error among boards without', [plain, wrong], [], 1],
    ['an error with --exit-zero', [wrong], ['--exit-zero'], 0],
    ['a hazard', [odd], [], 0],
    ['a hazard with --strict', [odd], ['--strict'], 1],
  ] as const)('%s', async (_, boards, flags, expected) => {
    const { exit } = await dmalab(['audit', ...boards.map((make) => make()), ...flags]);
    expect(exit).toBe(expected);
  });

  it('2 where a file cannot be used; the others are reported', async () => {
    const cut = file('cut.dtb', readFileSync(SMALL).subarray(0, 500));
    const { exit, out, errors } = await dmalab(['audit', cut, plain()]);
    expect(exit).toBe(2);
    expect(errors).toEqual([expect.stringMatching(/^.*cut\.dtb: at offset 0x1f4: found .*, expected /)]);
    expect(out).toContain('plain.dtb');
  });

  it.each([
    ['nothing there', () => [pathOf('missing.dtb')], /missing\.dtb: .*(ENOENT|no such file)/],
    ['a trace', () => [TRACE], /expected a device tree/],
    [
      'a folder without boards',
      () => {
        mkdirSync(pathOf('empty'), { recursive: true });
        return [pathOf('empty')];
      },
      /found no device tree, expected files named \*\.dtb/,
    ],
    ['an overlay', () => [file('overlay.dtb', buildFdt({ f: { __overlay__: {} } }))], /--overlay/],
    ['no board', () => [], /missing required argument/],
    ['standard input twice', () => ['-', '-'], /more than once/],
    [
      'a dom0 of half a page',
      () => [plain(), '--dom0-mem', '2K'],
      /--dom0-mem: found "2K", expected a size such as/,
    ],
    [
      'three boards to compare',
      () => [plain(), odd(), wrong(), '--compare'],
      /--compare: found 3 boards, expected two/,
    ],
    ['SARIF of a comparison', () => [plain(), odd(), '--compare', '--sarif', pathOf('x.sarif')], /--sarif/],
  ])('2 and no output: %s', async (_, args, message) => {
    const { exit, out, errors } = await dmalab(['audit', ...args()]);
    expect(errors.join('\n')).toMatch(message);
    expect(exit).toBe(2);
    expect(out).toBe('');
  });
});

it('takes standard input and gzipped files', async () => {
  const fromFile = await json([SMALL]);
  const fromStdin = await json(['-'], [readFileSync(SMALL)]);
  const zipped = await json([file('board.dtb.gz', gzipSync(readFileSync(SMALL)))]);
  for (const other of [fromStdin, zipped])
    expect(other.boards[0]?.devices).toEqual(fromFile.boards[0]?.devices);
  expect(fromStdin.boards[0]?.file).toBe('standard input');
});

describe('--dom0-mem', () => {
  it.each([
    ['a size', '1G', []],
    ['a size that is no multiple of 128 MiB', '1000M', ['shared-section']],
    ['banks', '512M@0x40000000,1G@0x880000000', []],
    ['banks that end within a section', '512M@0x40000000,1000M@0x880000000', ['shared-section']],
  ])('%s', async (_, memory, rules) => {
    const { boards } = await json([
      file('a72.dtb', buildFdt({ cpus: { 'cpu@0': { device_type: 'cpu', compatible: 'arm,cortex-a72' } } })),
      '--dom0-mem',
      memory,
    ]);
    expect(boards[0]?.findings.map(({ rule }) => rule)).toEqual(rules);
  });

  it.each([
    '',
    '1',
    '-1G',
    '1G@',
    '@1G',
    '1G@0x10',
    '1G@0,1G@0x20000000',
    '9999999T',
    '1G@0x40000000@1',
    '1,2',
  ])('refuses %j', async (memory) => {
    const { exit, errors } = await dmalab(['audit', plain(), `--dom0-mem=${memory}`]);
    expect(exit).toBe(2);
    expect(errors[0]).toMatch(/--dom0-mem/);
  });
});

describe('--overlay', () => {
  const overlay = (more: NodeSpec = {}) => ({
    f: { target: [0xffffffff], __overlay__: { 'dma-coherent': true } },
    __fixups__: { sd: '/f:target:0' },
    ...more,
  });

  it('is audited with the board', async () => {
    const { boards } = await json([SMALL, '--overlay', file('sd.dtbo', buildFdt(overlay()))]);
    expect(boards[0]?.devices.find(({ path }) => path === '/bus/mmc@7e340000')).toMatchObject({
      coherent: true,
      because: '/bus/mmc@7e340000 has dma-coherent',
    });
  });

  it('comes one after the other', async () => {
    const second = buildFdt({ f: { 'target-path': 'mmc0', __overlay__: { status: 'disabled' } } });
    const { boards } = await json([
      SMALL,
      '--overlay',
      file('1.dtbo', buildFdt(overlay())),
      '--overlay',
      file('2.dtbo', second),
    ]);
    expect(boards[0]?.devices.map(({ path }) => path)).toEqual(['/ethernet@fd580000']);
  });

  it.each([
    [
      'for another board',
      overlay({ __fixups__: { other: '/f:target:0' } }),
      /bad\.dtbo on .*board\.dtb: at offset .* found a reference to &other/,
    ],
    ['that is a board', { compatible: 'x' }, /bad\.dtbo: .*expected an overlay/],
  ])('%s is refused', async (_, root, message) => {
    const { exit, errors, out } = await dmalab([
      'audit',
      SMALL,
      '--overlay',
      file('bad.dtbo', buildFdt(root)),
    ]);
    expect(exit).toBe(2);
    expect(errors.join('\n')).toMatch(message);
    expect(out).toBe('');
  });
});

describe('--compare', () => {
  const run = (args: readonly string[]): Promise<Outcome> => dmalab(['audit', '--compare', ...args]);

  it('says what changed, and exits 1 where an error is new', async () => {
    const { exit, out } = await run([plain(), wrong()]);
    expect(exit).toBe(1);
    expect(out).toContain('outerCache: none -> /l2');
    expect(out).toContain('error outer-cache-unreached');
    expect((await run([wrong(), plain()])).exit).toBe(0);
    expect((await run([wrong(), wrong()])).out).toContain('Nothing changed in DMA terms.');
  });

  it('as JSON', async () => {
    const { out } = await run([plain(), odd(), '--json']);
    const document = comparisonDocument.parse(JSON.parse(out));
    expect(document.changed.map(({ path }) => path)).toEqual(['/mmc@1']);
    expect(document.introduced.map(({ rule }) => rule)).toEqual(['coherence-contradiction']);
  });
});

/** What SARIF 2.1.0 requires of a log (section 3: runs, tool.driver, results, locations), as far as dmalab writes it. */
const sarif = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z
    .array(
      z.strictObject({
        tool: z.strictObject({
          driver: z.strictObject({
            name: z.string(),
            version: z.string(),
            rules: z.array(
              z.strictObject({
                id: z.string(),
                shortDescription: z.strictObject({ text: z.string() }),
                help: z.strictObject({ text: z.string() }),
              }),
            ),
          }),
        }),
        columnKind: z.literal('utf16CodeUnits'),
        results: z.array(
          z.strictObject({
            ruleId: z.string(),
            ruleIndex: z.int().min(0),
            level: z.enum(['error', 'warning', 'note']),
            message: z.strictObject({ text: z.string().min(1) }),
            locations: z
              .array(
                z.strictObject({
                  physicalLocation: z.strictObject({
                    artifactLocation: z.strictObject({ uri: z.string() }),
                    region: z.strictObject({ byteOffset: z.int().min(0), byteLength: z.int().min(0) }),
                  }),
                  logicalLocations: z.array(
                    z.strictObject({ fullyQualifiedName: z.string(), kind: z.literal('object') }),
                  ),
                }),
              )
              .min(1),
          }),
        ),
      }),
    )
    .length(1),
});

describe('--sarif', () => {
  it('writes the findings of all boards, each at its node', async () => {
    const target = pathOf('boards.sarif');
    const { boards } = await json([real('highbank'), real('fsl-ls1028a-rdb'), '--sarif', target]);
    const log = sarif.parse(JSON.parse(readFileSync(target, 'utf8')));
    const [run] = log.runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(RULES));
    expect(run?.results.map(({ ruleId }) => ruleId)).toEqual(
      boards.flatMap(({ findings }) => findings.map(({ rule }) => rule)),
    );
    for (const { ruleId, ruleIndex, locations } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      const { artifactLocation, region } = locations[0]?.physicalLocation ?? {};
      const blob = readFileSync(decodeURIComponent(artifactLocation?.uri ?? ''));
      expect(blob.readUInt32BE(region?.byteOffset ?? 0), 'FDT_BEGIN_NODE').toBe(1);
    }
  });

  it('replaces no file unasked', async () => {
    const target = file('there.sarif', 'mine');
    const { exit, errors } = await dmalab(['audit', plain(), '--sarif', target]);
    expect(exit).toBe(2);
    expect(errors[0]).toMatch(/there\.sarif: found a file of that name/);
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect((await dmalab(['audit', plain(), '--sarif', target, '--force'])).exit).toBe(0);
    expect(sarif.safeParse(JSON.parse(readFileSync(target, 'utf8'))).success).toBe(true);
  });

  it('writes nothing where no board can be read', async () => {
    const target = pathOf('none.sarif');
    await dmalab(['audit', pathOf('missing.dtb'), '--sarif', target]);
    expect(existsSync(target)).toBe(false);
  });
});
