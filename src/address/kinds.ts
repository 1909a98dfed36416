/**
 * The address vocabulary of Xen and Linux on Arm, one branded type a word.
 *
 * Source: xen/include/xen/mm.h ("dfn, gfn, mfn, pfn", Xen 4.20) and arch/arm/include/asm/xen/page.h (Linux).
 * Frames are 4 KiB (XEN_PAGE_SIZE) whatever the kernel's own page size.
 */
import { type Branded, checkAddress } from './brand.ts';

/** Machine frame number: a frame of real RAM. */
export type Mfn = Branded<'Mfn'>;
/** Guest frame number: a frame as one domain sees it; its p2m maps gfn to mfn. */
export type Gfn = Branded<'Gfn'>;
/** Linux's own (pseudo-physical) frame number. On Arm pfn == gfn. */
export type Pfn = Branded<'Pfn'>;
/** Byte address of real RAM. */
export type MachineAddr = Branded<'MachineAddr'>;
/** Linux's phys_addr_t: pseudo-physical byte address. Equal to the machine address for local pages of dom0. */
export type PhysAddr = Branded<'PhysAddr'>;
/** What a device is programmed with: dma_addr_t. Machine address after the bus offset, or an IOMMU's input. */
export type DmaAddr = Branded<'DmaAddr'>;

/** A byte address of any kind. */
export type AnyAddr = MachineAddr | PhysAddr | DmaAddr;
/** A frame number of any kind. */
export type AnyFrame = Mfn | Gfn | Pfn;

/** Brand a machine frame number in [0, 2^53). @throws RangeError outside it. */
export const mfn = (value: number): Mfn => checkAddress(value, 'mfn') as Mfn;
/** Brand a guest frame number in [0, 2^53). @throws RangeError outside it. */
export const gfn = (value: number): Gfn => checkAddress(value, 'gfn') as Gfn;
/** Brand a pseudo-physical frame number in [0, 2^53). @throws RangeError outside it. */
export const pfn = (value: number): Pfn => checkAddress(value, 'pfn') as Pfn;
/** Brand a machine address in [0, 2^53). @throws RangeError outside it. */
export const machineAddr = (value: number): MachineAddr =>
  checkAddress(value, 'machine address') as MachineAddr;
/** Brand a pseudo-physical address in [0, 2^53). @throws RangeError outside it. */
export const physAddr = (value: number): PhysAddr => checkAddress(value, 'physical address') as PhysAddr;
/** Brand a DMA address in [0, 2^53). @throws RangeError outside it. */
export const dmaAddr = (value: number): DmaAddr => checkAddress(value, 'DMA address') as DmaAddr;
