/**
 * A design and a kernel's source side by side: the same calls on kernels that answer alike, and everything that they do written
 * down, in order. Used by tests, by the script for millions of calls and by the bench.
 */
import {
  bfnToPfn,
  DMA_MAPPING_ERROR,
  type DmaAddr,
  hex,
  type MachineAddr,
  type Mfn,
  mfnOf,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physAddrOf,
} from '../../address/index.ts';
import type {
  Attributes,
  CacheFlush,
  Design,
  Device,
  Direction,
  Kernel,
  KernelProblem,
  Tables,
} from '../../linux/index.ts';

/** What a kernel is asked to answer from. All addresses are bytes. */
export interface World {
  readonly architecture: 'arm64' | 'arm';
  /** arm without LPAE has 32: no address is larger then. */
  readonly physBits: 32 | 64;
  readonly hasCacheFlush: boolean;
  /** dom0's own RAM, [from, to): mapped 1:1. */
  readonly ram: readonly [PhysAddr, PhysAddr];
  /** The first page of a run of foreign pages, how many, and the machine frame behind each. */
  readonly foreign: { readonly at: PhysAddr; readonly frames: readonly Mfn[] } | undefined;
  /** A foreign machine range that has struct pages all the same, [from, to). */
  readonly validToo: readonly [MachineAddr, MachineAddr] | undefined;
  /** DMA address minus machine address. */
  readonly busOffset: number;
  /** Last DMA address that the device reaches. */
  readonly mask: DmaAddr;
  /** Where the next bounce slot is; NO_SLOT: the pool is full. */
  readonly slot: PhysAddr;
  readonly forced: boolean;
  readonly kmallocBounces: boolean;
}

const Deed = {
  swiotlbMap: 1,
  swiotlbUnmap: 2,
  swiotlbForCpu: 3,
  swiotlbForDevice: 4,
  forDevice: 5,
  forCpu: 6,
  flush: 7,
} as const;
const WORDS = [
  '',
  'swiotlb map',
  'swiotlb unmap',
  'swiotlb sync for cpu',
  'swiotlb sync for device',
  'arch_sync_for_device',
  'arch_sync_for_cpu',
  'cflush',
] as const;
/** Bytes of the pool beside the slot. */
const POOL = 2 ** 18;

/** Writes numbers: millions of calls are compared. */
export class TapeKernel implements Kernel {
  readonly world: World;
  /** What it was asked to do since rewind(): a code and up to four numbers each. */
  readonly tape: number[] = [];
  readonly hasGrantMapIdentity = false;

  constructor(world: World) {
    this.world = world;
  }

  get architecture(): 'arm64' | 'arm' {
    return this.world.architecture;
  }
  get longBits(): 32 | 64 {
    return this.world.architecture === 'arm' ? 32 : 64;
  }
  get physBits(): 32 | 64 {
    return this.world.physBits;
  }
  get hasCacheFlush(): boolean {
    return this.world.hasCacheFlush;
  }

  rewind(): void {
    this.tape.length = 0;
  }

  pfnValid(frame: Pfn): boolean {
    const at = physAddrOf(frame);
    const { ram, validToo } = this.world;
    return (at >= ram[0] && at < ram[1]) || (validToo !== undefined && at >= validToo[0] && at < validToo[1]);
  }
  isOwnFrame(frame: Mfn): boolean {
    const [from, to] = this.world.ram;
    const at = physAddrOf(bfnToPfn(frame));
    return at >= from && at < to;
  }
  pfnToBfn(frame: Pfn): Mfn {
    const { foreign } = this.world;
    // An index below 0 was measured to cost as much as the rest of a call.
    const page = foreign === undefined ? -1 : frame - pfnOf(foreign.at);
    const behind = page < 0 ? undefined : foreign?.frames[page];
    return behind ?? mfnOf(machineOf(physAddrOf(frame)));
  }
  /** There are no compound pages here; no source asks. */
  namedFrame(frame: Pfn): Pfn {
    return frame;
  }
  busToDma(_device: Device, bus: MachineAddr): DmaAddr {
    return offsetBy(bus as number as DmaAddr, this.world.busOffset);
  }
  dmaToBus(_device: Device, dma: DmaAddr): MachineAddr {
    return offsetBy(dma as number as MachineAddr, -this.world.busOffset);
  }
  dmaCapable(_device: Device, dma: DmaAddr, size: number): boolean {
    return dma + size - 1 <= this.world.mask;
  }
  kmallocNeedsBounce(): boolean {
    return this.world.kmallocBounces;
  }
  swiotlbForced(): boolean {
    return this.world.forced;
  }
  swiotlbMap(
    _device: Device,
    phys: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): PhysAddr {
    this.#note(Deed.swiotlbMap, phys, size, direction, attributes.skipCpuSync ? 1 : 0);
    const { slot } = this.world;
    return slot === NO_SLOT ? NO_SLOT : offsetBy(slot, pageOffset(phys));
  }
  inSwiotlb(_device: Device, phys: PhysAddr): boolean {
    const { slot } = this.world;
    return slot !== NO_SLOT && phys >= slot && phys < slot + POOL;
  }
  swiotlbUnmap(
    _device: Device,
    slot: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void {
    this.#note(Deed.swiotlbUnmap, slot, size, direction, attributes.skipCpuSync ? 1 : 0);
  }
  swiotlbSyncForCpu(_device: Device, slot: PhysAddr, size: number, direction: Direction): void {
    this.#note(Deed.swiotlbForCpu, slot, size, direction, 0);
  }
  swiotlbSyncForDevice(_device: Device, slot: PhysAddr, size: number, direction: Direction): void {
    this.#note(Deed.swiotlbForDevice, slot, size, direction, 0);
  }
  archSyncForDevice(phys: PhysAddr, size: number, direction: Direction): void {
    this.#note(Deed.forDevice, phys, size, direction, 0);
  }
  archSyncForCpu(phys: PhysAddr, size: number, direction: Direction): void {
    this.#note(Deed.forCpu, phys, size, direction, 0);
  }
  /** A matter of the release and not of the sequence: the design leaves it to the DMA API. */
  archSyncFlush(): void {}
  cacheFlush({ devBusAddr, offset, length, op }: CacheFlush): number {
    this.#note(Deed.flush, devBusAddr, offset, length, op);
    return 0;
  }
  #note(what: number, a: number, b: number, c: number, d: number): void {
    this.tape.push(what, a, b, c, d);
  }

