/** xen_version: the features of a domain. Source: xen/include/public/version.h and features.h, 4.20. */
import { layout } from './layout.ts';

export const XENVER = { get_features: 6 } as const;

/** Bit numbers in submap 0. */
export const XENFEAT = {
  writable_page_tables: 0,
  auto_translated_physmap: 2,
  dom0: 11,
  /** Added in 2014-08, reverted in 2014-10 before 4.5: in no release. */
  grant_map_identity: 12,
  memory_op_vnode_supported: 13,
  ARM_SMCCC_supported: 14,
  not_direct_mapped: 16,
  direct_mapped: 17,
} as const;

export const xen_feature_info = layout(8, { submap_idx: ['u32', 0], submap: ['u32', 4] });
