/**
 * Reading an address of one kind as another, without translation.
 *
 * Each of these is an assumption about the system, right in one case and the root of a real bug in the
 * others; they have names so that every place that makes the assumption can be found.
 */
import type { DmaAddr, MachineAddr, Mfn, Pfn, PhysAddr } from './kinds.ts';

/**
 * bfn_to_pfn on Arm (arch/arm/include/asm/xen/page.h): the identity. Right for dom0's local pages, which are
 * mapped 1:1; meaningless for a foreign frame, whose pseudo-physical address is another one.
 */
export function bfnToPfn(frame: Mfn): Pfn {
  return frame as number as Pfn;
}

/** The reverse, where no p2m entry says otherwise (__pfn_to_mfn of arch/arm/xen/p2m.c). Right for dom0's local pages. */
export function pfnToBfn(frame: Pfn): Mfn {
  return frame as number as Mfn;
}

/** Machine address read as pseudo-physical, as xen_bus_to_phys does on Arm. Right for local pages only. */
export function busToPhys(addr: MachineAddr): PhysAddr {
  return addr as number as PhysAddr;
}

/** Pseudo-physical address read as machine address: right on bare metal and for dom0's local pages. */
export function physToBus(addr: PhysAddr): MachineAddr {
  return addr as number as MachineAddr;
}

/** DMA address of a bus that has no offset (no translating dma-ranges on the way) and no IOMMU. */
export function machineToDma(addr: MachineAddr): DmaAddr {
  return addr as number as DmaAddr;
}

/** The reverse of machineToDma: what linux-3.19 and 5.4 assume of every bus. */
export function dmaToMachine(addr: DmaAddr): MachineAddr {
  return addr as number as MachineAddr;
}
