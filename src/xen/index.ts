/** Xen on Arm: ABI, domains, stage 2, grant tables, cache flush, memory operations, and its bugs by name. */
export type { DomId } from './abi/domid.ts';
export { DOMID_SELF } from './abi/domid.ts';
export { Errno } from './abi/errno.ts';
export {
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTAB_CACHE,
  GNTTAB_NR_RESERVED_ENTRIES,
  GNTTABOP,
  GTF,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_setup_table,
  gnttab_unmap_grant_ref,
  grant_entry_v1,
} from './abi/grant-table.ts';
export { type Layout, layout, type Read, type Wide, type Written } from './abi/layout.ts';
export {
  XENMAPSPACE,
  XENMEM,
  xen_add_to_physmap,
  xen_memory_reservation,
  xen_pfn,
} from './abi/memory.ts';
export { XENFEAT, XENVER, xen_feature_info } from './abi/version.ts';
export type { DomainSpec } from './domain-life.ts';
export type { GfnRange } from './extended-regions.ts';
export type { XenFeature } from './features.ts';
export type { MaintenanceOptions, XenHardware, XenMaintenance } from './hardware.ts';
export { type Executing, HardwareOfXen } from './machine-hardware.ts';
export { type XenPlatform, xenPlatform } from './platform.ts';
export { type QuirkFacts, XEN_QUIRKS, type XenQuirk } from './quirks.ts';
export type { Frame, FrameRange, P2mType, RamRange } from './state.ts';
export { finish, type Steps, type XenStep } from './steps.ts';
export { FIRST_ON_ARM, XEN_VERSIONS, type XenVersion } from './version.ts';
export { type HypercallName, type Translation, Xen, type XenSpec } from './xen.ts';
