import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildFdt, type NodeSpec } from './build.ts';
import { deviceName } from './device-name.ts';
import { findDevice } from './devices.ts';
import { readFdt } from './fdt.ts';

const CELLS = { '#address-cells': [1], '#size-cells': [1] };
const BRIDGE = {
  device_type: 'pci',
  compatible: 'pci-host-ecam-generic',
  '#address-cells': [3],
  '#size-cells': [2],
};

function find(root: NodeSpec, name: string) {
  return findDevice(readFdt(buildFdt(root)), name);
}

describe('on the machine of the shipped trace', () => {
  const tree = readFdt(readFileSync(new URL('../../examples/xen-domu-pvblk/machine.dtb', import.meta.url)));

  it('PCI functions are behind the one host bridge', () => {
    expect(findDevice(tree, '0000:00:01.0')).toEqual({
      path: '/pcie@10000000',
      coherent: false,
      because: "no dma-coherent on /pcie@10000000 or above; arm64's default is non-coherent",
      iommu: null,
      windows: [],
      busLimit: null,
      notes: [],
    });
  });

  it('devices have the names that /proc/iomem of that machine shows', () => {
    expect(findDevice(tree, '9030000.pl061')?.path).toBe('/pl061@9030000');
  });

  it('a virtio device has the answer on which all that it can be behind agree', () => {
    expect(findDevice(tree, 'virtio0')).toMatchObject({ coherent: false, path: '/virtio_mmio@a000000' });
  });

  it.each(['usb1', 'vif1.0', 'fe300000.mmc', '', '/', '0000:00:01', 'pcie@10000000x'])(
    '%j is not known',
    (name) => {
      expect(findDevice(tree, name)).toBeUndefined();
    },
  );
});

describe('names of platform devices', () => {
  const name = (root: NodeSpec, path: string) =>
    deviceName(readFdt(buildFdt(root)).find(path) ?? expect.fail(path));

  it('have the CPU address of reg, through ranges, and not the unit address', () => {
    const root = {
      '#address-cells': [2],
      '#size-cells': [1],
      soc: {
        ...CELLS,
        ranges: [0x7e000000, 0, 0xfe000000, 0x1000000],
        'mmc@7e300000': { reg: [0x7e300000, 0x100] },
      },
    };
    expect(name(root, '/soc/mmc@7e300000')).toBe('fe300000.mmc');
    expect(find(root, 'fe300000.mmc')?.path).toBe('/soc/mmc@7e300000');
  });

  it('take the full names on the way where there is no address', () => {
    const root = {
      ...CELLS,
      'soc@0': { ...CELLS, ranges: true, sound: {}, 'hub@100': { reg: [0x100, 1], 'port@1': {} } },
    };
    expect(name(root, '/soc@0/sound')).toBe('soc@0:sound');
    expect(name(root, '/soc@0/hub@100/port@1')).toBe('100.hub:port@1');
    expect(find(root, 'soc@0:sound')?.path).toBe('/soc@0/sound');
  });

  it('do without an address where ranges is missing, misses it, or addresses have no size', () => {
    const dev = { 'dev@5': { reg: [5, 1] } };
    expect(name({ ...CELLS, bus: { ...CELLS, ...dev } }, '/bus/dev@5')).toBe('bus:dev@5');
    expect(name({ ...CELLS, bus: { ...CELLS, ranges: [8, 0, 8], ...dev } }, '/bus/dev@5')).toBe('bus:dev@5');
    const i2c = { '#address-cells': [1], '#size-cells': [0], ranges: true, ...dev };
    expect(name({ ...CELLS, i2c }, '/i2c/dev@5')).toBe('i2c:dev@5');
  });

  it('have the lowest bit of mask between address and name', () => {
    expect(name({ ...CELLS, 'led@8': { reg: [8, 4], mask: [0x10] } }, '/led@8')).toBe('8.4.led');
  });

  it('keep addresses above 4 GiB and above 2^53 whole', () => {
    const root = {
      '#address-cells': [2],
      '#size-cells': [1],
      'a@1': { reg: [0xff, 0xfffffff0, 1] },
      'b@2': { reg: [0x80000000, 1, 1] },
    };
    expect(name(root, '/a@1')).toBe('fffffffff0.a');
    expect(name(root, '/b@2')).toBe('8000000000000001.b');
  });

  it('that two nodes share belong to the one that becomes a device', () => {
    const root = {
      ...CELLS,
      'a@5': { status: 'disabled', compatible: 'x', reg: [5, 1] },
      'a@05': { compatible: 'x', reg: [5, 1] },
    };
    expect(find(root, '5.a')?.path).toBe('/a@05');
  });
});

