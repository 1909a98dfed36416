/** Flattened device trees and what they say about DMA: coherence, bus windows, IOMMUs, the platform. */
export { type Architecture, architecture, virtualization } from './architecture.ts';
export { type Coherence, coherenceOf } from './coherence.ts';
export { deviceName } from './device-name.ts';
export { type DeviceFacts, deviceFacts, factsOf, findDevice, functionFacts } from './devices.ts';
export { type DmaKind, type DmaMaster, dmaMasters, poolOf } from './dma-masters.ts';
export {
  type DmaWindow,
  type DmaWindows,
  dmaToMachineThrough,
  dmaWindowsBelow,
  dmaWindowsOf,
  machineToDmaThrough,
} from './dma-ranges.ts';
export { DeviceTreeError, type DeviceTreeErrorKind, type DeviceTreeWarning } from './error.ts';
export { readFdt } from './fdt.ts';
export { iommuOf, iommuOfBridge } from './iommu.ts';
export type { MemoryRange } from './memory-range.ts';
export { type OuterCache, outerCache } from './outer-cache.ts';
export { applyOverlay, readOverlay } from './overlay.ts';
export { hostBridges } from './pci.ts';
export { type Platform, type ReservedRegion, readPlatform } from './platform.ts';
export {
  addressCells,
  cells,
  isAvailable,
  isCompatible,
  type PhandleEntry,
  readPhandles,
  readString,
  readStrings,
  readU32,
  readU64,
  sizeCells,
} from './properties.ts';
export type { DeviceNode, DeviceTree } from './tree.ts';
