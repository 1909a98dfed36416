/** For this room's tests: a Kernel that answers from a few facts and writes down what a design does, and loads for it. */
import {
  bfnToPfn,
  type DmaAddr,
  dmaToMachine,
  joinRanges,
  type MachineAddr,
  type Mfn,
  machineAddr,
  machineToDma,
  mfn,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  physAddr,
} from '../address/index.ts';
import {
  type Alias,
  type Architecture,
  type CacheFlush,
  type Design,
  type Device,
  DIRECTION_NAMES,
  Direction,
  type Kernel,
  type KernelProblem,
  NO_ATTRIBUTES,
  type Table,
  type Tables,
} from '../linux/index.ts';

/** One thing that a design asked the kernel to do, in order. */
export type Deed =
  | {
      readonly what: 'arch_sync_for_device' | 'arch_sync_for_cpu' | 'outerSyncForDevice' | 'outerSyncForCpu';
      readonly at: PhysAddr;
      readonly size: number;
      readonly direction: Direction;
    }
  | {
      readonly what: 'syncAliasForDevice' | 'syncAliasForCpu';
      readonly alias: Alias;
      readonly size: number;
      readonly direction: Direction;
    }
  | { readonly what: 'find'; readonly table: keyof Tables; readonly key: number }
  | {
      readonly what: 'insert' | 'remove';
      readonly table: keyof Tables;
      readonly key: number;
      readonly value: number | Alias;
    }
  | { readonly what: 'lock' | 'unlock'; readonly name: string }
  | ({ readonly what: 'cacheFlush' } & CacheFlush)
  | {
      readonly what: 'swiotlbMap' | 'swiotlbUnmap' | 'swiotlbSyncForCpu' | 'swiotlbSyncForDevice';
      readonly at: PhysAddr;
    };

/** What the kernel of a test is like. */
export interface Facts {
  readonly architecture?: Architecture;
  readonly longBits?: 32 | 64;
  readonly hasCacheFlush?: boolean;
  readonly hasGrantMapIdentity?: boolean;
  /** dom0's own RAM: machine addresses [from, to), mapped 1:1. Default 3 to 4 GiB. */
  readonly ram?: readonly [from: number, to: number];
  /** More frames with struct pages: [from, to) in bytes. */
  readonly pfnValidToo?: readonly [from: number, to: number];
  /** Machine page of each foreign pseudo-physical page, by page number. */
  readonly p2m?: ReadonlyMap<number, number>;
  /** DMA address minus machine address. */
  readonly busOffset?: number;
  /** Last DMA address that the device reaches. */
  readonly mask?: number;
  /** Where the pool lies; none: it is full. */
  readonly slot?: number;
  readonly forced?: boolean;
}

const MAINTENANCE = /^(arch_sync|syncAlias|outerSync|cacheFlush)/;

export class FakeKernel implements Kernel {
  readonly architecture: Architecture;
  readonly longBits: 32 | 64;
  readonly physBits = 64;
  readonly hasCacheFlush: boolean;
  readonly hasGrantMapIdentity: boolean;
  readonly tables: Tables = {
    machineToPhys: this.#table<Mfn, Pfn>('machineToPhys'),
    aliasOfMapping: this.#table<DmaAddr, Alias>('aliasOfMapping'),
    pagesOfFrame: this.#table<Mfn, Pfn>('pagesOfFrame'),
  };
  readonly deeds: Deed[] = [];
  readonly #facts: Facts;

  constructor(facts: Facts = {}) {
    this.#facts = facts;
    this.architecture = facts.architecture ?? 'arm64';
    this.longBits = facts.longBits ?? 64;
    this.hasCacheFlush = facts.hasCacheFlush ?? true;
    this.hasGrantMapIdentity = facts.hasGrantMapIdentity ?? false;
  }

  /** The deeds that are maintenance. */
  get maintenance(): Deed[] {
    return this.deeds.filter(({ what }) => MAINTENANCE.test(what));
  }

