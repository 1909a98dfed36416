import { describe, expect, it } from 'vitest';
import { buildFdt, type NodeSpec } from './build.ts';
import { dmaMasters } from './dma-masters.ts';
import { readFdt } from './fdt.ts';

const CELLS = { '#address-cells': [1], '#size-cells': [1] };
const device = (more: NodeSpec = {}): NodeSpec => ({ compatible: 'x,device', reg: [0x1000, 0x100], ...more });

/** Path and reason of each. */
function masters(nodes: NodeSpec): string[][] {
  const tree = readFdt(buildFdt({ ...CELLS, compatible: 'x', ...nodes }));
  return dmaMasters(tree).map(({ node, kind, because }) => [node.path, String(kind), because]);
}

/** Of a single node. */
const only = (name: string, node: NodeSpec) => masters({ [name]: node })[0]?.slice(1);

describe('a device does DMA', () => {
  it.each([
    ['by its generic name', 'ethernet@1000', device(), ['ethernet', 'by its name']],
    ['by its compatible', 'net@1000', device({ compatible: 'virtio,mmio' }), ['virtio', 'by its compatible']],
    [
      'as it says dma-coherent',
      'thing@1000',
      device({ 'dma-coherent': true }),
      ['null', 'it has dma-coherent'],
    ],
    [
      'as it says dma-noncoherent',
      'thing@1000',
      device({ 'dma-noncoherent': true }),
      ['null', 'it has dma-noncoherent'],
    ],
    ['as an IOMMU is in front of it', 'thing@1000', device({ iommus: [7] }), ['null', 'it has iommus']],
    [
      'as it is a DMA controller',
      'thing@1000',
      device({ '#dma-cells': [1] }),
      ['null', 'a DMA controller: it has #dma-cells'],
    ],
    ['as a PCI host bridge', 'bridge@1000', device({ device_type: 'pci' }), ['pci', 'a PCI host bridge']],
    ['as a bridge by name', 'pcie@1000', device(), ['pci', 'a PCI host bridge']],
  ])('%s', (_, name, node, expected) => {
    expect(only(name, node)).toEqual(expected);
  });

  it('as its memory comes from a pool', () => {
    const pool = { compatible: 'shared-dma-pool', phandle: [9] };
    expect(
      masters({
        'reserved-memory': { ...CELLS, ranges: true, pool },
        'thing@1000': device({ 'memory-region': [9] }),
      }),
    ).toEqual([['/thing@1000', 'null', 'its memory-region is the DMA pool /reserved-memory/pool']]);
  });
});

describe('no device of its own is', () => {
  it.each([
    ['one whose data a DMA controller moves', 'mmc@1000', device({ dmas: [1, 2] })],
    ['one that is disabled', 'ethernet@1000', device({ status: 'disabled' })],
    ['a node without compatible', 'ethernet@1000', { reg: [0x1000, 0x100] }],
    ['an IOMMU', 'iommu@1000', device({ '#iommu-cells': [1], 'dma-coherent': true })],
    ['a DMA multiplexer', 'dma-router@1000', device({ '#dma-cells': [1] })],
    ['a serial port', 'serial@1000', device()],
    [
      'a bus that says something for its children',
      'soc',
      { compatible: 'simple-bus', ...CELLS, ranges: true, 'dma-coherent': true },
    ],
    [
      'a device on a bus that is not memory',
      'spi@1000',
      device({ 'ethernet@0': { compatible: 'x,spi-ethernet', reg: [0, 0] } }),
    ],
    [
      'a device on a bus that is disabled',
      'soc',
      { compatible: 'simple-bus', status: 'disabled', ...CELLS, ranges: true, 'usb@1000': device() },
    ],
    ['a PCI function', 'pcie@1000', device({ compatible: false, 'usb@0': device() })],
  ])('%s', (_, name, node) => {
    expect(masters({ [name]: node })).toEqual([]);
  });
});

it('what is behind a PCI host bridge is the bridge', () => {
  expect(
    masters({ 'pcie@1000': device({ ranges: true, 'ethernet@0': device({ 'dma-coherent': true }) }) }),
  ).toEqual([['/pcie@1000', 'pci', 'a PCI host bridge']]);
});
