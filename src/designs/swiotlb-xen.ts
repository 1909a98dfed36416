/**
 * The body of drivers/xen/swiotlb-xen.c, Linux 3.13 to 7.3: who bounces, what the device is given, in which order a slot is
 * copied and maintained. What a design does in it is its steps.
 */
import {
  busToPhys,
  DMA_MAPPING_ERROR,
  type DmaAddr,
  type MachineAddr,
  machineAddrOf,
  machineToDma,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physToBus,
} from '../address/index.ts';
import type { Attributes, Device, Direction, DmaOps, Kernel } from '../linux/index.ts';

type SyncStep = (kernel: Kernel, device: Device, dma: DmaAddr, size: number, direction: Direction) => void;

/** In what one design differs from another. The steps are called for coherent devices, too. */
export interface Steps {
  /** The machine address as the device must be given it, and back. */
  toDma(kernel: Kernel, device: Device, bus: MachineAddr): DmaAddr;
  toBus(kernel: Kernel, device: Device, dma: DmaAddr): MachineAddr;
  /** Bounce it, besides what every design bounces: out of reach, discontiguous, small kmalloc() objects, swiotlb=force. */
  bounces?(kernel: Kernel, device: Device, phys: PhysAddr, bus: MachineAddr): boolean;
  /** The slot at that machine address; undefined where there is none. */
  slotAt(kernel: Kernel, device: Device, bus: MachineAddr): PhysAddr | undefined;
  /** The device is about to get `dma`. `owned` is the pseudo-physical address of the buffer, or of its slot. */
  mapped(
    kernel: Kernel,
    device: Device,
    owned: PhysAddr,
    dma: DmaAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void;
  /** The device has finished. A slot is copied back afterwards. */
  unmapping(
    kernel: Kernel,
    device: Device,
    dma: DmaAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void;
  /**
   * What dma_map_resource() gives the device for registers of another: the `bus` address; nothing, since swiotlb-xen had no
   * map_resource (`refused`); since map_phys (6.18) the CPU's address, and unmap takes the registers for memory (`cpu-address`).
   * Default: bus.
   */
  readonly registers?: 'bus' | 'refused' | 'cpu-address';
  /** A slot is copied back afterwards. */
  readonly syncForCpu: SyncStep;
  /** A slot has been copied to before. */
  readonly syncForDevice: SyncStep;
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

/** is_xen_swiotlb_buffer() where the machine address is read as pseudo-physical: right for slots, which are local. */
export function slotByIdentity(kernel: Kernel, device: Device, bus: MachineAddr): PhysAddr | undefined {
  const phys = busToPhys(bus);
  return kernel.inSwiotlb(device, phys) && kernel.pfnValid(pfnOf(phys)) ? phys : undefined;
}

/** No maintenance at map and unmap: the device snoops, or the driver asks for none. */
export function needsNone(device: Device, attributes: Attributes): boolean {
  return device.coherent || attributes.skipCpuSync;
}

/** The DmaOps that the steps make. */
export function swiotlbXen(steps: Steps): DmaOps {
  const mapRegisters = (kernel: Kernel, device: Device, phys: PhysAddr, size: number): DmaAddr => {
    const { registers = 'bus' } = steps;
    if (registers === 'bus') return kernel.busToDma(device, physToBusThroughP2m(kernel, phys));
    const dma = machineToDma(physToBus(phys));
    return registers === 'cpu-address' && kernel.dmaCapable(device, dma, size) ? dma : DMA_MAPPING_ERROR;
  };

  const map: DmaOps['map'] = (kernel, device, phys, size, direction, attributes) => {
    if (attributes.mmio) return mapRegisters(kernel, device, phys, size);
    let owned = phys;
    const bus = physToBusThroughP2m(kernel, phys);
    let dma = steps.toDma(kernel, device, bus);
    if (
      !kernel.dmaCapable(device, dma, size) ||
      kernel.kmallocNeedsBounce(device, size, direction) ||
      straddles(kernel, phys, size) ||
      steps.bounces?.(kernel, device, phys, bus) ||
      kernel.swiotlbForced(device)
    ) {
      owned = kernel.swiotlbMap(device, phys, size, direction, attributes);
      if (owned === NO_SLOT) return DMA_MAPPING_ERROR;
      dma = steps.toDma(kernel, device, physToBusThroughP2m(kernel, owned));
      if (!kernel.dmaCapable(device, dma, size)) {
        kernel.swiotlbUnmap(device, owned, size, direction, { ...attributes, skipCpuSync: true });
        return DMA_MAPPING_ERROR;
      }
    }
    steps.mapped(kernel, device, owned, dma, size, direction, attributes);
    return dma;
  };

  const unmap: DmaOps['unmap'] = (kernel, device, dma, size, direction, attributes) => {
    if (attributes.mmio && steps.registers !== 'cpu-address') return;
    steps.unmapping(kernel, device, dma, size, direction, attributes);
    const slot = steps.slotAt(kernel, device, steps.toBus(kernel, device, dma));
    if (slot !== undefined) kernel.swiotlbUnmap(device, slot, size, direction, attributes);
  };

  const syncForCpu: DmaOps['syncForCpu'] = (kernel, device, dma, size, direction) => {
    steps.syncForCpu(kernel, device, dma, size, direction);
    const slot = steps.slotAt(kernel, device, steps.toBus(kernel, device, dma));
    if (slot !== undefined) kernel.swiotlbSyncForCpu(device, slot, size, direction);
  };

  const syncForDevice: DmaOps['syncForDevice'] = (kernel, device, dma, size, direction) => {
    const slot = steps.slotAt(kernel, device, steps.toBus(kernel, device, dma));
    if (slot !== undefined) kernel.swiotlbSyncForDevice(device, slot, size, direction);
    steps.syncForDevice(kernel, device, dma, size, direction);
  };

  return { map, unmap, syncForCpu, syncForDevice };
}
