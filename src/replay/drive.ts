/** Drives every track through the calls of the trace: the recording with what it recorded, each design with what it does. */
import { type MachineAddr, offsetBy } from '../address/index.ts';
import type { Attributes, Direction } from '../linux/index.ts';
import type { ActName } from './explain.ts';
import type { ReplayKernel } from './kernel.ts';
import type { LiveMapping } from './live.ts';
import type { DriverCall } from './misuse.ts';
import type { Operation } from './operation.ts';
import type { ReplayDevice } from './platform.ts';
import { bouncedBytes, type Track, type TrackState } from './track.ts';

type LaterCall = Exclude<ActName, 'map'>;

/** A call on a live mapping after its map: bytes [offset, offset + size) of it. */
export interface PartCall {
  readonly name: LaterCall;
  readonly line: number;
  readonly offset: number;
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: Attributes;
}

export class Drive {
  readonly tracks: readonly Track[];
  readonly #kernel: ReplayKernel;

  constructor(tracks: readonly Track[], kernel: ReplayKernel) {
    this.tracks = tracks;
    this.#kernel = kernel;
  }

  /** A mapping has been made: every track begins it. */
  map(mapping: LiveMapping, attributes: Attributes, recorded: readonly Operation[]): void {
    const { device, size, bus, line } = mapping;
    const judged = mapping.kind !== 'resource' && !(device.coherent && device.snoops);
    for (const track of this.tracks) {
      if (track.design !== undefined) {
        mapping.tracks.push(this.#mapByDesign(track, mapping, attributes, judged, recorded));
        continue;
      }
      const bounced = mapping.mappingClass === 'bounced';
      const state = track.begin(mapping, mapping.dma, bus, bounced, judged);
      if (bounced) track.cost.bouncedBytes += bouncedBytes(size, mapping.direction, false);
      track.act(state, 'map', line, bus, offsetBy(bus, size), attributes.skipCpuSync, recorded);
      mapping.tracks.push(state);
    }
  }

  #mapByDesign(
    track: Track,
    mapping: LiveMapping,
    attributes: Attributes,
    judged: boolean,
    recorded: readonly Operation[],
  ): TrackState | undefined {
    const kernel = this.#kernel;
    const { device, size, line } = mapping;
    if (track.design === undefined) return undefined;
    kernel.begin(mapping, false);
    const dma = track.design.map(kernel, device, mapping.phys, size, mapping.direction, attributes);
    track.cost.bouncedBytes += kernel.copied;
    const { operations, undecided, bounced } = kernel;
    // A design without a bus offset gives the device another address than the recorded one, and so does a slot of its own.
    const bus = dma === mapping.dma ? mapping.bus : kernel.dmaToBus(device, dma);
    const state = track.begin(mapping, dma, bus, bounced, judged && !undecided);
    if (dma !== mapping.dma && !bounced) track.damage(state, wrongFrame(bus, size));
    track.act(state, 'map', line, bus, offsetBy(bus, size), attributes.skipCpuSync, operations);
    if (mapping.uncertain === undefined && !undecided) track.conformance?.compare(line, operations, recorded);
    return state;
  }

  /**
   * A later call on a live mapping, in every track.
   * @param compare false where the recorded operations may be incomplete.
   */
  part(mapping: LiveMapping, call: PartCall, recorded: readonly Operation[], compare: boolean): void {
    const { name, line, offset, size, attributes } = call;
    this.tracks.forEach((track, i) => {
      const state = mapping.tracks[i];
      if (state === undefined) return;
      const from = offsetBy(state.bus, offset);
      const to = offsetBy(from, size);
      if (track.design === undefined) {
        if (state.bounced && !(name === 'unmap' && attributes.skipCpuSync))
          track.cost.bouncedBytes += bouncedBytes(size, mapping.direction, name !== 'sync_for_device');
        track.act(state, name, line, from, to, attributes.skipCpuSync, recorded);
        return;
      }
      const operations = this.#run(track, state, mapping, mapping.device, call);
      track.act(state, name, line, from, to, attributes.skipCpuSync, operations);
      if (compare && !this.#kernel.undecided && mapping.uncertain === undefined)
        track.conformance?.compare(line, operations, recorded);
    });
  }

  /** The end of a mapping in every track. */
  close(
    mapping: LiveMapping,
    line: number,
    attributes: Attributes,
    recorded: readonly Operation[],
    compare: boolean,
  ): void {
    const { size, direction } = mapping;
    this.part(mapping, { name: 'unmap', line, offset: 0, size, direction, attributes }, recorded, compare);
    this.tracks.forEach((track, i) => {
      const state = mapping.tracks[i];
      if (state) track.finish(mapping, state);
    });
  }

  /** A call on what was mapped before the recording began: it counts for conformance and cost only. */
  alone(
    device: ReplayDevice,
    name: LaterCall,
    call: DriverCall,
    attributes: Attributes,
    recorded: readonly Operation[],
  ): void {
    if (device.unknown || device.iommu !== null || attributes.mmio || attributes.requireCoherent) return;
    const { dma, line, size, direction } = call;
    for (const track of this.tracks) {
      if (track.design === undefined) {
        track.charge(recorded);
        continue;
      }
      const part: PartCall = { name, line, offset: 0, size, direction, attributes };
      const operations = this.#run(track, { dma, bounced: false }, undefined, device, part);
      if (this.#kernel.undecided) continue;
      track.charge(operations);
      track.conformance?.compare(line, operations, recorded);
    }
  }

  #run(
    track: Track,
    state: Pick<TrackState, 'dma' | 'bounced'>,
    mapping: LiveMapping | undefined,
    device: ReplayDevice,
    call: PartCall,
  ): readonly Operation[] {
    const { design } = track;
    if (design === undefined) return [];
    const kernel = this.#kernel;
    kernel.begin(mapping, state.bounced);
    const dma = offsetBy(state.dma, call.offset);
    const { size, direction } = call;
    if (call.name === 'unmap') design.unmap(kernel, device, dma, size, direction, call.attributes);
    else if (call.name === 'sync_for_cpu') design.syncForCpu(kernel, device, dma, size, direction);
    else design.syncForDevice(kernel, device, dma, size, direction);
    track.cost.bouncedBytes += kernel.copied;
    return kernel.operations;
  }
}

/** The device is programmed with an address that is not the buffer's. */
function wrongFrame(bus: MachineAddr, size: number) {
  return {
    rule: 'wrong-frame',
    severity: 'error',
    moves: null,
    from: bus,
    to: offsetBy(bus, size),
    inside: false,
  } as const;
}
