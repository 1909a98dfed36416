/** dma_max_mapping_size(): what a driver must not exceed in one mapping, because it might have to bounce. */
import type { Device } from '../dma.ts';
import { factsOf } from '../simulated/device.ts';
import type { SimulatedKernel } from '../simulated/kernel.ts';
import { SEGMENT_SLOTS, SLOT_SIZE } from '../simulated/swiotlb-pool.ts';

/** Bytes; Infinity where nothing limits it. Source: kernel/dma/{swiotlb,direct}.c, drivers/xen/swiotlb-xen.c, 6.12. */
export function maxMappingSize(kernel: SimulatedKernel, device: Device): number {
  if (!kernel.swiotlbActive || kernel.hasQuirk('no-max-mapping-size')) return Number.POSITIVE_INFINITY;
  const { minAlignMask = 0 } = factsOf(device);
  // What may be lost to alignment, in whole slots.
  return SEGMENT_SLOTS * SLOT_SIZE - Math.ceil(minAlignMask / SLOT_SIZE) * SLOT_SIZE;
}