  #table<Key extends number, Value extends number | Alias>(table: keyof Tables): Table<Key, Value> {
    const entries: { readonly key: Key; readonly value: Value }[] = [];
    return {
      find: (key) => {
        this.deeds.push({ what: 'find', table, key });
        return entries.filter((entry) => entry.key === key).map(({ value }) => value);
      },
      insert: (key, value) => {
        this.deeds.push({ what: 'insert', table, key, value });
        entries.push({ key, value });
      },
      remove: (key, value) => {
        this.deeds.push({ what: 'remove', table, key, value });
        const same = JSON.stringify(value);
        const at = entries.findIndex((entry) => entry.key === key && JSON.stringify(entry.value) === same);
        if (at >= 0) entries.splice(at, 1);
      },
    };
  }

  pfnValid(frame: Pfn): boolean {
    const [from, to] = this.#facts.pfnValidToo ?? [0, 0];
    const at = frame * PAGE_SIZE;
    return this.#isRam(at) || (at >= from && at < to);
  }
  isOwnFrame(frame: Mfn): boolean {
    return this.#isRam(frame * PAGE_SIZE);
  }
  #isRam(at: number): boolean {
    const [from, to] = this.#facts.ram ?? [3 * 2 ** 30, 4 * 2 ** 30];
    return at >= from && at < to;
  }
  namedFrame(frame: Pfn): Pfn {
    return frame;
  }
  pfnToBfn(frame: Pfn): Mfn {
    return mfn(this.#facts.p2m?.get(frame) ?? frame);
  }
  busToDma(_device: Device, bus: Parameters<Kernel['busToDma']>[1]): DmaAddr {
    return offsetBy(machineToDma(bus), this.#facts.busOffset ?? 0);
  }
  dmaToBus(_device: Device, dma: DmaAddr): ReturnType<Kernel['dmaToBus']> {
    return offsetBy(dmaToMachine(dma), -(this.#facts.busOffset ?? 0));
  }
  dmaCapable(_device: Device, dma: DmaAddr, size: number): boolean {
    return dma + size - 1 <= (this.#facts.mask ?? Number.MAX_SAFE_INTEGER);
  }
  kmallocNeedsBounce(): boolean {
    return false;
  }
  swiotlbForced(): boolean {
    return this.#facts.forced ?? false;
  }
  swiotlbMap(_device: Device, phys: PhysAddr): PhysAddr {
    this.deeds.push({ what: 'swiotlbMap', at: phys });
    return this.#facts.slot === undefined ? NO_SLOT : physAddr(this.#facts.slot);
  }
  inSwiotlb(_device: Device, phys: PhysAddr): boolean {
    const { slot } = this.#facts;
    return slot !== undefined && phys >= slot && phys < slot + 2 ** 18;
  }
  swiotlbUnmap(_device: Device, at: PhysAddr): void {
    this.deeds.push({ what: 'swiotlbUnmap', at });
  }
  swiotlbSyncForCpu(_device: Device, at: PhysAddr): void {
    this.deeds.push({ what: 'swiotlbSyncForCpu', at });
  }
  swiotlbSyncForDevice(_device: Device, at: PhysAddr): void {
    this.deeds.push({ what: 'swiotlbSyncForDevice', at });
  }
  archSyncForDevice(at: PhysAddr, size: number, direction: Direction): void {
    this.deeds.push({ what: 'arch_sync_for_device', at, size, direction });
  }
  archSyncForCpu(at: PhysAddr, size: number, direction: Direction): void {
    this.deeds.push({ what: 'arch_sync_for_cpu', at, size, direction });
  }
  /** The table of x86: the reverse of the p2m, and the identity for all other frames. */
  machineToPfn(frame: Mfn): Pfn {
    for (const [page, behind] of this.#facts.p2m ?? []) if (behind === frame) return page as Pfn;
    return bfnToPfn(frame);
  }
  lock(name: string): void {
    this.deeds.push({ what: 'lock', name });
  }
  unlock(name: string): void {
    this.deeds.push({ what: 'unlock', name });
  }
  syncAliasForDevice(alias: Alias, size: number, direction: Direction): void {
    this.deeds.push({ what: 'syncAliasForDevice', alias, size, direction });
  }
  syncAliasForCpu(alias: Alias, size: number, direction: Direction): void {
    this.deeds.push({ what: 'syncAliasForCpu', alias, size, direction });
  }
  outerSyncForDevice(at: PhysAddr, size: number, direction: Direction): void {
    this.deeds.push({ what: 'outerSyncForDevice', at, size, direction });
  }
  outerSyncForCpu(at: PhysAddr, size: number, direction: Direction): void {
    this.deeds.push({ what: 'outerSyncForCpu', at, size, direction });
  }
  archSyncFlush(): void {}
  cacheFlush(flush: CacheFlush): number {
    this.deeds.push({ what: 'cacheFlush', ...flush });
    return 0;
  }
  oops({ at, what }: KernelProblem): void {
    throw new Error(`${at}: ${what}`);
  }
}

const hexOf = (value: number) => `0x${value.toString(16)}`;
const range = (at: number, size: number) => `${hexOf(at)}+${hexOf(size)}`;
const aliasText = (value: number | Alias) =>
  typeof value === 'number' ? hexOf(value) : `${value.mapping} ${hexOf(value.phys)}`;

/** One line of text for each deed. */
export function told(deeds: readonly Deed[]): string[] {
  return deeds.map((deed) => {
    switch (deed.what) {
      case 'cacheFlush': {
        const op = deed.op === 1 ? 'CLEAN' : 'INVAL';
        return `cacheFlush ${op} ${hexOf(deed.devBusAddr)} off ${hexOf(deed.offset)} len ${hexOf(deed.length)}`;
      }
      case 'syncAliasForDevice':
      case 'syncAliasForCpu':
        return `${deed.what} ${deed.alias.mapping} ${range(deed.alias.phys, deed.size)} ${DIRECTION_NAMES[deed.direction]}`;
      case 'find':
        return `find ${deed.table} ${hexOf(deed.key)}`;
      case 'insert':
      case 'remove':
        return `${deed.what} ${deed.table} ${hexOf(deed.key)} ${aliasText(deed.value)}`;
      case 'lock':
      case 'unlock':
        return `${deed.what} ${deed.name}`;
      case 'swiotlbMap':
      case 'swiotlbUnmap':
      case 'swiotlbSyncForCpu':
      case 'swiotlbSyncForDevice':
        return `${deed.what} ${hexOf(deed.at)}`;
      default:
        return `${deed.what} ${range(deed.at, deed.size)} ${DIRECTION_NAMES[deed.direction]}`;
    }
  });
}

/** The same without the lock of a table, which every look-up takes. */
export function toldUnlocked(deeds: readonly Deed[]): string[] {
  return told(deeds.filter(({ what }) => what !== 'lock' && what !== 'unlock'));
}

export const DEVICE: Device = { name: 'nvme', coherent: false };
export const COHERENT: Device = { name: 'nvme', coherent: true };
export const SKIP = { ...NO_ATTRIBUTES, skipCpuSync: true };

export const OFFSETS = Array.from({ length: 64 }, (_, i) => i * 64);
export const SIZES = [1, 63, 64, 512, 2048, 4095, 4096, 4097, 6000, 8192, 12_288, 16_384];
export const DIRECTIONS = Object.values(Direction);

/** A local page; five foreign pages in a row, and machine pages for them below and above 4 GiB. */
export const LOCAL_PAGE = 0xc1000;
export const FOREIGN_PFN = 0x4dc15;
export const FRAMES = { below: 0x3fadf, above: 0x13fadf };
export const p2mTo = (frame: number): ReadonlyMap<number, number> =>
  new Map([0, 1, 2, 3, 4].map((i) => [FOREIGN_PFN + i, frame + i]));

/** A buffer at a pseudo-physical address, with the machine address behind it. */
export interface Shape {
  readonly phys: PhysAddr;
  readonly bus: number;
  readonly size: number;
  readonly direction: Direction;
}
export const localShape = (offset: number, size: number, direction: Direction): Shape => ({
  phys: physAddr(LOCAL_PAGE * PAGE_SIZE + offset),
  bus: LOCAL_PAGE * PAGE_SIZE + offset,
  size,
  direction,
});
export const foreignShape = (frame: number, offset: number, size: number, direction: Direction): Shape => ({
  phys: physAddr(FOREIGN_PFN * PAGE_SIZE + offset),
  bus: frame * PAGE_SIZE + offset,
  size,
  direction,
});
export function* foreignShapes(frame: number): Generator<Shape> {
  for (const offset of OFFSETS)
    for (const size of SIZES)
      for (const direction of DIRECTIONS) yield foreignShape(frame, offset, size, direction);
}

/** Map the buffer on a new kernel. */
export function mapped(design: Design, facts: Facts, shape: Shape, attributes = NO_ATTRIBUTES) {
  const kernel = new FakeKernel(facts);
  const { phys, size, direction } = shape;
  const dma = design.map(kernel, DEVICE, phys, size, direction, attributes);
  return { dma, deeds: kernel.deeds };
}
/** Unmap it on a new kernel, which knows nothing of the map. */
export function unmapped(design: Design, facts: Facts, dma: DmaAddr, { size, direction }: Shape) {
  const kernel = new FakeKernel(facts);
  design.unmap(kernel, DEVICE, dma, size, direction, NO_ATTRIBUTES);
  return kernel.deeds;
}

/** Tell the design of the foreign pages of `facts`, in order. @returns its answers. */
export function grant(design: Design, kernel: FakeKernel, pages: ReadonlyMap<number, number>): boolean[] {
  return [...pages].map(([page, frame]) => design.grantMapped?.(kernel, page as Pfn, mfn(frame)) ?? true);
}

/** Bytes that hypercalls with `op` reach: Xen drops the low bits of the bus address. */
export function flushed(deeds: readonly Deed[], op: number): (readonly [number, number])[] {
  return joinRanges<MachineAddr>(
    deeds.flatMap((deed) => {
      if (deed.what !== 'cacheFlush' || deed.op !== op) return [];
      const from = deed.devBusAddr - (deed.devBusAddr % PAGE_SIZE) + deed.offset;
      return [[machineAddr(from), machineAddr(from + deed.length)] as const];
    }),
  );
}
