/**
 * The Kernel that a design runs on in replay: it answers from the trace and the platform, and writes down what the
 * design does. It never sees a maintenance event: predictions are made from everything else.
 */
import {
  bfnToPfn,
  busToPhys,
  type DmaAddr,
  dmaToMachine,
  type MachineAddr,
  type Mfn,
  machineToDma,
  mfnOf,
  offsetBy,
  type Pfn,
  type PhysAddr,
  pfnOf,
  pfnToBfn,
  physAddr,
} from '../address/index.ts';
import { dmaToMachineThrough, machineToDmaThrough } from '../devicetree/index.ts';
import type { Alias, CacheFlush, Device, Direction, Kernel, KernelProblem, Tables } from '../linux/index.ts';
import { type MappingClass, NO_OPERATIONS, type Operation, withOperation } from './operation.ts';
import type { P2m } from './p2m.ts';
import type { Architecture, Platform, ReplayDevice } from './platform.ts';
import { countedTables } from './tables.ts';
import { bouncedBytes } from './track.ts';

/** The mapping that the next call is about, as the trace shows it. */
export interface Recorded {
  readonly dma: DmaAddr;
  readonly phys: PhysAddr;
  readonly bus: MachineAddr;
  readonly mappingClass: MappingClass;
  /** An IOMMU stands between the DMA address and the machine address. */
  readonly translated: boolean;
}

/** Synthetic slots begin here, far above any RAM: a what-if design bounced where the recorded kernel did not. */
export const SYNTHETIC_POOL = physAddr(2 ** 52);
const SLOT = 2048;
/** One object, so that tracks that did the same are told by it. */
export const NO_PROBLEMS: readonly KernelProblem[] = [];
/** Before the first call: nobody's, and never looked at. */
const NO_TABLES = countedTables({ indexInserts: 0, indexRemoves: 0, indexLookups: 0, indexPeak: 0 });

export class ReplayKernel implements Kernel {
  readonly architecture: Architecture;
  readonly longBits: 32 | 64;
  /** A 32-bit kernel that Xen runs has LPAE. */
  readonly physBits = 64;
  readonly hasCacheFlush: boolean;
  /** Reverted before any release: no trace is of a Xen that has it. */
  readonly hasGrantMapIdentity = false;
  readonly #platform: Platform;
  readonly #p2m: P2m;
  #recorded: Recorded | undefined;
  #tables: Tables;
  #operations: readonly Operation[] = NO_OPERATIONS;
  #inSlot = false;
  #nextSlot = 0;
  /** A question was asked that the trace does not answer. */
  #undecided = false;
  #copied = 0;
  #problems: readonly KernelProblem[] = NO_PROBLEMS;

  constructor(platform: Platform, p2m: P2m) {
    this.#platform = platform;
    this.#p2m = p2m;
    this.#tables = NO_TABLES;
    this.architecture = platform.architecture;
    this.longBits = platform.architecture === 'arm64' ? 64 : 32;
    this.hasCacheFlush = platform.hasCacheFlush;
  }

  /** Begin a call; `inSlot`: this design has bounced the mapping; `tables`: the design's own. */
  begin(recorded: Recorded | undefined, inSlot: boolean, tables: Tables): void {
    this.#recorded = recorded;
    this.#tables = tables;
    this.#inSlot = inSlot;
    this.#operations = NO_OPERATIONS;
    this.#undecided = false;
    this.#copied = 0;
    this.#problems = NO_PROBLEMS;
  }

