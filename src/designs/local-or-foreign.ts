/**
 * The rule since 3.19: a local page is maintained natively, a foreign one by hypercall. Its releases differ in how they tell
 * the two apart, and in the loop around the hypercall.
 * Source: arch/arm/xen/mm.c, include/xen/arm/page-coherent.h, Linux 3.19 to 7.3.
 */
import {
  bfnToPfn,
  busToPhys,
  type DmaAddr,
  type MachineAddr,
  mfnOf,
  type PhysAddr,
  pfnOf,
} from '../address/index.ts';
import { CacheFlushOp, type Device, Direction, type DmaOps, type Kernel } from '../linux/index.ts';
import { needsNone, type Steps, swiotlbXen } from './swiotlb-xen.ts';

/** How one release tells local from foreign, and what it does then. */
export interface Rule extends Pick<Steps, 'toDma' | 'toBus' | 'bounces' | 'registers'> {
  /** At map: is the buffer local (native maintenance) or foreign (hypercall)? `bus` is what the device gets. */
  localAtMap(kernel: Kernel, phys: PhysAddr, bus: MachineAddr): boolean;
  /** Afterwards, with nothing but the address known. */
  localLater(kernel: Kernel, bus: MachineAddr): boolean;
  /** xen_bus_to_phys(): the page that a later call maintains or copies. By default the identity, right for local pages. */
  toPhys?(kernel: Kernel, bus: MachineAddr): PhysAddr;
  /** The loop around the hypercall. */
  maintain(kernel: Kernel, device: Device, dma: DmaAddr, size: number, op: CacheFlushOp): void;
  /** Operation on a foreign FROM_DEVICE buffer when the device gets it. */
  readonly fromDeviceAtMap: CacheFlushOp;
}

/** P != M: the page is another domain's. */
export function isForeign(phys: PhysAddr, bus: MachineAddr): boolean {
  return pfnOf(phys) !== bfnToPfn(mfnOf(bus));
}

/** xen_arch_need_swiotlb(): what could not be maintained is bounced. */
export function bouncesWithoutHypercall(
  kernel: Kernel,
  device: Device,
  phys: PhysAddr,
  bus: MachineAddr,
): boolean {
  return !kernel.hasCacheFlush && !device.coherent && isForeign(phys, bus);
}

/** The DmaOps of one release. */
export function localOrForeign(rule: Rule): DmaOps {
  const { toBus, maintain } = rule;
  const toPhys = rule.toPhys ?? ((_kernel: Kernel, bus: MachineAddr) => busToPhys(bus));

  const forDevice = (kernel: Kernel, device: Device, dma: DmaAddr, size: number, direction: Direction) =>
    maintain(
      kernel,
      device,
      dma,
      size,
      direction === Direction.fromDevice ? rule.fromDeviceAtMap : CacheFlushOp.clean,
    );

  const syncForCpu: Steps['syncForCpu'] = (kernel, device, dma, size, direction) => {
    if (device.coherent) return;
    const bus = toBus(kernel, device, dma);
    if (rule.localLater(kernel, bus)) kernel.archSyncForCpu(toPhys(kernel, bus), size, direction);
    else if (direction !== Direction.toDevice) maintain(kernel, device, dma, size, CacheFlushOp.invalidate);
  };

  return swiotlbXen({
    bounces: bouncesWithoutHypercall,
    ...rule,
    slotAt: (kernel, device, bus) => {
      const isSlot = kernel.inSwiotlb(device, busToPhys(bus)) && rule.localLater(kernel, bus);
      return isSlot ? toPhys(kernel, bus) : undefined;
    },
    mapped: (kernel, device, owned, dma, size, direction, attributes) => {
      if (needsNone(device, attributes)) return;
      if (rule.localAtMap(kernel, owned, toBus(kernel, device, dma)))
        kernel.archSyncForDevice(owned, size, direction);
      else forDevice(kernel, device, dma, size, direction);
    },
    unmapping: (kernel, device, dma, size, direction, attributes) => {
      if (!attributes.skipCpuSync) syncForCpu(kernel, device, dma, size, direction);
    },
    syncForCpu,
    syncForDevice: (kernel, device, dma, size, direction) => {
      if (device.coherent) return;
      const bus = toBus(kernel, device, dma);
      if (rule.localLater(kernel, bus)) kernel.archSyncForDevice(toPhys(kernel, bus), size, direction);
      else forDevice(kernel, device, dma, size, direction);
    },
  });
}
