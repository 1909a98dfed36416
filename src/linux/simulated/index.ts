/** The simulated kernel: its memory and tables, its hypercalls, its foreign pages, its bugs by name. */
export type { SimulatedDevice } from './device.ts';
export {
  allocateForeignPages,
  balloonIn,
  balloonOut,
  type ForeignPage,
  freeForeignPages,
  mapGrants,
  unmapGrants,
} from './foreign-pages.ts';
export { GrantTable, type GrantTableSpec } from './grant-table.ts';
export { SimulatedKernel } from './kernel.ts';
export {
  type NativeMaintenance,
  type NativeOperation,
  nativeMaintenance,
  nativeOperation,
} from './native-maintenance.ts';
export { SECTION } from './pfn-valid.ts';
export type { LinuxPlatform, PfnValid, SwiotlbPlatform } from './platform.ts';
export { isQuirk, QUIRKS, type Quirk, type QuirkFacts } from './quirks.ts';
export { bareMetal, xenStage2 } from './stage2.ts';
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
} from './world.ts';
export { XenPort, type XenPortSpec } from './xen-port.ts';
