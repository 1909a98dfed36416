/** A Kernel for this room's tests: it answers from a few facts and writes down what a design does. */
import {
  bfnToPfn,
  type DmaAddr,
  dmaToMachine,
  type Mfn,
  machineToDma,
  mfn,
  NO_SLOT,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  physAddr,
} from '../address/index.ts';
import type {
  Alias,
  Architecture,
  CacheFlush,
  Device,
  Direction,
  Kernel,
  Table,
  Tables,
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
  machineToPfn(frame: Mfn): Pfn {
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
  cacheFlush(flush: CacheFlush): void {
    this.deeds.push({ what: 'cacheFlush', ...flush });
  }
}
