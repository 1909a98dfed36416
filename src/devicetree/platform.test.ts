import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { architecture } from './architecture.ts';
import { buildFdt, type NodeSpec } from './build.ts';
import { readFdt } from './fdt.ts';
import { readPlatform } from './platform.ts';

const platform = (root: NodeSpec) => readPlatform(readFdt(buildFdt(root)));
const CELLS_2 = { '#address-cells': [2], '#size-cells': [2] };

it('describes the machine of the shipped trace', () => {
  const file = readFileSync(new URL('../../examples/xen-domu-pvblk/machine.dtb', import.meta.url));
  expect(readPlatform(readFdt(file))).toEqual({
    model: 'linux,dummy-virt',
    compatible: ['linux,dummy-virt'],
    architecture: 'arm64',
    cpus: 2,
    runsXen: { value: true, because: '/chosen has xen,xen-bootargs' },
    memory: [{ from: 0x4000_0000, size: 0x1_0000_0000 }],
    reservedMemory: [],
    coherencyFabric: null,
    notes: [],
  });
});

describe('runs Xen', () => {
  it.each([
    ['a /hypervisor of Xen', { hypervisor: { compatible: ['xen,xen-4.20', 'xen,xen'] } }, /hypervisor/],
    ['boot arguments', { chosen: { 'xen,dom0-bootargs': 'x' } }, /xen,dom0-bootargs/],
    [
      'a module',
      { chosen: { 'module@1': { compatible: ['multiboot,kernel', 'multiboot,module'] } } },
      /module@1/,
    ],
    ['a domain', { chosen: { domU1: { compatible: 'xen,domain' } } }, /domU1/],
  ])('with %s', (_, root, because) => {
    expect(platform(root).runsXen).toEqual({ value: true, because: expect.stringMatching(because) });
  });

  it('not without any, nor with another hypervisor', () => {
    expect(platform({}).runsXen.value).toBe(false);
    const root = {
      hypervisor: { compatible: 'qcom,haven' },
      chosen: { bootargs: 'xen', 'linux,initrd-start': [1] },
    };
    expect(platform(root).runsXen.value).toBe(false);
  });
});

describe('memory', () => {
  it('is that of all enabled memory nodes, at any number of cells', () => {
    const memory = { device_type: 'memory' };
    const root = {
      ...CELLS_2,
      'memory@1': { ...memory, reg: [0, 0x80000000, 0, 0x40000000, 8, 0, 1, 0] },
      'memory@2': { ...memory, reg: [9, 0, 0, 0x1000], status: 'disabled' },
      'memory@3': { reg: [9, 0, 0, 0x1000] },
      'memory@4': { ...memory, reg: [0, 0, 0, 0] },
    };
    expect(platform(root).memory).toEqual([
      { from: 0x8000_0000, size: 0x4000_0000 },
      { from: 0x8_0000_0000, size: 0x1_0000_0000 },
    ]);
  });

  it('beyond 2^53 is left out, with a note', () => {
    const root = { ...CELLS_2, 'memory@1': { device_type: 'memory', reg: [0x200000, 1, 0, 0x1000] } };
    const { memory, notes } = platform(root);
    expect(memory).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/0x20000000000001/)]);
  });

  it('that is reserved is listed with its place, if it has one', () => {
    const root = {
      ...CELLS_2,
      'reserved-memory': {
        ...CELLS_2,
        'a@1': { reg: [0, 0x1000, 0, 0x1000], 'no-map': true },
        pool: { compatible: 'shared-dma-pool', size: [0, 0x1000] },
      },
    };
    expect(platform(root).reservedMemory).toEqual([
      { path: '/reserved-memory/a@1', ranges: [{ from: 0x1000, size: 0x1000 }], noMap: true, compatible: [] },
      { path: '/reserved-memory/pool', ranges: [], noMap: false, compatible: ['shared-dma-pool'] },
    ]);
  });
});

describe('the architecture', () => {
  const of = (root: NodeSpec) => architecture(readFdt(buildFdt(root))).name;
  const cpu = (compatible: string) =>
    of({ cpus: { 'cpu@0': { compatible }, 'l2-cache': { compatible: 'cache' } } });

  it.each([
    'arm,armv8',
    'arm,cortex-a35',
    'arm,cortex-a53',
    'arm,cortex-a720ae',
    'arm,cortex-x4',
    'arm,neoverse-n1',
    'apple,icestorm',
    'qcom,kryo485',
    'nvidia,tegra194-carmel',
    'cavium,thunder2',
  ])('is 64-bit with %s', (compatible) => expect(cpu(compatible)).toBe('arm64'));

  it.each([
    'arm,cortex-a5',
    'arm,cortex-a7',
    'arm,cortex-a9',
    'arm,cortex-a15',
    'arm,cortex-a32',
    'arm,arm1176jzf-s',
    'arm,arm926ej-s',
    'marvell,pj4b',
    'marvell,sheeva-v7',
    'qcom,krait',
  ])('is 32-bit with %s', (compatible) => expect(cpu(compatible)).toBe('arm'));

  it("is that of PSCI's function ids where the CPUs are not known", () => {
    expect(of({ psci: { cpu_on: [0xc4000003] } })).toBe('arm64');
    expect(of({ psci: { cpu_on: [0x84000003] } })).toBe('arm');
  });

  it('is not known without any sign', () => {
    expect(of({})).toBeNull();
    expect(cpu('riscv')).toBeNull();
  });
});

it("Marvell's 32-bit coherency fabric is found, because Linux then declares all devices coherent", () => {
  const root = {
    compatible: ['marvell,armadaxp'],
    soc: { 'fabric@1': { compatible: 'marvell,coherency-fabric' } },
  };
  expect(platform(root).coherencyFabric).toBe('/soc/fabric@1');
});