  /** What the design did since begin(). */
  get operations(): readonly Operation[] {
    return this.#operations;
  }
  /** Bytes copied to or from slots since begin(). */
  get copied(): number {
    return this.#copied;
  }
  #add(operation: Operation): void {
    this.#operations = withOperation(this.#operations, operation);
  }

  /** Local or foreign could not be told: the design's operations mean nothing. */
  get undecided(): boolean {
    return this.#undecided;
  }
  /** True after swiotlbMap. */
  get bounced(): boolean {
    return this.#inSlot;
  }

  pfnValid(frame: Pfn): boolean {
    if (this.#inSlot || !this.#platform.ownRam) return this.#isLocalByTrace();
    return this.#platform.ownRam.pfnValid(frame);
  }

  isOwnFrame(frame: Mfn): boolean {
    if (this.#inSlot || !this.#platform.ownRam) return this.#isLocalByTrace();
    return this.#platform.ownRam.isRam(bfnToPfn(frame));
  }

  /** A slot is local, a synthetic one too. Without /proc/iomem: what the recorded addresses say of this mapping. */
  #isLocalByTrace(): boolean {
    if (this.#inSlot) return true;
    if (this.#recorded === undefined) this.#undecided = true;
    return this.#recorded?.mappingClass !== 'foreign';
  }

  /** Traces do not say which page a driver named. */
  namedFrame(frame: Pfn): Pfn {
    return frame;
  }

  pfnToBfn(frame: Pfn): Mfn {
    const recorded = this.#recorded;
    if (recorded?.mappingClass === 'foreign' && !this.#inSlot) {
      const pages = frame - pfnOf(recorded.phys);
      if (pages >= 0) return (mfnOf(recorded.bus) + pages) as Mfn;
    }
    return this.#p2m.get(frame) ?? pfnToBfn(frame);
  }

  busToDma(device: Device, bus: MachineAddr): DmaAddr {
    const translated = this.#translated();
    if (translated) return offsetBy(translated.dma, bus - translated.bus);
    return machineToDmaThrough((device as ReplayDevice).windows, bus) ?? machineToDma(bus);
  }

  dmaToBus(device: Device, dma: DmaAddr): MachineAddr {
    const translated = this.#translated();
    if (translated) return offsetBy(translated.bus, dma - translated.dma);
    return dmaToMachineThrough((device as ReplayDevice).windows, dma) ?? dmaToMachine(dma);
  }

  /** Behind an IOMMU dma-iommu maintains by the physical address, which it finds from the DMA address. */
  #translated(): Recorded | undefined {
    return this.#recorded?.translated ? this.#recorded : undefined;
  }

  /** What the recorded kernel bounced the device did not reach; a slot it does. */
  dmaCapable(): boolean {
    return this.#inSlot || this.#recorded?.mappingClass !== 'bounced';
  }
  /** Why the recorded kernel bounced does not matter: what it bounced every design is taken to bounce. */
  kmallocNeedsBounce(): boolean {
    return false;
  }
  swiotlbForced(): boolean {
    return false;
  }

  swiotlbMap(_device: Device, _phys: PhysAddr, size: number, direction: Direction): PhysAddr {
    this.#inSlot = true;
    this.#copied += bouncedBytes(size, direction, false);
    if (this.#recorded?.mappingClass === 'bounced') return busToPhys(this.#recorded.bus);
    const slot = offsetBy(SYNTHETIC_POOL, this.#nextSlot);
    this.#nextSlot += Math.ceil(size / SLOT) * SLOT;
    return slot;
  }

  inSwiotlb(): boolean {
    return this.#inSlot;
  }

  swiotlbUnmap(
    _device: Device,
    _slot: PhysAddr,
    size: number,
    direction: Direction,
    attributes: { readonly skipCpuSync: boolean },
  ): void {
    if (!attributes.skipCpuSync) this.#copied += bouncedBytes(size, direction, true);
  }

  swiotlbSyncForCpu(_device: Device, _slot: PhysAddr, size: number, direction: Direction): void {
    this.#copied += bouncedBytes(size, direction, true);
  }

  swiotlbSyncForDevice(_device: Device, _slot: PhysAddr, size: number, direction: Direction): void {
    this.#copied += bouncedBytes(size, direction, false);
  }

  archSyncForDevice(phys: PhysAddr, size: number, direction: Direction): void {
    this.#add({ kind: 'arch_sync_for_device', addr: phys, size, direction, line: 0, passed: 0 });
  }

  archSyncForCpu(phys: PhysAddr, size: number, direction: Direction): void {
    this.#add({ kind: 'arch_sync_for_cpu', addr: phys, size, direction, line: 0, passed: 0 });
  }

  /** Every operation that is recorded ends with its own barrier. */
  archSyncFlush(): void {}

  get tables(): Tables {
    return this.#tables;
  }
  /** A trace shows one order of calls: nobody waits. What a lock costs is not counted. */
  lock(): void {}
  unlock(): void {}
  /** arm and arm64 keep no such table. */
  machineToPfn(frame: Mfn): Pfn {
    return bfnToPfn(frame);
  }

  /** Both kinds of mapping lead through stage 2 at the alias's pseudo-physical address, as the native operations do. */
  syncAliasForDevice(alias: Alias, size: number, direction: Direction): void {
    this.archSyncForDevice(alias.phys, size, direction);
  }
  syncAliasForCpu(alias: Alias, size: number, direction: Direction): void {
    this.archSyncForCpu(alias.phys, size, direction);
  }
  /** No machine that a trace is of is known to have an outer cache: nothing to maintain. */
  outerSyncForDevice(): void {}
  outerSyncForCpu(): void {}

  /** What Xen answered is not in the trace. */
  cacheFlush({ devBusAddr, offset, length, op }: CacheFlush): number {
    this.#add({
      kind: 'cflush',
      addr: devBusAddr,
      offset,
      size: length,
      op,
      line: 0,
      passed: 0,
      failed: false,
    });
    return 0;
  }

  /** What the design's own code reports of itself since begin(). */
  get problems(): readonly KernelProblem[] {
    return this.#problems;
  }
  oops(problem: KernelProblem): void {
    this.#problems = [...this.#problems, problem];
  }
}
