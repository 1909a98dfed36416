/** Damaged files give a tree or a DeviceTreeError, and every question to such a tree an answer. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buildFdt, encode, isNode, type NodeSpec, type PropertyValue } from './build.ts';
import { deviceFacts, findDevice } from './devices.ts';
import { DeviceTreeError } from './error.ts';
import { readFdt } from './fdt.ts';
import { readPlatform } from './platform.ts';
import type { DeviceNode } from './tree.ts';

const REAL = new Uint8Array(
  readFileSync(new URL('../../examples/xen-domu-pvblk/machine.dtb', import.meta.url)),
);

/** Read it and ask everything. */
function exercise(file: Uint8Array): 'read' | DeviceTreeError {
  try {
    const tree = readFdt(file);
    for (const node of tree.nodes) {
      deviceFacts(node);
      node.properties.size;
    }
    for (const name of ['0000:00:01.0', '0001:00:00.0', '9030000.pl061', 'virtio0', 'nothing'])
      findDevice(tree, name);
    readPlatform(tree);
    tree.warnings.length;
    tree.find('serial0');
    return 'read';
  } catch (error) {
    if (!(error instanceof DeviceTreeError)) throw error;
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(file.length);
    return error;
  }
}

it('a real tree cut at any byte is refused', () => {
  for (let length = 0; length < REAL.length; length += 1)
    expect(exercise(REAL.subarray(0, length))).toBeInstanceOf(DeviceTreeError);
});

it('a real tree cut at any byte, with a header that hides it, is refused or read', () => {
  for (let length = 40; length < REAL.length; length += 7) {
    const cut = REAL.slice(0, length);
    new DataView(cut.buffer).setUint32(4, length);
    exercise(cut);
  }
});

it('a real tree with any one byte changed is refused or read', () => {
  fc.assert(
    fc.property(fc.nat(REAL.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = REAL.slice();
      damaged[at] = ((damaged[at] ?? 0) + change) % 256;
      exercise(damaged);
    }),
    { numRuns: 1000 },
  );
});

it('a real tree with several cells changed to telling values is refused or read', () => {
  const cell = fc.constantFrom(0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff, 0x00010000);
  const change = fc.tuple(fc.nat(Math.floor(REAL.length / 4) - 1), cell);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const damaged = REAL.slice();
      for (const [at, value] of changes) new DataView(damaged.buffer).setUint32(at * 4, value);
      exercise(damaged);
    }),
    { numRuns: 1000 },
  );
});

it('random bytes are refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (file) => exercise(file) !== 'read'));
});

it('random properties of buses and devices all have an answer, and the file comes back as it was written', () => {
  const cells = fc.array(fc.oneof(fc.nat(4), fc.nat(0xffffffff)), { maxLength: 9 });
  const name = fc.constantFrom(
    'reg',
    'ranges',
    'dma-ranges',
    '#address-cells',
    '#size-cells',
    '#iommu-cells',
    '#interconnect-cells',
    'iommus',
    'iommu-map',
    'interconnects',
    'phandle',
    'linux,pci-domain',
    'bus-range',
    'dma-coherent',
    'mask',
  );
  const value: fc.Arbitrary<PropertyValue> = fc.oneof(cells, fc.uint8Array({ maxLength: 9 }));
  const text = fc.dictionary(
    fc.constantFrom('device_type', 'compatible', 'status', 'interconnect-names'),
    fc.constantFrom('pci', 'virtio,mmio', 'okay', 'dma-mem', 'memory'),
  );
  const properties = fc.tuple(fc.dictionary(name, value), text).map(([a, b]): NodeSpec => ({ ...a, ...b }));
  const names = fc.constantFrom('pcie@1', 'isa', 'soc', 'mmc@2');
  const below = (children: fc.Arbitrary<NodeSpec>) =>
    fc
      .tuple(properties, fc.dictionary(names, children, { maxKeys: 3 }))
      .map(([own, nodes]): NodeSpec => ({ ...own, ...nodes }));
  const node = below(below(below(properties)));
  fc.assert(
    fc.property(node, (root) => {
      const file = buildFdt(root);
      expect(exercise(file)).toBe('read');
      expect(asBytes(readFdt(file).root)).toEqual(written(root));
    }),
    { numRuns: 300 },
  );
});

type Tree = { [name: string]: number[] | Tree };

function asBytes(node: DeviceNode): Tree {
  return Object.fromEntries([
    ...[...node.properties].map(([name, value]): [string, number[]] => [name, [...value]]),
    ...node.children.map((child): [string, Tree] => [child.name, asBytes(child)]),
  ]);
}

/** What was given to the writer, values as bytes. */
function written(spec: NodeSpec): Tree {
  return Object.fromEntries(
    Object.entries(spec).map(([name, value]) => [name, isNode(value) ? written(value) : encode(value)]),
  );
}
