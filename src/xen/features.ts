/** XENVER_get_features (xen/common/kernel.c, 4.20) as a domain on Arm sees it. */
import { Errno } from './abi/errno.ts';
import { XENFEAT, XENVER, xen_feature_info } from './abi/version.ts';
import { copyFromGuest, copyToGuest } from './guest-memory.ts';
import { since } from './platform.ts';
import type { Domain, XenState } from './state.ts';

export type XenFeature = keyof typeof XENFEAT;

/** The features that the domain is told of. */
export function featuresOf(xen: XenState, domain: Domain): ReadonlySet<XenFeature> {
  const features = new Set<XenFeature>([
    'writable_page_tables',
    'auto_translated_physmap',
    'memory_op_vnode_supported',
  ]);
  if (domain.hardware) features.add('dom0');
  if (xen.platform.quirks.has('grant-map-identity') && domain.directMapped)
    features.add('grant_map_identity');
  if (since(xen.platform, [4, 12])) features.add('ARM_SMCCC_supported');
  if (since(xen.platform, [4, 16])) features.add(domain.directMapped ? 'direct_mapped' : 'not_direct_mapped');
  return features;
}

export function xenVersion(xen: XenState, caller: Domain, cmd: number, arg: number): number {
  if (cmd !== XENVER.get_features) return -Errno.ENOSYS;
  const bytes = copyFromGuest(xen, caller, arg, xen_feature_info.size);
  if (!bytes) return -Errno.EFAULT;
  const { submap_idx } = xen_feature_info.read(bytes);
  if (submap_idx > 0) return -Errno.EINVAL;
  const submap = [...featuresOf(xen, caller)].reduce((word, name) => word + 2 ** XENFEAT[name], 0);
  return copyToGuest(xen, caller, arg, xen_feature_info.write({ submap_idx, submap })) ? 0 : -Errno.EFAULT;
}
