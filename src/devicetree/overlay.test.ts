/** Overlays, held against fdtoverlay (libfdt), and what is said of those that do not fit. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildFdt } from './build.ts';
import { DeviceTreeError } from './error.ts';
import { readFdt } from './fdt.ts';
import { applyOverlay, readOverlay } from './overlay.ts';
import { allNodes, hasDtc, parseDts } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'dmalab-overlay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(tool: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(tool, args, { encoding: 'latin1' });
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function compile(name: string, source: string): string {
  const [input, output] = [join(folder, `${name}.dts`), join(folder, `${name}.dtb`)];
  writeFileSync(input, source);
  run('dtc', ['-q', '-@', '-I', 'dts', '-O', 'dtb', '-o', output, input]);
  return output;
}

const BASE = `/dts-v1/;
/ {
  #address-cells = <1>; #size-cells = <1>;
  aliases { net = &eth; };
  soc: soc { #address-cells = <1>; #size-cells = <1>; compatible = "simple-bus"; ranges;
    smmu: iommu@1000 { compatible = "arm,mmu-401"; reg = <0x1000 0x1000>; #iommu-cells = <1>; };
    eth: ethernet@2000 { compatible = "x,eth"; reg = <0x2000 0x100>; status = "disabled"; iommus = <&smmu 3>; };
  };
};`;

const OVERLAYS: readonly (readonly [what: string, source: string])[] = [
  ['properties of a labelled node', '&eth { status = "okay"; dma-coherent; };'],
  [
    'a new node that refers to a label of the base',
    '&soc { mmc@3000 { compatible = "x,mmc"; reg = <0x3000 0x100>; iommus = <&smmu 4>; }; };',
  ],
  [
    'nodes that refer to each other, and labels of their own',
    '&soc { own: iommu@4000 { compatible = "x"; reg = <0x4000 0x10>; #iommu-cells = <0>; }; usb@5000 { compatible = "x,usb"; reg = <0x5000 0x10>; iommus = <&own>; other = <7 &own &smmu 9 &own>; }; };',
  ],
  ['a target given by its path', '&{/soc} { dma-coherent; };'],
  ['the root', '&{/} { model = "changed"; extra { deep { x = "y"; }; }; };'],
  [
    'two fragments, the second for what the first made',
    '&soc { bus2: bus { compatible = "simple-bus"; }; }; &eth { status = "okay"; };',
  ],
];

/** All of a tree, in an order of its own. */
function contents(source: string) {
  return [...allNodes(parseDts(source))]
    .map(({ path, properties }) => [path, [...properties].sort(([a], [b]) => (a < b ? -1 : 1))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe.skipIf(!hasDtc())('an overlay comes out as fdtoverlay makes it:', () => {
  it.each(OVERLAYS)('%s', (_, source) => {
    const base = compile('base', BASE);
    const overlay = compile('overlay', `/dts-v1/; /plugin/; ${source}`);
    const theirs = join(folder, 'theirs.dtb');
    run('fdtoverlay', ['-i', base, '-o', theirs, overlay]);
    const merged = applyOverlay(readFdt(readFileSync(base)), readOverlay(readFileSync(overlay)));
    const ours = join(folder, 'ours.dtb');
    writeFileSync(ours, merged.bytes);
    const dts = (file: string) => run('dtc', ['-q', '-I', 'dtb', '-O', 'dts', file]);
    expect(contents(dts(ours))).toEqual(contents(dts(theirs)));
  });

  it('one after the other, each with labels of the one before', () => {
    const base = compile('base', BASE);
    const first = compile('first', '/dts-v1/; /plugin/; &soc { late: late@9 { compatible = "x"; }; };');
    const second = compile('second', '/dts-v1/; /plugin/; &late { dma-coherent; };');
    const theirs = join(folder, 'theirs.dtb');
    run('fdtoverlay', ['-i', base, '-o', theirs, first, second]);
    const merged = [first, second].reduce(
      (tree, file) => applyOverlay(tree, readOverlay(readFileSync(file))),
      readFdt(readFileSync(base)),
    );
    expect(merged.find('/soc/late@9')?.has('dma-coherent')).toBe(true);
    expect(merged.nodes.length).toBe(
      [...allNodes(parseDts(run('dtc', ['-q', '-I', 'dtb', '-O', 'dts', theirs])))].length,
    );
  });
});

describe('an overlay that does not fit is refused with the place in it:', () => {
  const base = readFdt(
    buildFdt({ soc: { phandle: [5], device: {} }, __symbols__: { soc: '/soc', bare: '/soc/device' } }),
  );
  const fragment = { target: [5], __overlay__: { 'dma-coherent': true } };
  it.each([
    [
      'a label that the base has not',
      { f: { ...fragment }, __fixups__: { gone: '/f:target:0' } },
      /reference to &gone.*another board/,
    ],
    [
      'a label of a node without phandle',
      { f: { ...fragment }, __fixups__: { bare: '/f:target:0' } },
      /reference to &bare/,
    ],
    [
      'a fixup outside its property',
      { f: { ...fragment }, __fixups__: { soc: '/f:target:2' } },
      /fixup "\/f:target:2"/,
    ],
    ['a fixup that is none', { f: { ...fragment }, __fixups__: { soc: 'nonsense' } }, /fixup "nonsense"/],
    ['a target of no node', { f: { ...fragment, target: [6] } }, /target 0x6 of \/f/],
    [
      'a target-path of no node',
      { f: { 'target-path': '/nowhere', __overlay__: {} } },
      /target-path "\/nowhere"/,
    ],
    ['no target', { f: { __overlay__: {} } }, /target-path ""/],
    [
      'a local fixup outside its property',
      { f: { ...fragment }, __local_fixups__: { f: { target: [1] } } },
      /fixup of target/,
    ],
    ['local fixups of no node', { f: { ...fragment }, __local_fixups__: { g: {} } }, /fixups of g/],
    ['phandles beyond what there can be', { f: { ...fragment, phandle: [0xfffffffb] } }, /phandle 0x/],
  ])('%s', (_, root, message) => {
    const overlay = readOverlay(buildFdt(root));
    expect(() => applyOverlay(base, overlay)).toThrow(message);
    expect(() => applyOverlay(base, overlay)).toThrow(DeviceTreeError);
  });

  it('a whole board is no overlay', () => {
    expect(() => readOverlay(buildFdt({ compatible: 'x' }))).toThrow(/expected an overlay/);
  });

  it('a base without labels says how to get them', () => {
    const bare = readFdt(buildFdt({ soc: {} }));
    const overlay = readOverlay(buildFdt({ f: { ...fragment }, __fixups__: { soc: '/f:target:0' } }));
    expect(() => applyOverlay(bare, overlay)).toThrow(/dtc -@/);
  });
});
