/**
 * dma_alloc_coherent(): own pages that CPU and device share for long, always local.
 *
 * For a device that does not snoop they are remapped Normal-NC; the cacheable linear alias remains, so they are zeroed and
 * cleaned through it first, and lines of it can still be filled by speculation.
 * Source: kernel/dma/direct.c (dma_direct_alloc), arch/arm/mm/dma-mapping.c, Linux 6.12 and 7.3.
 */
import { type DmaAddr, PAGE_SIZE, type PhysAddr } from '../../address/index.ts';
import type { Device } from '../dma.ts';
import type { SimulatedKernel } from '../simulated/kernel.ts';

export interface CoherentBuffer {
  readonly phys: PhysAddr;
  readonly dma: DmaAddr;
  /** Bytes, whole pages. */
  readonly size: number;
  /** How the CPU accesses it: false is Normal-NC. */
  readonly cacheable: boolean;
}

/** undefined: no pages that the device reaches. */
export function allocCoherent(
  kernel: SimulatedKernel,
  device: Device,
  bytes: number,
): CoherentBuffer | undefined {
  const size = Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
  const pages = kernel.allocatePagesFor(device, size);
  if (pages === undefined) return undefined;
  const { phys, dma } = pages;
  kernel.cpuWrite(phys, size);
  if (!device.coherent) kernel.prepareCoherent(phys, size);
  return { phys, dma, size, cacheable: device.coherent };
}

/** dma_free_coherent(). */
export function freeCoherent(kernel: SimulatedKernel, { phys, size }: CoherentBuffer): void {
  kernel.freePages(phys, size);
}