  machineToPfn(frame: Mfn): Pfn {
    return bfnToPfn(frame);
  }
  get tables(): Tables {
    throw new Error('no release since 5.4 keeps a table');
  }
  lock(): void {}
  unlock(): void {}
  syncAliasForDevice(): void {}
  syncAliasForCpu(): void {}
  outerSyncForDevice(): void {}
  outerSyncForCpu(): void {}
  oops({ at, what }: KernelProblem): void {
    throw new Error(`${at}: ${what}`);
  }

  /** For people. */
  told(): string[] {
    const lines: string[] = [];
    for (let i = 0; i < this.tape.length; i += 5) {
      const [what = 0, a = 0, b = 0, c = 0, d = 0] = this.tape.slice(i, i + 5);
      lines.push(`${WORDS[what]} ${hex(a as DmaAddr)} ${b} ${c} ${d}`);
    }
    return lines;
  }
}

/** Own pages are mapped 1:1. */
function machineOf(phys: PhysAddr): MachineAddr {
  return phys as number as MachineAddr;
}

/** One mapping from its beginning to its end. */
export interface Load {
  readonly device: Device;
  readonly phys: PhysAddr;
  /** Bytes. */
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: Attributes;
}

/** Runs loads on both, and says where they part. */
export class SideBySide {
  readonly #ours: Design;
  readonly #theirs: Design;
  readonly #a: TapeKernel;
  readonly #b: TapeKernel;
  /** Calls made on each. */
  calls = 0;

  constructor(ours: Design, theirs: Design, world: World) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#a = new TapeKernel(world);
    this.#b = new TapeKernel(world);
  }

  /** Map, sync both ways, unmap. @returns how they differ; undefined: they do not. */
  run({ device, phys, size, direction, attributes }: Load): string | undefined {
    const [a, b] = [this.#a, this.#b];
    a.rewind();
    b.rewind();
    this.calls++;
    const dma = this.#ours.map(a, device, phys, size, direction, attributes);
    const other = this.#theirs.map(b, device, phys, size, direction, attributes);
    if (dma !== other) return `the device is given ${hex(dma)} and ${hex(other)}`;
    if (dma === DMA_MAPPING_ERROR) return this.#difference();
    this.calls += 3;
    this.#ours.syncForCpu(a, device, dma, size, direction);
    this.#theirs.syncForCpu(b, device, dma, size, direction);
    this.#ours.syncForDevice(a, device, dma, size, direction);
    this.#theirs.syncForDevice(b, device, dma, size, direction);
    this.#ours.unmap(a, device, dma, size, direction, attributes);
    this.#theirs.unmap(b, device, dma, size, direction, attributes);
    return this.#difference();
  }

  /** The same on the first alone, for the time that it takes. */
  alone({ device, phys, size, direction, attributes }: Load): void {
    const kernel = this.#a;
    kernel.rewind();
    this.calls += 4;
    const dma = this.#ours.map(kernel, device, phys, size, direction, attributes);
    this.#ours.syncForCpu(kernel, device, dma, size, direction);
    this.#ours.syncForDevice(kernel, device, dma, size, direction);
    this.#ours.unmap(kernel, device, dma, size, direction, attributes);
  }

  #difference(): string | undefined {
    const [a, b] = [this.#a.tape, this.#b.tape];
    let same = a.length === b.length;
    for (let i = 0; same && i < a.length; i++) same = a[i] === b[i];
    return same ? undefined : `${this.#a.told().join('; ')} and ${this.#b.told().join('; ')}`;
  }
}

/** Bytes of the machine that a buffer of that many pages takes, from a page on. */
export function framesFrom(at: MachineAddr, pages: number): Mfn[] {
  return Array.from({ length: pages }, (_, i) => mfnOf(offsetBy(at, i * PAGE_SIZE)));
}
