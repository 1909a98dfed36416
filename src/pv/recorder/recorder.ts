/** A run as the text that a kernel with the probes of docs/recording.md would have written. */
import { INVALID_P2M_ENTRY, type Mfn, NO_SLOT, type Pfn } from '../../address/index.ts';
import type { Attributes, Device } from '../../linux/index.ts';
import type { SimulatedDevice } from '../../linux/simulated/index.ts';
import { Attribute, EventKind, formatEvent, TRACE_HEADER, TraceEvent } from '../../trace/index.ts';
import type { TraceSink } from '../host/dma.ts';
import type { MappingRecord } from '../host/journal.ts';

/** Microseconds from one event to the next: made up, nothing depends on it. */
const TICK = 10;

export class TraceRecorder implements TraceSink {
  readonly #lines: string[] = [];
  readonly #devices: string[] = [];
  /** Events are named dma_map_phys and not dma_map_page. */
  readonly #byPhys: boolean;

  constructor(byPhys: boolean) {
    this.#byPhys = byPhys;
  }

  /** The whole file. */
  text(): string {
    return `${TRACE_HEADER}${this.#lines.join('\n')}\n`;
  }

  readonly xsMap: NonNullable<TraceSink['xsMap']> = (phys, size, direction, attributes) => {
    // xs_map_page has a pointer to a struct page, which tells nobody anything.
    const physAddr = this.#byPhys ? phys : NO_SLOT;
    const name = this.#name('xs_map');
    this.#add(EventKind.xsMap, { name, physAddr, size, direction, attributes: bits(attributes) });
  };
  readonly xsUnmap: NonNullable<TraceSink['xsUnmap']> = (dmaAddr, size, direction, attributes) => {
    const name = this.#name('xs_unmap');
    this.#add(EventKind.xsUnmap, { name, dmaAddr, size, direction, attributes: bits(attributes) });
  };
  readonly native: NonNullable<TraceSink['native']> = ({ towards, phys, size, direction }) => {
    const kind = towards === 'device' ? EventKind.archSyncForDevice : EventKind.archSyncForCpu;
    this.#add(kind, { physAddr: phys, size, direction });
  };
  readonly cacheFlush: NonNullable<TraceSink['cacheFlush']> = ({ devBusAddr, offset, length, op }, ret) => {
    this.#add(EventKind.cacheFlush, { machineAddr: devBusAddr, offset, length, op });
    this.#add(EventKind.cacheFlushReturn, { ret });
  };
  readonly p2m: NonNullable<TraceSink['p2m']> = (page, frame) =>
    this.#add(EventKind.p2m, { pfn: page as Pfn, mfn: (frame ?? INVALID_P2M_ENTRY) as Mfn, count: 1 });
  readonly bounced: NonNullable<TraceSink['bounced']> = (device, dmaAddr, { buffer, slot, size }) => {
    const about = { device: this.#device(device), dmaAddr, size, dmaMask: maskOf(device) };
    this.#add(EventKind.swiotlbBounced, about);
    this.#add(EventKind.swiotlbMap, { physAddr: buffer, size });
    this.#add(EventKind.swiotlbMapReturn, { physAddr: slot });
  };
  readonly bounceEnded: NonNullable<TraceSink['bounceEnded']> = (slot, size, direction) =>
    this.#add(EventKind.swiotlbUnmap, { physAddr: slot, size, direction });

  readonly mapPage: NonNullable<TraceSink['mapPage']> = (mapping) =>
    this.#add(EventKind.map, {
      ...this.#about(mapping),
      name: this.#name('dma_map'),
      physAddr: mapping.phys,
    });
  readonly unmapPage: NonNullable<TraceSink['unmapPage']> = (mapping) =>
    this.#add(EventKind.unmap, { ...this.#about(mapping), name: this.#name('dma_unmap') });
  readonly mapSg: NonNullable<TraceSink['mapSg']> = (mappings) => {
    const [first] = mappings;
    if (first === undefined) return;
    const { device, direction } = this.#about(first);
    const count = mappings.length;
    this.#add(EventKind.mapSg, {
      device,
      direction,
      nents: count,
      ents: count,
      dmaAddrs: Float64Array.from(mappings, ({ dma }) => dma ?? 0),
      dmaCount: count,
      sizes: Float64Array.from(mappings, ({ size }) => size),
      sizeCount: count,
      physAddrs: Float64Array.from(mappings, ({ phys }) => phys),
      physCount: count,
    });
  };
  readonly unmapSg: NonNullable<TraceSink['unmapSg']> = (mappings) => {
    const [first] = mappings;
    if (first === undefined) return;
    const { device, direction } = this.#about(first);
    const physAddrs = Float64Array.from(mappings, ({ phys }) => phys);
    this.#add(EventKind.unmapSg, { device, direction, physAddrs, physCount: mappings.length });
  };

  #about({ device, dma, size, direction }: MappingRecord) {
    return { device: this.#device(device), direction, size, ...(dma === undefined ? {} : { dmaAddr: dma }) };
  }
  #name(start: string): string {
    return `${start}_${this.#byPhys ? 'phys' : 'page'}`;
  }
  #device({ name }: Device): number {
    const known = this.#devices.indexOf(name);
    return known < 0 ? this.#devices.push(name) - 1 : known;
  }
  #add(kind: EventKind, fields: Partial<TraceEvent>): void {
    const event = Object.assign(new TraceEvent(), { kind, pid: 1 }, fields);
    this.#lines.push(
      formatEvent(event, this.#devices, { task: 'dmalab', time: (this.#lines.length + 1) * TICK }),
    );
  }
}

function bits({ skipCpuSync, mmio, requireCoherent }: Attributes): number {
  return (
    (skipCpuSync ? Attribute.skipCpuSync : 0) +
    (mmio ? Attribute.mmio : 0) +
    (requireCoherent ? Attribute.requireCoherent : 0)
  );
}

/** Any device may be given; without a mask it reaches everything. */
function maskOf(device: SimulatedDevice): number {
  return device.dmaMask ?? Number.POSITIVE_INFINITY;
}
