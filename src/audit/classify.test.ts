import { describe, expect, it } from 'vitest';
import { DESIGNS } from '../designs/index.ts';
import type { NodeSpec } from '../devicetree/build.ts';
import { RELEASED } from './audit.ts';
import { BUS, board, bytes, classOf, device, ranges } from './testing.ts';

const GiB = 2 ** 30;
const coherent = { 'dma-coherent': true };
const onBus = (windows: number[], more: NodeSpec = {}): NodeSpec => ({
  bus: { ...BUS, compatible: 'simple-bus', 'dma-ranges': windows, 'mmc@1': device(more) },
});
const iommu = (compatible: string): NodeSpec => ({
  compatible,
  phandle: [7],
  '#iommu-cells': [0],
  reg: [0, 0, 0, 1],
});

it('the designs that a class holds for are the registry\u2019s', () => {
  const released = DESIGNS.filter(
    ({ on, releases, name }) => on === 'xen' && (releases !== undefined || name === 'repaired'),
  );
  expect(RELEASED).toEqual(released.map(({ name }) => name));
  expect(DESIGNS.map(({ name }) => name)).toContain('smmu');
});

describe('a device whose bus reaches everything', () => {
  it('needs nothing if it is coherent', () => {
    expect(classOf(board({ 'mmc@1': device(coherent) }))).toMatchObject({
      class: 'no maintenance',
      because: '/mmc@1 has dma-coherent',
      designs: [
        'linux-3.13',
        'linux-3.17',
        'linux-3.19',
        'linux-5.4',
        'linux-5.9',
        'linux-6.12',
        'linux-7.3',
        'repaired',
      ],
    });
  });

  it('needs native maintenance and the hypercall if it is not', () => {
    const found = classOf(board({ 'mmc@1': device() }));
    expect(found.class).toBe('native for local and hypercall for foreign');
    expect(found.designs[0]).toBe('linux-3.19');
  });
});

describe('dma-ranges', () => {
  const window = ranges([0xc000_0000, 0, GiB]);

  it('that reach all RAM change nothing, but for designs that take bus addresses for physical ones', () => {
    const found = classOf(board(onBus(window), { memory: [[0, GiB]] }));
    expect(found.class).toBe('native for local and hypercall for foreign');
    expect(found.designs).toEqual(['linux-5.9', 'linux-6.12', 'linux-7.3', 'repaired']);
  });

  it('that leave out RAM bounce what is there', () => {
    const found = classOf(board(onBus(window), { memory: [[0, 2 * GiB]] }));
    expect(found.class).toBe('bounce');
    expect(found.because).toContain('[0x40000000, 0x80000000)');
  });

  it('that reach no RAM leave the device without memory', () => {
    expect(classOf(board(onBus(window), { memory: [[2 * GiB, 3 * GiB]] })).class).toBe('cannot address');
  });

  it('that reach none of dom0\u2019s memory leave it without, too, though there is RAM', () => {
    const dom0Memory = { banks: [bytes(GiB, 2 * GiB)] };
    expect(classOf(board(onBus(window), { memory: [[0, 4 * GiB]], dom0Memory })).class).toBe(
      'cannot address',
    );
  });

  it('that lead nowhere are a map that fails', () => {
    const beyond = [0, 0, 0xffff_ffff, 0, 0, 0x1000];
    expect(classOf(board(onBus(beyond))).class).toBe('cannot address');
  });

  it('below 4 GiB bounce where the tree does not say where RAM is, and say so', () => {
    const found = classOf(board(onBus(window)));
    expect(found.class).toBe('bounce');
    expect(found.because).toContain('the tree does not say');
  });

  it('of 4 GiB are taken to do where the tree does not say', () => {
    const found = classOf(board(onBus(ranges([0, 0, 4 * GiB]))));
    expect(found.class).toBe('native for local and hypercall for foreign');
    expect(found.because).toContain('beyond 0xffffffff would be bounced');
  });

  it('memory that nobody is given is not missed', () => {
    const reserved = {
      '#address-cells': [2],
      '#size-cells': [2],
      ranges: true,
      high: { reg: [0, GiB, 0, GiB], 'no-map': true },
    };
    const found = classOf(
      board({ ...onBus(window), 'reserved-memory': reserved }, { memory: [[0, 2 * GiB]] }),
    );
    expect(found.class).toBe('native for local and hypercall for foreign');
  });
});

