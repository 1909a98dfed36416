/** Drives every track through the calls of the trace: the recording with what it recorded, each design with what it does. */
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  hex,
  type MachineAddr,
  machineAddr,
  offsetBy,
} from '../address/index.ts';
import { dmaDirect } from '../designs/index.ts';
import {
  type Attributes,
  type Design,
  type Direction,
  KernelDied,
  type KernelProblem,
} from '../linux/index.ts';
import { addCharge, chargeOf } from './charge.ts';
import type { ActName } from './explain.ts';
import type { Grants } from './grants.ts';
import type { Hindrance } from './hindrance.ts';
import { NO_PROBLEMS, type ReplayKernel } from './kernel.ts';
import { Lane, type World } from './lane.ts';
import type { LiveMapping } from './live.ts';
import type { DriverCall } from './misuse.ts';
import { NO_OPERATIONS, type Operation, sameOperations } from './operation.ts';
import type { ReplayDevice } from './platform.ts';
import { bouncedBytes, type Track } from './track.ts';

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

/**
 * What a track does at a map. Each track has one, filled again for every map: one for each was measured to be a twentieth of
 * what a replay allocates.
 */
interface MapDone {
  dma: DmaAddr;
  bus: MachineAddr;
  bounced: boolean;
  judged: boolean;
  /** The device is programmed with an address that is not the buffer's. */
  misprogrammed: boolean;
  hindrance: Hindrance | undefined;
  operations: readonly Operation[];
  problems: readonly KernelProblem[];
}

function emptyMap(): MapDone {
  return {
    dma: DMA_MAPPING_ERROR,
    bus: machineAddr(0),
    bounced: false,
    judged: false,
    misprogrammed: false,
    hindrance: undefined,
    operations: NO_OPERATIONS,
    problems: NO_PROBLEMS,
  };
}

const NO_LANES: Lane[] = [];

/** What a track does later; filled again for every call, too. */
interface Parted {
  before: Lane;
  after: Lane;
  operations: readonly Operation[];
  problems: readonly KernelProblem[];
}

export class Drive {
  readonly tracks: readonly Track[];
  readonly #grants: Grants;
  readonly #world: World;
  readonly #kernel: ReplayKernel;
  /** By track: what it did at the map at hand. */
  readonly #mapped: readonly MapDone[];
  /** What the tracks did that are through with the call at hand. */
  readonly #parted: Parted[] = [];

  constructor(world: World, tracks: readonly Track[], kernel: ReplayKernel, grants: Grants) {
    this.#grants = grants;
    this.#world = world;
    this.tracks = tracks;
    this.#mapped = tracks.map(emptyMap);
    this.#kernel = kernel;
  }

  /** A mapping has been made: every track begins it. */
  map(mapping: LiveMapping, attributes: Attributes, recorded: readonly Operation[]): void {
    const { device } = mapping;
    const judged = mapping.kind !== 'resource' && !(device.coherent && device.snoops);
    const lanes = new Array<Lane>(this.tracks.length);
    mapping.lanes = lanes;
    for (let i = 0; i < this.tracks.length; i++) {
      const track = this.tracks[i] as Track;
      const done = this.#mapped[i] as MapDone;
      asRecorded(done, mapping, judged, recorded);
      if (track.design === undefined) {
        if (done.bounced) track.cost.bouncedBytes += bouncedBytes(mapping.size, mapping.direction, false);
      } else this.#mapByDesign(done, track, ranBy(track.design, mapping), mapping, attributes);
      let lane: Lane | undefined;
      for (let j = 0; j < i && lane === undefined; j++)
        if (isSameMap(this.#mapped[j] as MapDone, done)) lane = lanes[j];
      lane ??= this.#beginLane(mapping, attributes, done);
      lanes[i] = lane;
      addCharge(track.cost, lane.charge);
    }
  }

  /** What the design does instead of what was recorded, which `done` says. */
  #mapByDesign(
    done: MapDone,
    track: Track,
    design: Design,
    mapping: LiveMapping,
    attributes: Attributes,
  ): void {
    const kernel = this.#kernel;
    const { device, size, line } = mapping;
    const recorded = done.operations;
    const hindrance = this.#hindrance(track, design, mapping);
    done.hindrance = hindrance;
    if (hindrance?.kind === 'refused') {
      // A buffer in a page that the design does not have.
      done.bounced = false;
      done.judged = false;
      done.operations = NO_OPERATIONS;
      return;
    }
    kernel.begin(mapping, false, track.tables);
    let { dma } = mapping;
    try {
      dma = design.map(kernel, device, mapping.phys, size, mapping.direction, attributes);
    } catch (error) {
      throwUnlessDead(error);
    }
    track.cost.bouncedBytes += kernel.copied;
    const { undecided, bounced, problems } = kernel;
    const operations = sharedWith(recorded, kernel.operations);
    if (mapping.uncertain === undefined && !undecided) track.conformance?.compare(line, operations, recorded);
    // A design without a bus offset gives the device another address than the recorded one, and so does a slot of its own.
    // What a design refuses to map, a device does not use.
    const elsewhere = dma !== mapping.dma && dma !== DMA_MAPPING_ERROR;
    if (elsewhere) {
      done.dma = dma;
      done.bus = kernel.dmaToBus(device, dma);
    }
    done.bounced = bounced;
    done.judged &&= !undecided && hindrance === undefined;
    done.misprogrammed = elsewhere && !bounced;
    done.operations = operations;
    done.problems = problems;
  }

  /** Why the design may not come to map this, which the recorded kernel did. */
  #hindrance(track: Track, design: Design, { mappingClass, phys, size }: LiveMapping): Hindrance | undefined {
    if (mappingClass !== 'foreign' || design.grantMapped === undefined) return undefined;
    return this.#grants.hindrance(track, phys, size);
  }

