/**
 * swiotlb-xen as it has been since 3.19: one body, and the few things in which its releases differ.
 * Source: drivers/xen/swiotlb-xen.c and arch/arm/xen/mm.c, Linux 3.19 to 7.3.
 */
import {
  bfnToPfn,
  busToPhys,
  DMA_MAPPING_ERROR,
  type DmaAddr,
  type MachineAddr,
  machineAddrOf,
  mfnOf,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../address/index.ts';
import {
  type CacheFlushOp,
  type Device,
  Direction,
  type DmaOps,
  type Kernel,
  CacheFlushOp as Op,
} from '../linux/index.ts';

/** In what one release differs from another. */
export interface Variant {
  /** The machine address as the device must be given it, and back: since 5.9 with the bus offset, before without. */
  toDma(kernel: Kernel, device: Device, bus: MachineAddr): DmaAddr;
  toBus(kernel: Kernel, device: Device, dma: DmaAddr): MachineAddr;
  /** At map: is the buffer local (native maintenance) or foreign (hypercall)? `bus` is what the device gets. */
  localAtMap(kernel: Kernel, phys: PhysAddr, bus: MachineAddr): boolean;
  /** Afterwards, with nothing but the address known. */
  localLater(kernel: Kernel, bus: MachineAddr): boolean;
  /** The loop around the hypercall. */
  maintain(kernel: Kernel, device: Device, dma: DmaAddr, size: number, op: CacheFlushOp): void;
  /** Operation on a foreign FROM_DEVICE buffer when the device gets it. */
  readonly fromDeviceAtMap: CacheFlushOp;
}

/** The machine address behind a pseudo-physical one (xen_phys_to_bus). */
function physToBusThroughP2m(kernel: Kernel, phys: PhysAddr): MachineAddr {
  return offsetBy(machineAddrOf(kernel.pfnToBfn(pfnOf(phys))), pageOffset(phys));
}

/** range_straddles_page_boundary(): the machine frames behind the buffer are not contiguous. */
function straddles(kernel: Kernel, phys: PhysAddr, size: number): boolean {
  const first = pfnOf(phys);
  const pages = Math.ceil((pageOffset(phys) + size) / PAGE_SIZE);
  const firstFrame = kernel.pfnToBfn(first);
  for (let i = 1; i < pages; i++)
    if (kernel.pfnToBfn(pfnOf(offsetBy(phys, i * PAGE_SIZE))) - firstFrame !== i) return true;
  return false;
}

/** The DmaOps of one release. */
export function swiotlbXen(variant: Variant): DmaOps {
  const maintainForDevice = (
    kernel: Kernel,
    device: Device,
    dma: DmaAddr,
    size: number,
    direction: Direction,
  ) =>
    variant.maintain(
      kernel,
      device,
      dma,
      size,
      direction === Direction.fromDevice ? variant.fromDeviceAtMap : Op.clean,
    );
  const maintainForCpu = (
    kernel: Kernel,
    device: Device,
    dma: DmaAddr,
    size: number,
    direction: Direction,
  ) => {
    if (direction !== Direction.toDevice) variant.maintain(kernel, device, dma, size, Op.invalidate);
  };
  /** xen_arch_need_swiotlb(). */
  const needsSlot = (kernel: Kernel, device: Device, phys: PhysAddr, bus: MachineAddr) =>
    !kernel.hasCacheFlush && !device.coherent && pfnOf(phys) !== bfnToPfn(mfnOf(bus));

  const map: DmaOps['map'] = (kernel, device, phys, size, direction, attributes) => {
    if (attributes.mmio) return kernel.busToDma(device, physToBusThroughP2m(kernel, phys));
    let owned = phys;
    let bus = physToBusThroughP2m(kernel, phys);
    let dma = variant.toDma(kernel, device, bus);
    if (
      !kernel.dmaCapable(device, dma, size) ||
      kernel.kmallocNeedsBounce(device, size, direction) ||
      straddles(kernel, phys, size) ||
      needsSlot(kernel, device, phys, bus) ||
      kernel.swiotlbForced(device)
    ) {
      owned = kernel.swiotlbMap(device, phys, size, direction, attributes);
      if (owned === NO_SLOT) return DMA_MAPPING_ERROR;
      bus = physToBusThroughP2m(kernel, owned);
      dma = variant.toDma(kernel, device, bus);
    }
    if (!device.coherent && !attributes.skipCpuSync) {
      if (variant.localAtMap(kernel, owned, bus)) kernel.archSyncForDevice(owned, size, direction);
      else maintainForDevice(kernel, device, dma, size, direction);
    }
    return dma;
  };

  const syncForCpu: DmaOps['syncForCpu'] = (kernel, device, dma, size, direction) => {
    const bus = variant.toBus(kernel, device, dma);
    const phys = busToPhys(bus);
    const local = variant.localLater(kernel, bus);
    if (!device.coherent) {
      if (local) kernel.archSyncForCpu(phys, size, direction);
      else maintainForCpu(kernel, device, dma, size, direction);
    }
    if (local && kernel.inSwiotlb(device, phys)) kernel.swiotlbSyncForCpu(device, phys, size, direction);
  };

  const syncForDevice: DmaOps['syncForDevice'] = (kernel, device, dma, size, direction) => {
    const bus = variant.toBus(kernel, device, dma);
    const phys = busToPhys(bus);
    const local = variant.localLater(kernel, bus);
    if (local && kernel.inSwiotlb(device, phys)) kernel.swiotlbSyncForDevice(device, phys, size, direction);
    if (!device.coherent) {
      if (local) kernel.archSyncForDevice(phys, size, direction);
      else maintainForDevice(kernel, device, dma, size, direction);
    }
  };

  const unmap: DmaOps['unmap'] = (kernel, device, dma, size, direction, attributes) => {
    if (attributes.mmio) return;
    const bus = variant.toBus(kernel, device, dma);
    const phys = busToPhys(bus);
    const local = variant.localLater(kernel, bus);
    if (!device.coherent && !attributes.skipCpuSync) {
      if (local) kernel.archSyncForCpu(phys, size, direction);
      else maintainForCpu(kernel, device, dma, size, direction);
    }
    if (local && kernel.inSwiotlb(device, phys))
      kernel.swiotlbUnmap(device, phys, size, direction, attributes);
  };

  return { map, unmap, syncForCpu, syncForDevice };
}
