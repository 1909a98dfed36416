/** From the device name in a kernel trace (dev_name) to what the device tree says about that device's DMA. */
import type { DmaAddr } from '../address/index.ts';
import { type Coherence, coherenceOf } from './coherence.ts';
import { nodeOfDevice } from './device-name.ts';
import { type DmaWindow, type DmaWindows, dmaWindowsBelow, dmaWindowsOf } from './dma-ranges.ts';
import { iommuOf, iommuOfBridge, iommuOfFunction } from './iommu.ts';
import { bridgeOf, functionNode, hostBridges, type PciAddress, parsePciName } from './pci.ts';
import { isAvailable, isCompatible } from './properties.ts';
import { isPciBus } from './translate.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** What the tree tells Linux about one device's DMA. */
export interface DeviceFacts {
  /** Path of the device's node; for a PCI function without one, of its host bridge. */
  readonly path: string;
  readonly coherent: boolean;
  /** Why so: node and property. */
  readonly because: string;
  /** Path of the IOMMU in front of it, or null. */
  readonly iommu: string | null;
  /** How its DMA addresses relate to machine addresses; empty: they are the same (dma-ranges.ts). */
  readonly windows: readonly DmaWindow[];
  /** Last DMA address that its bus carries, or null for no limit. */
  readonly busLimit: DmaAddr | null;
  /** Oddities found on the way: entries left out, properties that Linux does not look at. */
  readonly notes: readonly string[];
}

/**
 * Facts on the device that Linux calls `name`:
 * PCI functions "0000:00:01.0", platform and AMBA devices "fe300000.mmc" or "soc:sound", and "virtio0" where
 * everything that it can be behind has the same answer.
 * @returns undefined for any other name, and where the tree has no such device.
 */
export function findDevice(tree: DeviceTree, name: string): DeviceFacts | undefined {
  const pci = parsePciName(name);
  if (pci !== undefined) {
    const choice = bridgeOf(tree, pci);
    return choice === undefined ? undefined : functionFacts(choice.bridge, pci, choice.assumption);
  }
  if (/^virtio\d+$/.test(name)) return virtioFacts(tree);
  const node = nodeOfDevice(tree, name);
  return node === undefined ? undefined : deviceFacts(node);
}

/** Facts on the platform or AMBA device at a node. */
export function deviceFacts(node: DeviceNode): DeviceFacts {
  return facts(node, coherenceOf(node), iommuOf(node), dmaWindowsOf(node));
}

/**
 * Facts on a PCI function. Linux (pci_dma_configure, drivers/pci/pci-driver.c of 7.3) asks the host bridge's
 * node for all of it, never the function's own.
 */
export function functionFacts(bridge: DeviceNode, address: PciAddress, assumption = ''): DeviceFacts {
  const own = functionNode(bridge, address);
  const { coherent, because } = coherenceOf(bridge);
  const ignored = ['dma-coherent', 'dma-noncoherent'].filter((property) => own?.has(property));
  const notes = ignored.map(
    (property) => `${own?.path} has ${property}; for a PCI function Linux looks at its host bridge only`,
  );
  const reason = assumption === '' ? because : `${because} (${bridge.path} ${assumption})`;
  const iommu = iommuOfFunction(bridge, address.bus * 256 + address.devfn);
  return facts(own ?? bridge, { coherent, because: reason }, iommu, dmaWindowsBelow(bridge), notes);
}

/**
 * Facts on what is behind a PCI host bridge as a whole: those of any function, with the IOMMU that its `iommu-map`
 * names first.
 */
function bridgeFacts(bridge: DeviceNode): DeviceFacts {
  return facts(bridge, coherenceOf(bridge), iommuOfBridge(bridge), dmaWindowsBelow(bridge));
}

/** Facts on the device at a node, or where that is a PCI host bridge, on what is behind it. */
export function factsOf(node: DeviceNode): DeviceFacts {
  return isPciBus(node) ? bridgeFacts(node) : deviceFacts(node);
}

/** A trace does not say what a virtio device is behind: any virtio,mmio node, or a PCI bus. */
function virtioFacts(tree: DeviceTree): DeviceFacts | undefined {
  const mmio = tree.nodes.filter((node) => isCompatible(node, 'virtio,mmio') && isAvailable(node));
  const all = [
    ...mmio.map(deviceFacts),
    ...hostBridges(tree).map((bridge) => functionFacts(bridge, { domain: 0, bus: 0, devfn: 0 })),
  ];
  const [first] = all;
  if (first === undefined) return undefined;
  const essence = (device: DeviceFacts) =>
    JSON.stringify([device.coherent, device.iommu, device.windows, device.busLimit]);
  const wanted = essence(first);
  if (!all.every((device) => essence(device) === wanted)) return undefined;
  if (all.length === 1) return first;
  return {
    ...first,
    because: `${first.because}; the same for all ${all.length} nodes that it can be behind`,
  };
}

function facts(
  node: DeviceNode,
  { coherent, because }: Coherence,
  iommu: DeviceNode | null,
  { windows, busLimit, notes }: DmaWindows,
  more: readonly string[] = [],
): DeviceFacts {
  return {
    path: node.path,
    coherent,
    because,
    iommu: iommu?.path ?? null,
    windows,
    busLimit,
    notes: [...notes, ...more],
  };
}