  #beginLane(mapping: LiveMapping, attributes: Attributes, done: MapDone): Lane {
    const { dma, bus, bounced, judged, misprogrammed, hindrance, operations, problems } = done;
    const { line, size } = mapping;
    const asRecorded = dma === mapping.dma && bounced === (mapping.mappingClass === 'bounced');
    const elsewhere = asRecorded ? undefined : { dma, bus, bounced };
    const lane = new Lane(this.#world, mapping, elsewhere, judged, hindrance);
    const to = offsetBy(bus, size);
    if (misprogrammed)
      lane.misplace(
        'wrong-frame',
        bus,
        to,
        `the device is given ${hex(dma)}, and the buffer is at machine address ${hex(mapping.bus)}`,
      );
    if (hindrance?.kind === 'refused')
      lane.misplace('fault', hindrance.from, hindrance.to, hindrance.because);
    reportOn(lane, bus, problems);
    lane.act('map', line, bus, to, attributes.skipCpuSync, operations);
    return lane;
  }

  /**
   * A later call on a live mapping, in every track.
   * @param compare false where the recorded operations may be incomplete.
   */
  part(mapping: LiveMapping, call: PartCall, recorded: readonly Operation[], compare: boolean): void {
    const { name, line, size, attributes } = call;
    const parted = this.#parted;
    let count = 0;
    for (let i = 0; i < mapping.lanes.length; i++) {
      const before = mapping.lanes[i] as Lane;
      const track = this.tracks[i] as Track;
      let operations = recorded;
      let problems = NO_PROBLEMS;
      if (track.design === undefined) {
        if (before.bounced && !(name === 'unmap' && attributes.skipCpuSync))
          track.cost.bouncedBytes += bouncedBytes(size, mapping.direction, name !== 'sync_for_device');
      } else if (before.hindrance?.kind === 'refused') operations = NO_OPERATIONS;
      else {
        const done = this.#run(track, ranBy(track.design, mapping), before, mapping, mapping.device, call);
        operations = sharedWith(recorded, done);
        problems = this.#kernel.problems;
        if (compare && !this.#kernel.undecided && mapping.uncertain === undefined)
          track.conformance?.compare(line, operations, recorded);
      }
      const known = findParted(parted, count, before, operations, problems);
      if (known !== undefined) {
        mapping.lanes[i] = known.after;
        continue;
      }
      const after = isTaken(parted, count, before) ? before.fork() : before;
      fill(parted, count++, before, after, operations, problems);
      mapping.lanes[i] = after;
    }
    for (let i = 0; i < count; i++) {
      const { after, operations, problems } = parted[i] as Parted;
      const from = offsetBy(after.bus, call.offset);
      reportOn(after, from, problems);
      after.act(name, line, from, offsetBy(from, size), attributes.skipCpuSync, operations);
    }
    for (let i = 0; i < mapping.lanes.length; i++)
      addCharge((this.tracks[i] as Track).cost, (mapping.lanes[i] as Lane).charge);
  }

  /**
   * The end of a mapping in every track.
   * @param lacking why the recorded operations may be incomplete: then nothing is said of the recording.
   */
  close(
    mapping: LiveMapping,
    line: number,
    attributes: Attributes,
    recorded: readonly Operation[],
    compare: boolean,
    lacking?: string,
  ): void {
    const { size, direction } = mapping;
    this.part(mapping, { name: 'unmap', line, offset: 0, size, direction, attributes }, recorded, compare);
    for (let i = 0; i < mapping.lanes.length; i++) {
      const track = this.tracks[i] as Track;
      if (lacking !== undefined && track.design === undefined && mapping.uncertain === undefined)
        track.cannotSay(mapping.line, mapping.device.name, lacking);
      else track.finish(mapping, mapping.lanes[i] as Lane);
    }
    // A mapping that a finding keeps needs none but the finding's own.
    mapping.lanes = NO_LANES;
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
        this.#charge(track, recorded);
        continue;
      }
      const part: PartCall = { name, line, offset: 0, size, direction, attributes };
      const operations = this.#run(track, track.design, { dma, bounced: false }, undefined, device, part);
      if (this.#kernel.undecided) continue;
      this.#charge(track, operations);
      track.conformance?.compare(line, operations, recorded);
    }
  }

