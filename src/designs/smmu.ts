/**
 * An SMMU, and a dom0 that is not direct mapped: the SMMU translates pseudo-physical addresses as stage 2 does, so the device is
 * given P like any device on bare metal, and no page is special any more. The operations are those of dma-direct.
 * Source: Linux uses swiotlb-xen only where XENFEAT_not_direct_mapped is not set (include/xen/arm/swiotlb-xen.h, 6.12).
 */
import type { Design } from '../linux/index.ts';
import { dmaDirect } from './dma-direct.ts';

export const smmu: Design = {
  ...dmaDirect,
  name: 'smmu',
  summary: 'an SMMU translates what dom0 takes for physical addresses: no special case left',
  on: 'xen',
  needs: 'an SMMU that translates dom0\u2019s pseudo-physical addresses',
};
