/** The DMA API as dom0's drivers call it, with everything written down that a trace would show. */
import {
  type ByteRange,
  busToPhys,
  DMA_MAPPING_ERROR,
  type DmaAddr,
  type MachineAddr,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../../address/index.ts';
import { DmaApi, type SgEntry } from '../../linux/api/index.ts';
import {
  type Attributes,
  type CacheFlush,
  type Design,
  type Device,
  Direction,
  type DmaOps,
} from '../../linux/index.ts';
import type { BounceCopy, NativeSync, SimulatedKernel } from '../../linux/simulated/index.ts';
import type { Journal, MappingRecord } from './journal.ts';

/** Told of what a tracer with the probes of docs/recording.md sees, in its order. */
export interface TraceSink {
  xsMap?(phys: PhysAddr, size: number, direction: Direction, attributes: Attributes): void;
  xsUnmap?(dma: DmaAddr, size: number, direction: Direction, attributes: Attributes): void;
  native?(sync: NativeSync): void;
  cacheFlush?(flush: CacheFlush, result: number): void;
  mapPage?(mapping: MappingRecord): void;
  unmapPage?(mapping: MappingRecord): void;
  mapSg?(mappings: readonly MappingRecord[]): void;
  unmapSg?(mappings: readonly MappingRecord[]): void;
  /** A buffer whose address would not do was copied to a slot. */
  bounced?(device: Device, dma: DmaAddr, copy: BounceCopy): void;
  bounceEnded?(slot: PhysAddr, size: number, direction: Direction): void;
  /** mfn undefined: removed. */
  p2m?(page: number, frame: number | undefined): void;
}

export class TracedDma {
  readonly #api: DmaApi;
  readonly #kernel: SimulatedKernel;
  readonly #isSlot: (dma: DmaAddr) => boolean;
  readonly #journal: Journal;
  readonly #trace: TraceSink;
  /** The mapping that the design is asked to end. */
  #ending: readonly MappingRecord[] = [];

  /** The device that the design is mapping for. */
  #mappingFor: Device | undefined;

  constructor(
    kernel: SimulatedKernel,
    design: Design,
    journal: Journal,
    trace: TraceSink,
    isSlot: (dma: DmaAddr) => boolean,
  ) {
    this.#kernel = kernel;
    this.#isSlot = isSlot;
    this.#journal = journal;
    this.#trace = trace;
    this.#api = new DmaApi(kernel, this.#watched(design));
  }

  /** dma_map_page(). undefined: it failed. */
  map(device: Device, phys: PhysAddr, size: number, direction: Direction): MappingRecord | undefined {
    const first = this.#journal.mappings.length;
    const dma = this.#api.map(device, phys, size, direction);
    const mapping = this.#journal.mappings[first];
    if (mapping) this.#trace.mapPage?.(mapping);
    return dma === DMA_MAPPING_ERROR ? undefined : mapping;
  }

  unmap(mapping: MappingRecord): void {
    const { device, dma, size, direction } = mapping;
    if (dma === undefined) return;
    this.#ending = [mapping];
    this.#api.unmap(device, dma, size, direction);
    this.#trace.unmapPage?.(mapping);
  }

  /** dma_map_sg(). undefined: it failed. */
  mapSg(device: Device, entries: readonly SgEntry[], direction: Direction): MappingRecord[] | undefined {
    const first = this.#journal.mappings.length;
    if (direction === Direction.fromDevice)
      this.#journal.setSpare(entries.flatMap(({ phys, size }) => this.#machineRanges(phys, size)));
    const mapped = this.#api.mapSg(device, entries, direction);
    this.#journal.setSpare([]);
    if (mapped === undefined) return undefined;
    const mappings = this.#journal.mappings.slice(first);
    this.#trace.mapSg?.(mappings);
    return mappings;
  }

  /** dma_unmap_sg(), which is traced before it is done. */
  unmapSg(mappings: readonly MappingRecord[]): void {
    const [first] = mappings;
    if (first === undefined) return;
    this.#trace.unmapSg?.(mappings);
    this.#ending = mappings;
    const entries = mappings.map(({ dma, size }) => ({ dma: dma ?? DMA_MAPPING_ERROR, size }));
    this.#api.unmapSg(first.device, entries, first.direction);
  }

  /** The kernel has copied between a buffer and its slot. */
  bounced(copy: BounceCopy): void {
    const device = this.#mappingFor;
    if (copy.way === 'from slot' || device === undefined) return;
    const { buffer } = copy;
    const machine = this.#machineRanges(buffer, 1)[0]?.[0];
    const wanted = machine === undefined ? DMA_MAPPING_ERROR : this.#kernel.busToDma(device, machine);
    this.#trace.bounced?.(device, wanted, copy);
  }

  #watched(design: Design): DmaOps {
    return {
      ...design,
      map: (kernel, device, phys, size, direction, attributes) => {
        const mapping: MappingRecord = {
          number: this.#journal.mappings.length + 1,
          device,
          phys,
          size,
          direction,
          buffer: this.#machineRanges(phys, size),
          dma: undefined,
          atMap: [],
          atUnmap: [],
          live: true,
        };
        this.#journal.mappings.push(mapping);
        this.#trace.xsMap?.(phys, size, direction, attributes);
        this.#mappingFor = device;
        mapping.dma = this.#journal.maintaining(mapping, 'map', () =>
          design.map(kernel, device, phys, size, direction, attributes),
        );
        this.#mappingFor = undefined;
        mapping.live = mapping.dma !== DMA_MAPPING_ERROR;
        return mapping.dma;
      },
      unmap: (kernel, device, dma, size, direction, attributes) => {
        this.#trace.xsUnmap?.(dma, size, direction, attributes);
        const isIt = (each: MappingRecord) => each.live && each.dma === dma && each.size === size;
        const mapping = this.#ending.find(isIt) ?? this.#journal.mappings.findLast(isIt);
        const work = () => design.unmap(kernel, device, dma, size, direction, attributes);
        if (mapping === undefined) work();
        else {
          this.#journal.maintaining(mapping, 'unmap', work);
          mapping.live = false;
        }
        if (this.#isSlot(dma))
          this.#trace.bounceEnded?.(busToPhys(kernel.dmaToBus(device, dma)), size, direction);
      },
    };
  }

  /** Machine memory behind bytes as dom0 sees them, neighbours joined. */
  #machineRanges(phys: PhysAddr, size: number): ByteRange<MachineAddr>[] {
    const ranges: [MachineAddr, MachineAddr][] = [];
    for (let done = 0; done < size; ) {
      const at = offsetBy(phys, done);
      const length = Math.min(size - done, PAGE_SIZE - pageOffset(at));
      const frame = this.#kernel.world.stage2.translate(pfnOf(at))?.frame;
      done += length;
      if (frame === undefined) continue;
      const from = offsetBy(machineAddrOf(frame), pageOffset(at));
      const last = ranges.at(-1);
      if (last && last[1] === from) last[1] = offsetBy(from, length);
      else ranges.push([from, offsetBy(from, length)]);
    }
    return ranges;
  }
}