  #charge({ cost }: Track, operations: readonly Operation[]): void {
    const { ground, lineSize } = this.#world;
    addCharge(cost, chargeOf(operations, ground.instructions, lineSize));
  }

  #run(
    track: Track,
    design: Design,
    lane: Pick<Lane, 'dma' | 'bounced'>,
    mapping: LiveMapping | undefined,
    device: ReplayDevice,
    call: PartCall,
  ): readonly Operation[] {
    const kernel = this.#kernel;
    kernel.begin(mapping, lane.bounced, track.tables);
    const dma = offsetBy(lane.dma, call.offset);
    const { size, direction } = call;
    try {
      if (call.name === 'unmap') design.unmap(kernel, device, dma, size, direction, call.attributes);
      else if (call.name === 'sync_for_cpu') design.syncForCpu(kernel, device, dma, size, direction);
      else design.syncForDevice(kernel, device, dma, size, direction);
    } catch (error) {
      throwUnlessDead(error);
    }
    track.cost.bouncedBytes += kernel.copied;
    return kernel.operations;
  }
}

/** A kernel’s code that dies in a call has reported it. No closure around the call: it is made for every event. */
function throwUnlessDead(error: unknown): void {
  if (!(error instanceof KernelDied)) throw error;
}

function reportOn(lane: Lane, at: MachineAddr, problems: readonly KernelProblem[]): void {
  for (const { rule, at: place, what } of problems) lane.misplace(rule, at, at, `${place}: ${what}`);
}

/** Behind an IOMMU dma-iommu runs in every release, and its maintenance is that of dma-direct. */
function ranBy(design: Design, mapping: LiveMapping): Design {
  return mapping.translated ? dmaDirect : design;
}

function asRecorded(
  done: MapDone,
  mapping: LiveMapping,
  judged: boolean,
  operations: readonly Operation[],
): void {
  done.dma = mapping.dma;
  done.bus = mapping.bus;
  done.bounced = mapping.mappingClass === 'bounced';
  done.judged = judged;
  done.misprogrammed = false;
  done.hindrance = undefined;
  done.operations = operations;
  done.problems = NO_PROBLEMS;
}

function fill(
  parted: Parted[],
  at: number,
  before: Lane,
  after: Lane,
  operations: readonly Operation[],
  problems: readonly KernelProblem[],
): void {
  const slot = parted[at];
  if (slot === undefined) {
    parted[at] = { before, after, operations, problems };
    return;
  }
  slot.before = before;
  slot.after = after;
  slot.operations = operations;
  slot.problems = problems;
}

/** Of those that are through, one that shared `before` and did the same. */
function findParted(
  parted: readonly Parted[],
  count: number,
  before: Lane,
  operations: readonly Operation[],
  problems: readonly KernelProblem[],
): Parted | undefined {
  for (let i = 0; i < count; i++) {
    const other = parted[i] as Parted;
    if (
      other.before === before &&
      other.problems === problems &&
      sameOperations(other.operations, operations)
    )
      return other;
  }
  return undefined;
}

/** The first of those who shared a lane keeps it; nothing is judged before all have parted. */
function isTaken(parted: readonly Parted[], count: number, lane: Lane): boolean {
  for (let i = 0; i < count; i++) if ((parted[i] as Parted).before === lane) return true;
  return false;
}

/** The recorded list itself where a design did the same: most do, and what is one list is compared once. */
function sharedWith(recorded: readonly Operation[], done: readonly Operation[]): readonly Operation[] {
  return sameOperations(done, recorded) ? recorded : done;
}

function isSameMap(a: MapDone, b: MapDone): boolean {
  return (
    a.dma === b.dma &&
    a.bus === b.bus &&
    a.bounced === b.bounced &&
    a.judged === b.judged &&
    a.misprogrammed === b.misprogrammed &&
    a.hindrance === b.hindrance &&
    a.problems === b.problems &&
    sameOperations(a.operations, b.operations)
  );
}
