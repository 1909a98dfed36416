/**
 * No Xen: dma-direct with the generic swiotlb.
 * Source: kernel/dma/direct.h, direct.c, swiotlb.c of Linux 6.12 and 7.3 (the two differ in barriers only).
 */
import { busToPhys, DMA_MAPPING_ERROR, NO_SLOT, physToBus } from '../address/index.ts';
import type { Design, DmaOps } from '../linux/index.ts';

const map: DmaOps['map'] = (kernel, device, phys, size, direction, attributes) => {
  if (attributes.mmio) {
    const registers = kernel.busToDma(device, physToBus(phys));
    return kernel.dmaCapable(device, registers, size) ? registers : DMA_MAPPING_ERROR;
  }
  let owned = phys;
  let dma = kernel.busToDma(device, physToBus(phys));
  if (
    kernel.swiotlbForced(device) ||
    !kernel.dmaCapable(device, dma, size) ||
    kernel.kmallocNeedsBounce(device, size, direction)
  ) {
    owned = kernel.swiotlbMap(device, phys, size, direction, attributes);
    if (owned === NO_SLOT) return DMA_MAPPING_ERROR;
    dma = kernel.busToDma(device, physToBus(owned));
    if (!kernel.dmaCapable(device, dma, size)) {
      kernel.swiotlbUnmap(device, owned, size, direction, { ...attributes, skipCpuSync: true });
      return DMA_MAPPING_ERROR;
    }
  }
  if (!device.coherent && !attributes.skipCpuSync) kernel.archSyncForDevice(owned, size, direction);
  return dma;
};

const syncForCpu: DmaOps['syncForCpu'] = (kernel, device, dma, size, direction) => {
  const phys = busToPhys(kernel.dmaToBus(device, dma));
  if (!device.coherent) kernel.archSyncForCpu(phys, size, direction);
  if (kernel.inSwiotlb(device, phys)) kernel.swiotlbSyncForCpu(device, phys, size, direction);
};

const syncForDevice: DmaOps['syncForDevice'] = (kernel, device, dma, size, direction) => {
  const phys = busToPhys(kernel.dmaToBus(device, dma));
  if (kernel.inSwiotlb(device, phys)) kernel.swiotlbSyncForDevice(device, phys, size, direction);
  if (!device.coherent) kernel.archSyncForDevice(phys, size, direction);
};

const unmap: DmaOps['unmap'] = (kernel, device, dma, size, direction, attributes) => {
  if (attributes.mmio || attributes.requireCoherent) return;
  if (!attributes.skipCpuSync) syncForCpu(kernel, device, dma, size, direction);
  const phys = busToPhys(kernel.dmaToBus(device, dma));
  // The copy back was the sync's.
  if (kernel.inSwiotlb(device, phys))
    kernel.swiotlbUnmap(device, phys, size, direction, { ...attributes, skipCpuSync: true });
};

export const dmaDirect: Design = {
  name: 'dma-direct',
  summary: 'no Xen: native maintenance by physical address, generic swiotlb',
  on: 'bare-metal',
  map,
  unmap,
  syncForCpu,
  syncForDevice,
};