describe('PCI functions', () => {
  it('are found by linux,pci-domain', () => {
    const root = {
      'pcie@1': { ...BRIDGE, 'linux,pci-domain': [1], 'dma-coherent': true },
      'pcie@2': { ...BRIDGE, 'linux,pci-domain': [0] },
    };
    expect(find(root, '0000:00:00.0')?.path).toBe('/pcie@2');
    expect(find(root, '0001:03:1f.7')).toMatchObject({ path: '/pcie@1', coherent: true });
    expect(find(root, '0002:00:00.0')).toBeUndefined();
  });

  it('belong to the only host bridge without a number, whatever their domain', () => {
    expect(find({ 'pcie@1': BRIDGE }, '0004:01:00.0')?.path).toBe('/pcie@1');
    expect(find({ 'pcie@1': { ...BRIDGE, 'linux,pci-domain': [0] } }, '0004:01:00.0')).toBeUndefined();
  });

  it('belong to bridges in the order of the tree where several have no number, and the answer says so', () => {
    const root = { 'pcie@1': BRIDGE, 'pcie@2': { ...BRIDGE, 'linux,pci-domain': [0] }, 'pcie@3': BRIDGE };
    expect(find(root, '0001:00:00.0')?.path).toBe('/pcie@1');
    expect(find(root, '0002:00:00.0')).toMatchObject({
      path: '/pcie@3',
      because: expect.stringMatching(/PCI domain 0002 by its place in the tree/),
    });
  });

  it('are on a bus of the bus-range', () => {
    const root = {
      'pcie@1': { ...BRIDGE, 'bus-range': [0, 0x3f] },
      'pcie@2': { ...BRIDGE, 'bus-range': [0x40, 0xff] },
    };
    expect(find(root, '0000:40:00.0')?.path).toBe('/pcie@2');
    expect(find(root, '0000:3f:00.0')?.path).toBe('/pcie@1');
    expect(find({ 'pcie@1': { ...BRIDGE, 'bus-range': [0, 1] } }, '0000:02:00.0')).toBeUndefined();
  });

  it('are not behind disabled bridges, bridges below PCI, or root ports', () => {
    const port = { ...BRIDGE, reg: [0, 0, 0, 0, 0] };
    const root = { 'pcie@1': { ...BRIDGE, status: 'disabled' }, 'pcie@2': { ...BRIDGE, 'pcie@0': port } };
    expect(find(root, '0000:01:00.0')?.path).toBe('/pcie@2');
    expect(find({ soc: { status: 'disabled', 'pcie@1': BRIDGE } }, '0000:00:00.0')).toBeUndefined();
  });

  it('have their own node, but the coherence of their host bridge, as Linux has it', () => {
    const eth = { reg: [0x0800, 0, 0, 0, 0], 'dma-coherent': true };
    const found = find({ 'pcie@1': { ...BRIDGE, 'eth@1,0': eth } }, '0000:00:01.0');
    expect(found).toMatchObject({ path: '/pcie@1/eth@1,0', coherent: false });
    expect(found?.notes).toEqual([expect.stringMatching(/host bridge only/)]);
    expect(find({ 'pcie@1': { ...BRIDGE, 'eth@1,0': eth } }, '0000:01:01.0')?.path).toBe('/pcie@1');
  });
});

describe('IOMMUs', () => {
  const smmu = { phandle: [9], '#iommu-cells': [1] };

  it('of a platform device are those of its iommus, unless disabled', () => {
    const dev = { 'dev@5': { reg: [5, 1], iommus: [9, 1] } };
    expect(find({ ...CELLS, smmu, ...dev }, '5.dev')?.iommu).toBe('/smmu');
    expect(find({ ...CELLS, smmu: { ...smmu, status: 'disabled' }, ...dev }, '5.dev')?.iommu).toBeNull();
    expect(find({ ...CELLS, smmu, bus: { iommus: [9, 1], dev: {} } }, 'bus:dev')?.iommu).toBeNull();
  });

  const pci = (bridge: NodeSpec, name: string, iommu: NodeSpec = smmu) =>
    find({ smmu: iommu, 'pcie@1': { ...BRIDGE, ...bridge } }, name)?.iommu;

  it("of a PCI function are those of the bridge's iommu-map, by requester id", () => {
    const map = { 'iommu-map': [0, 9, 0, 0x100, 0x200, 9, 0, 0x100] };
    expect(pci(map, '0000:00:1f.7')).toBe('/smmu');
    expect(pci(map, '0000:01:00.0')).toBeNull();
    expect(pci(map, '0000:02:00.0')).toBe('/smmu');
    expect(pci({ iommus: [9, 1] }, '0000:00:00.0')).toBeNull();
  });

  it('see the requester id through iommu-map-mask', () => {
    const map = { 'iommu-map': [0, 9, 0, 1], 'iommu-map-mask': [0] };
    expect(pci(map, '0000:55:00.0')).toBe('/smmu');
    expect(pci({ 'iommu-map': [8, 9, 0, 1], 'iommu-map-mask': [7] }, '0000:00:01.0')).toBeNull();
  });

  it('with two output cells map single ids, also where the map gives one cell only', () => {
    const two = { phandle: [9], '#iommu-cells': [2] };
    expect(pci({ 'iommu-map': [0, 9, 1, 2, 1] }, '0000:00:00.0', two)).toBe('/smmu');
    expect(pci({ 'iommu-map': [0, 9, 1, 2, 5] }, '0000:00:00.0', two)).toBeNull();
    expect(pci({ 'iommu-map': [0, 9, 0, 1, 0x100, 9, 1, 1] }, '0000:01:00.0', two)).toBe('/smmu');
  });

  it('are none where the map is cut or names nothing', () => {
    expect(pci({ 'iommu-map': [0, 9, 0] }, '0000:00:00.0')).toBeNull();
    expect(pci({ 'iommu-map': [0, 77, 0, 1] }, '0000:00:00.0')).toBeNull();
  });
});

it('a virtio device is not known where the answer depends on what it is behind', () => {
  const mmio = { compatible: 'virtio,mmio' };
  const root = {
    ...CELLS,
    'v@1': { ...mmio, reg: [1, 1] },
    'v@2': { ...mmio, reg: [2, 1], 'dma-coherent': true },
  };
  expect(find(root, 'virtio1')).toBeUndefined();
  expect(find(root, '2.v')?.coherent).toBe(true);
  expect(find({ 'pcie@1': BRIDGE }, 'virtio1')?.path).toBe('/pcie@1');
  expect(find({}, 'virtio1')).toBeUndefined();
});
