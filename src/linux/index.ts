/** Linux as a design sees it: the DMA API's words, the services of a kernel, what a design is. */

export { allocCoherent, type CoherentBuffer, freeCoherent } from './api/coherent.ts';
export { DmaApi, type MappedSgEntry, type SgEntry } from './api/dma-api.ts';
export { maxMappingSize } from './api/max-mapping-size.ts';
export {
  type Attributes,
  type Device,
  DIRECTION_NAMES,
  Direction,
  type DirectionName,
  NO_ATTRIBUTES,
} from './dma.ts';
export {
  type Alias,
  type Architecture,
  type CacheFlush,
  CacheFlushOp,
  type Design,
  type DmaOps,
  type GrantHooks,
  type Kernel,
  KernelDied,
  type KernelProblem,
  type Release,
  type Table,
  type Tables,
} from './kernel.ts';
export { FIRST_ON_ARM64, LINUX_RELEASES } from './releases.ts';
export type { SimulatedDevice } from './simulated/device.ts';
export {
  allocateForeignPages,
  balloonIn,
  balloonOut,
  type ForeignPage,
  freeForeignPages,
  mapGrants,
  unmapGrants,
} from './simulated/foreign-pages.ts';
export { GrantTable, type GrantTableSpec } from './simulated/grant-table.ts';
export { SimulatedKernel } from './simulated/kernel.ts';
export {
  type NativeMaintenance,
  type NativeOperation,
  nativeMaintenance,
  nativeOperation,
} from './simulated/native-maintenance.ts';
export { SECTION } from './simulated/pfn-valid.ts';
export type { LinuxPlatform, PfnValid, SwiotlbPlatform } from './simulated/platform.ts';
export { isQuirk, QUIRKS, type Quirk, type QuirkFacts } from './simulated/quirks.ts';
export { bareMetal, xenStage2 } from './simulated/stage2.ts';
export type {
  BounceCopy,
  CopyEnd,
  GrantCopy,
  GrantMapping,
  GrantUnmapping,
  Hypervisor,
  KernelFault,
  MappedGrant,
  NativeSync,
  Stage2,
  Translation,
  World,
} from './simulated/world.ts';
export { XenPort, type XenPortSpec } from './simulated/xen-port.ts';
