/**
 * What the designs before 3.19 call: the native operations underneath swiotlb-xen (__generic_dma_ops()).
 * Source: arch/arm/mm/dma-mapping.c, arch/arm64/mm/dma-mapping.c, lib/swiotlb.c, Linux 3.16.
 */
import { machineToDma, NO_SLOT, type PhysAddr, physToBus } from '../address/index.ts';
import type { Attributes, Device, Direction, Kernel } from '../linux/index.ts';
import { needsNone } from './swiotlb-xen.ts';

/**
 * map_page() of a page that dom0 has at `phys`; what it returns is thrown away. arm64's tests the *pseudo-physical* address
 * against the device's mask: out of reach, the buffer is copied to a slot that nobody will ever use or free, and that
 * slot is maintained in its place. arm's does not look.
 */
export function nativeMap(
  kernel: Kernel,
  device: Device,
  phys: PhysAddr,
  size: number,
  direction: Direction,
  attributes: Attributes,
): void {
  let maintained = phys;
  if (kernel.architecture === 'arm64' && !kernel.dmaCapable(device, machineToDma(physToBus(phys)), size)) {
    maintained = kernel.swiotlbMap(device, phys, size, direction, attributes);
    // lib/swiotlb.c then maintained its overflow buffer: again not this one.
    if (maintained === NO_SLOT) return;
  }
  if (!needsNone(device, attributes)) kernel.archSyncForDevice(maintained, size, direction);
}
