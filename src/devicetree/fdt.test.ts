import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildFdt, patch } from './build.ts';
import { DeviceTreeError } from './error.ts';
import { readFdt } from './fdt.ts';

const EXAMPLE = new URL('../../examples/xen-domu-pvblk/machine.dtb', import.meta.url);

/** The error that reading ends in. */
function refusal(file: Uint8Array): DeviceTreeError {
  try {
    readFdt(file);
  } catch (error) {
    if (error instanceof DeviceTreeError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

function messages(file: Uint8Array): string[] {
  return readFdt(file).warnings.map(({ message }) => message);
}

const SMALL = buildFdt({
  compatible: 'test,board',
  soc: { 'mmc@1000': { reg: [0x1000, 0x10], phandle: [7] }, 'uart@2000': { reg: [0x2000, 0x10] } },
  aliases: { mmc0: '/soc/mmc@1000' },
  __symbols__: { sd: '/soc/mmc@1000' },
});

describe('reading a tree', () => {
  it('gives nodes in the order of the file, with parents, children and paths', () => {
    const tree = readFdt(SMALL);
    expect(tree.nodes.map(({ path }) => path)).toEqual([
      '/',
      '/soc',
      '/soc/mmc@1000',
      '/soc/uart@2000',
      '/aliases',
      '/__symbols__',
    ]);
    const mmc = tree.find('/soc/mmc@1000');
    expect(mmc?.parent?.name).toBe('soc');
    expect([mmc?.baseName, mmc?.unitAddress]).toEqual(['mmc', '1000']);
    expect(tree.root.children.map(({ name }) => name)).toEqual(['soc', 'aliases', '__symbols__']);
    expect(tree.warnings).toEqual([]);
  });

  it('gives properties as bytes, by scanning and as a table alike', () => {
    const mmc = readFdt(SMALL).find('/soc/mmc@1000');
    expect([...(mmc?.property('reg') ?? [])]).toEqual([0, 0, 0x10, 0, 0, 0, 0, 0x10]);
    expect(mmc?.properties.get('reg')).toEqual(mmc?.property('reg'));
    expect(mmc?.property('compatible')).toBeUndefined();
    expect([...(mmc?.properties.keys() ?? [])]).toEqual(['reg', 'phandle']);
  });

  it('finds nodes by phandle, alias and symbol', () => {
    const tree = readFdt(SMALL);
    expect(tree.byPhandle(7)?.path).toBe('/soc/mmc@1000');
    expect(tree.byPhandle(8)).toBeUndefined();
    expect(tree.find('mmc0')?.path).toBe('/soc/mmc@1000');
    expect(tree.find('mmc0:115200n8')?.path).toBe('/soc/mmc@1000');
    expect(tree.find('mmc1')).toBeUndefined();
    expect(tree.symbols.get('sd')).toBe('/soc/mmc@1000');
  });

  it('reads version 16, which does not say how long the structure block is', () => {
    const file = buildFdt({ soc: { 'a@1': { reg: [1] } } }, { version: 16 });
    expect(readFdt(file).find('/soc/a@1')?.has('reg')).toBe(true);
  });

  it('reads a later version that is compatible with 17', () => {
    expect(readFdt(buildFdt({}, { version: 18, lastCompatibleVersion: 17 })).nodes).toHaveLength(1);
  });

  it('skips FDT_NOP anywhere between tokens', () => {
    const file = buildFdt(
      {},
      {
        structure: (t) =>
          t
            .nop()
            .begin('')
            .nop()
            .property('a', [1])
            .nop()
            .property('b', [2])
            .nop()
            .begin('c')
            .nop()
            .end()
            .nop()
            .end()
            .nop()
            .finish(),
      },
    );
    const tree = readFdt(file);
    expect([...tree.root.properties.keys()]).toEqual(['a', 'b']);
    expect([...(tree.root.property('b') ?? [])]).toEqual([0, 0, 0, 2]);
    expect(tree.find('/c')).toBeDefined();
  });

  it('finds a property whose name is the tail of another one', () => {
    // "dma-coherent" stands in the strings block only as the end of "not-dma-coherent", as dtc may write it.
    const file = buildFdt({ 'not-dma-coherent': true });
    const at = new DataView(file.buffer).getUint32(8) + 8 + 8;
    new DataView(file.buffer).setUint32(at, 'not-'.length);
    const { root } = readFdt(file);
    expect(root.has('dma-coherent')).toBe(true);
    expect(root.has('not-dma-coherent')).toBe(false);
  });

  it('gives the memory reservations', () => {
    const file = buildFdt({}, { reservations: [[0x8000_0000n, 0x1000n]] });
    expect(readFdt(file).reservations).toEqual([{ from: 0x8000_0000, size: 0x1000 }]);
  });

  it('reads the tree that a real Xen booted with', () => {
    const tree = readFdt(readFileSync(EXAMPLE));
    expect(tree.nodes).toHaveLength(61);
    expect(tree.warnings).toEqual([]);
    expect(tree.find('serial0')?.path).toBe('/pl011@9000000');
    expect(tree.byPhandle(0x8003)?.path).toBe('/intc@8000000');
  });

  it('does not depend on where the bytes stand in their buffer', () => {
    const shifted = new Uint8Array(SMALL.length + 3);
    shifted.set(SMALL, 3);
    expect(readFdt(shifted.subarray(3)).find('/soc/mmc@1000')?.has('reg')).toBe(true);
  });
});

describe('refusing a file', () => {
  it.each([
    ['gzip', [0x1f, 0x8b, 8, 0], 'compressed', /gunzip/],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 'compressed', /unxz/],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'compressed', /unzstd/],
    ['swapped bytes', [0xed, 0xfe, 0x0d, 0xd0], 'not-a-device-tree', /big-endian/],
    ['source text', [...new TextEncoder().encode('/dts-v1/;\n')], 'not-a-device-tree', /dtc/],
    ['something else', [1, 2, 3, 4, 5], 'not-a-device-tree', /01 02 03 04/],
    ['nothing', [], 'not-a-device-tree', /empty/],
  ])('says what it is instead: %s', (_, bytes, kind, hint) => {
    const error = refusal(Uint8Array.from(bytes));
    expect(error.kind).toBe(kind);
    expect(error.offset).toBe(0);
    expect(error.message).toMatch(hint);
  });

  it.each([
    ['totalSize', SMALL.length + 1, 'truncated', SMALL.length],
    ['totalSize', 39, 'malformed', 4],
    ['structOffset', 0xfffffff0, 'malformed', 8],
    ['structOffset', 57, 'malformed', 8],
    ['structOffset', 0, 'malformed', 8],
    ['stringsOffset', SMALL.length + 1, 'malformed', 12],
    ['stringsOffset', 60, 'malformed', 12],
    ['reservationOffset', 41, 'malformed', 16],
    ['reservationOffset', 56, 'malformed', 16],
    ['reservationOffset', SMALL.length + 8, 'malformed', 16],
    ['version', 15, 'version', 20],
    ['lastCompatibleVersion', 18, 'version', 24],
    ['stringsSize', 0xffffffff, 'malformed', 32],
    ['structSize', 0xffffffff, 'malformed', 36],
    ['structSize', 8, 'malformed', 64],
  ] as const)('whose header says %s %i', (field, value, kind, offset) => {
    const error = refusal(patch(SMALL, field, value));
    expect([error.kind, error.offset]).toEqual([kind, offset]);
    expect(error.found).not.toBe('');
    expect(error.expected).not.toBe('');
  });

  it.each([
    ['a second root', (t) => t.begin('').end().begin('').end().finish(), /second root/],
    ['no node', (t) => t.finish(), /root node/],
    ['no FDT_END', (t) => t.begin('').end(), /end of the structure block/],
    ['an open node', (t) => t.begin('').finish(), /FDT_END within \//],
    ['a node closed twice', (t) => t.begin('').end().end().finish(), /FDT_END_NODE outside/],
    ['a property outside', (t) => t.property('a', true).begin('').end().finish(), /property outside/],
    ['an unknown token', (t) => t.begin('').cell(5).end().finish(), /token 0x5/],
    [
      'a property that is too long',
      (t) => t.begin('').cell(3).cell(1000).cell(0).end().finish(),
      /1000 bytes/,
    ],
    [
      'a property of 4 GiB',
      (t) => t.begin('').cell(3).cell(0xffffffff).cell(0).end().finish(),
      /4294967295 bytes/,
    ],
    ['a name outside', (t) => t.begin('').cell(3).cell(0).cell(99).end().finish(), /name offset 99/],
    ['a node name without end', (t) => t.begin('').cell(1).cell(0x61616161), /node name without an end/],
    [
      'a very long node name',
      (t) => t.begin('').begin('a'.repeat(256)).end().end().finish(),
      /node name without/,
    ],
    [
      'a very long property name',
      (t) => t.begin('').property('a'.repeat(256), true).end().finish(),
      /property name without/,
    ],
  ] as const satisfies [string, (t: import('./build.ts').Tokens) => void, RegExp][])(
    'with %s',
    (_, structure, message) => {
      expect(refusal(buildFdt({}, { structure })).message).toMatch(message);
    },
  );

  it('nested deeper than Linux reads', () => {
    const nested = (levels: number) =>
      buildFdt(
        {},
        {
          structure: (t) => {
            for (let i = 0; i < levels; i += 1) t.begin(i === 0 ? '' : 'n');
            for (let i = 0; i < levels; i += 1) t.end();
            t.finish();
          },
        },
      );
    expect(readFdt(nested(63)).nodes).toHaveLength(63);
    expect(refusal(nested(64)).message).toMatch(/depth 63/);
  });

  it('with paths of unreasonable length', () => {
    const name = 'n'.repeat(255);
    const file = buildFdt({ [name]: { [name]: { [name]: { [name]: { [name]: {} } } } } });
    expect(refusal(file).message).toMatch(/path of/);
  });

  it('whose reservation block has no end', () => {
    const file = buildFdt({}, { reservations: [[1n, 1n]] });
    new DataView(file.buffer).setUint32(40 + 16 + 12, 1);
    expect(refusal(file).message).toMatch(/memory reservation block/);
  });

  it('that is an overlay, with the command that applies it', () => {
    const error = refusal(buildFdt({ 'fragment@0': { target: [1], __overlay__: { status: 'okay' } } }));
    expect(error.kind).toBe('overlay');
    expect(error.hint).toMatch(/fdtoverlay/);
  });

  it("that is U-Boot's FIT image", () => {
    const error = refusal(buildFdt({ images: { 'fdt-1': {} }, configurations: { default: 'conf-1' } }));
    expect(error.kind).toBe('fit-image');
  });
});

describe('warnings', () => {
  it.each([
    ['trailing bytes', buildFdt({}, { trailing: new Uint8Array(5) }), /5 bytes after the end/],
    ['a second tree', buildFdt({}, { trailing: SMALL }), /another device tree/],
    [
      'a doubled property',
      buildFdt({}, { structure: (t) => t.begin('').property('a', [1]).property('a', [2]).end().finish() }),
      /"a" twice; the first/,
    ],
    [
      'a doubled node',
      buildFdt({}, { structure: (t) => t.begin('').begin('a').end().begin('a').end().end().finish() }),
      /\/a stands there twice/,
    ],
    [
      'a doubled phandle',
      buildFdt({ a: { phandle: [3] }, b: { phandle: [3] } }),
      /phandle 0x3 of \/b is also \/a's/,
    ],
    [
      'a property after a child',
      buildFdt({}, { structure: (t) => t.begin('').begin('a').end().property('late', true).end().finish() }),
      /after its child nodes; ignored/,
    ],
    [
      'bytes after FDT_END',
      buildFdt({}, { structure: (t) => t.begin('').end().finish().nop() }),
      /4 bytes of the structure block after FDT_END/,
    ],
    [
      'a root with a name',
      buildFdt({}, { structure: (t) => t.begin('board').end().finish() }),
      /root has a name/,
    ],
    ['a slash in a name', buildFdt({ 'a/b': {} }), /which a path cannot hold/],
    ['a reservation beyond 2^53', buildFdt({}, { reservations: [[2n ** 60n, 4096n]] }), /beyond 2\^53/],
  ])('%s', (_, file, message) => {
    expect(messages(file)).toEqual([expect.stringMatching(message)]);
  });

  it('let the first of two properties count, as Linux does', () => {
    const file = buildFdt(
      {},
      { structure: (t) => t.begin('').property('a', [1]).property('a', [2]).end().finish() },
    );
    const { root } = readFdt(file);
    expect([...(root.property('a') ?? [])]).toEqual([0, 0, 0, 1]);
    expect([...(root.properties.get('a') ?? [])]).toEqual([0, 0, 0, 1]);
  });

  it('stop at a number that somebody can read', () => {
    const file = buildFdt(
      {},
      {
        structure: (t) => {
          t.begin('');
          for (let i = 0; i < 5000; i += 1) t.property('a', true);
          t.end().finish();
        },
      },
    );
    expect(messages(file)).toHaveLength(101);
  });
});

it('reads a megabyte of the smallest nodes and of distinct names in linear time', () => {
  const file = buildFdt(
    {},
    {
      structure: (t) => {
        t.begin('');
        for (let i = 0; i < 20_000; i += 1) t.begin('n').end();
        t.end().finish();
      },
    },
  );
  const start = performance.now();
  const tree = readFdt(file);
  expect(tree.find('/n')).toBeDefined();
  expect(tree.nodes).toHaveLength(20_001);
  expect(performance.now() - start).toBeLessThan(1000);
});