describe('an IOMMU', () => {
  const behind = (compatible: string, more: NodeSpec = {}) => ({
    'iommu@0': iommu(compatible),
    'mmc@1': device({ iommus: [7], ...more }),
  });

  it('that Xen drives changes nothing for a direct mapped dom0', () => {
    expect(classOf(board(behind('arm,mmu-500'))).class).toBe('native for local and hypercall for foreign');
    expect(classOf(board(behind('arm,mmu-500', coherent))).class).toBe('no maintenance');
  });

  it.each(['x,iommu', 'arm,smmu-v3', 'qcom,smmu-v2'])(
    'that Xen leaves to dom0 is unsafe: %s',
    (compatible) => {
      expect(classOf(board(behind(compatible))).class).toBe('unsafe: an IOMMU that dom0 drives');
    },
  );

  it('that is disabled is none', () => {
    const audit = board({
      'iommu@0': { ...iommu('x,iommu'), status: 'disabled' },
      'mmc@1': device({ iommus: [7] }),
    });
    expect(audit.devices[0]?.iommu).toBeNull();
    expect(classOf(audit).class).toBe('native for local and hypercall for foreign');
  });

  const bridge = (compatible: string) => ({
    'iommu@0': { ...iommu(compatible), '#iommu-cells': [1] },
    'pcie@1': device({ device_type: 'pci', 'iommu-map': [0, 7, 0, 0x10000] }),
  });

  it('that Xen drives keeps PCI functions from memory, unless iommu=no', () => {
    expect(classOf(board(bridge('arm,mmu-500'))).class).toBe('cannot address');
    expect(classOf(board(bridge('arm,mmu-500'), { smmu: false })).class).toBe(
      'native for local and hypercall for foreign',
    );
  });

  it('that Xen hides and does not drive changes nothing', () => {
    const audit = board(bridge('cavium,smmu-v2'), { compatible: ['cavium,thunder-88xx'] });
    expect(classOf(audit).class).toBe('native for local and hypercall for foreign');
  });
});

describe('a dom0 that is not direct mapped', () => {
  const nodes = { 'iommu@0': iommu('arm,mmu-500'), 'mmc@1': device({ iommus: [7] }), 'usb@2': device() };

  it('treats foreign pages like its own behind an SMMU that Xen drives', () => {
    const found = classOf(board(nodes, { dom0: 'translated' }), '/mmc@1');
    expect(found).toMatchObject({ class: 'native for local and foreign', designs: ['smmu'] });
  });

  it('is unsafe without one, and with iommu=no', () => {
    const unsafe = 'unsafe: dom0 is not direct mapped and no SMMU translates';
    expect(classOf(board(nodes, { dom0: 'translated' }), '/usb@2').class).toBe(unsafe);
    expect(classOf(board(nodes, { dom0: 'translated', smmu: false }), '/mmc@1').class).toBe(unsafe);
  });
});

describe('32-bit boards', () => {
  const cpu = 'arm,cortex-a15';
  const pl310: NodeSpec = { compatible: 'arm,pl310-cache', reg: [0, 0, 0, 1] };

  it('with an outer cache are unsafe for what is not coherent', () => {
    const audit = board({ l2: pl310, 'mmc@1': device(), 'sata@2': device(coherent) }, { cpu });
    expect(classOf(audit, '/mmc@1').class).toBe('unsafe: an outer cache that the hypercall does not reach');
    expect(classOf(audit, '/sata@2').class).toBe('no maintenance');
    expect(audit.devices.map(({ outerCache }) => outerCache)).toEqual(['/l2', '/l2']);
  });

  it('with one that devices snoop are not', () => {
    const audit = board({ l2: { ...pl310, 'arm,io-coherent': true }, 'mmc@1': device() }, { cpu });
    expect(classOf(audit).class).toBe('native for local and hypercall for foreign');
  });

  it('with RAM above 4 GiB are unsafe since linux-5.4, and not with the loop repaired', () => {
    const found = classOf(board({ 'mmc@1': device() }, { cpu, memory: [[0, 8 * GiB]] }));
    expect(found).toMatchObject({
      class: 'unsafe: machine addresses are cut to 32 bits',
      designs: ['linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3'],
    });
    expect(classOf(board({ 'mmc@1': device() }, { cpu, memory: [[0, 4 * GiB]] })).class).toBe(
      'native for local and hypercall for foreign',
    );
  });
});

describe('pools', () => {
  const pool = (compatible: string) => ({
    'reserved-memory': {
      '#address-cells': [2],
      '#size-cells': [2],
      ranges: true,
      pool: { compatible, phandle: [9] },
    },
    'mmc@1': device({ 'memory-region': [9] }),
  });

  it('of their own keep guests\u2019 pages away from coprocessors', () => {
    const found = classOf(board(pool('shared-dma-pool')));
    expect(found.because).toContain('never from a guest');
  });

  it('that are restricted bounce every mapping', () => {
    expect(classOf(board(pool('restricted-dma-pool'))).class).toBe('bounce');
  });
});
