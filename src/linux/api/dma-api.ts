/**
 * The entry points of the DMA API, over any design: what a driver calls.
 *
 * dma_map_single(), dma_map_page() and dma_map_phys() are one function of the physical address, and so they are here.
 * Source: kernel/dma/mapping.c, direct.c and drivers/xen/swiotlb-xen.c, Linux 6.12 and 7.3.
 */
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  machineToDma,
  type PhysAddr,
  physToBus,
} from '../../address/index.ts';
import { type Attributes, type Device, type Direction, NO_ATTRIBUTES } from '../dma.ts';
import type { DmaOps } from '../kernel.ts';
import type { SimulatedKernel } from '../simulated/kernel.ts';

/** An entry of a scatterlist before it is mapped. */
export interface SgEntry {
  readonly phys: PhysAddr;
  /** Bytes. */
  readonly size: number;
}
/** And after. Entries are never merged. */
export interface MappedSgEntry {
  readonly dma: DmaAddr;
  readonly size: number;
}

export class DmaApi {
  readonly kernel: SimulatedKernel;
  readonly #ops: DmaOps;

  constructor(kernel: SimulatedKernel, ops: DmaOps) {
    this.kernel = kernel;
    this.#ops = ops;
  }

  /** dma_map_single(), dma_map_page(), dma_map_phys(). DMA_MAPPING_ERROR if it fails. */
  map(
    device: Device,
    phys: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes = NO_ATTRIBUTES,
  ): DmaAddr {
    const dma = this.#map(device, phys, size, direction, attributes);
    this.#flush(device);
    return dma;
  }

  #map(device: Device, phys: PhysAddr, size: number, direction: Direction, attributes: Attributes): DmaAddr {
    if (attributes.requireCoherent && !device.coherent) return DMA_MAPPING_ERROR;
    return this.#ops.map(this.kernel, device, phys, size, direction, attributes);
  }

  /** dma_unmap_single(), dma_unmap_page(), dma_unmap_phys(). */
  unmap(
    device: Device,
    dma: DmaAddr,
    size: number,
    direction: Direction,
    attributes: Attributes = NO_ATTRIBUTES,
  ): void {
    this.#ops.unmap(this.kernel, device, dma, size, direction, attributes);
    this.#flush(device);
  }

  /** dma_sync_single_for_cpu(), and _range_ with the offset added to the address. */
  syncForCpu(device: Device, dma: DmaAddr, size: number, direction: Direction): void {
    this.#ops.syncForCpu(this.kernel, device, dma, size, direction);
    this.#flush(device);
  }

  /** dma_sync_single_for_device(), and _range_ with the offset added to the address. */
  syncForDevice(device: Device, dma: DmaAddr, size: number, direction: Direction): void {
    this.#syncForDevice(device, dma, size, direction);
    this.#flush(device);
  }

  #syncForDevice(device: Device, dma: DmaAddr, size: number, direction: Direction): void {
    if (this.kernel.hasQuirk('for-device-calls-for-cpu-helper'))
      this.#ops.syncForCpu(this.kernel, device, dma, size, direction);
    else this.#ops.syncForDevice(this.kernel, device, dma, size, direction);
  }

  /** dma_map_sg(): all entries or none. undefined: it failed, and what was mapped is undone without maintenance. */
  mapSg(
    device: Device,
    entries: readonly SgEntry[],
    direction: Direction,
    attributes: Attributes = NO_ATTRIBUTES,
  ): readonly MappedSgEntry[] | undefined {
    const mapped: MappedSgEntry[] = [];
    for (const { phys, size } of entries) {
      const dma = this.#map(device, phys, size, direction, attributes);
      if (dma === DMA_MAPPING_ERROR) {
        this.unmapSg(device, mapped, direction, { ...attributes, skipCpuSync: true });
        return undefined;
      }
      mapped.push({ dma, size });
    }
    this.#flush(device);
    return mapped;
  }

  /** dma_unmap_sg(). */
  unmapSg(
    device: Device,
    entries: readonly MappedSgEntry[],
    direction: Direction,
    attributes: Attributes = NO_ATTRIBUTES,
  ): void {
    for (const { dma, size } of entries)
      this.#ops.unmap(this.kernel, device, dma, size, direction, attributes);
    this.#flush(device);
  }

  /** dma_sync_sg_for_cpu(). */
  syncSgForCpu(device: Device, entries: readonly MappedSgEntry[], direction: Direction): void {
    for (const { dma, size } of entries) this.#ops.syncForCpu(this.kernel, device, dma, size, direction);
    this.#flush(device);
  }

  /** dma_sync_sg_for_device(). */
  syncSgForDevice(device: Device, entries: readonly MappedSgEntry[], direction: Direction): void {
    for (const { dma, size } of entries) this.#syncForDevice(device, dma, size, direction);
    this.#flush(device);
  }

  /** dma_map_resource(): registers of another device, no RAM behind them. */
  mapResource(device: Device, phys: PhysAddr, size: number, direction: Direction): DmaAddr {
    if (this.kernel.hasQuirk('mmio-map-ignores-dma-ranges')) {
      const dma = machineToDma(physToBus(phys));
      return this.kernel.dmaCapable(device, dma, size) ? dma : DMA_MAPPING_ERROR;
    }
    return this.map(device, phys, size, direction, { ...NO_ATTRIBUTES, mmio: true });
  }
  /** dma_unmap_resource(). */
  unmapResource(device: Device, dma: DmaAddr, size: number, direction: Direction): void {
    this.unmap(device, dma, size, direction, { ...NO_ATTRIBUTES, mmio: true });
  }

  /** Complete what was issued, once for a whole list. */
  #flush(device: Device): void {
    if (!device.coherent && !this.#ops.completesMaintenance) this.kernel.archSyncFlush();
  }
}
