/** A Kernel for this room's tests: it answers from a few facts and writes down what a design does. */
import {
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
import type { CacheFlush, Device, Direction, Kernel } from '../linux/index.ts';

/** One thing that a design asked the kernel to do, in order. */
export type Deed =
  | {
      readonly what: 'arch_sync_for_device' | 'arch_sync_for_cpu';
      readonly at: PhysAddr;
      readonly size: number;
      readonly direction: Direction;
    }
  | ({ readonly what: 'cacheFlush' } & CacheFlush)
  | {
      readonly what: 'swiotlbMap' | 'swiotlbUnmap' | 'swiotlbSyncForCpu' | 'swiotlbSyncForDevice';
      readonly at: PhysAddr;
    };

/** What the kernel of a test is like. */
export interface Facts {
  readonly longBits?: 32 | 64;
  readonly hasCacheFlush?: boolean;
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

export class FakeKernel implements Kernel {
  readonly longBits: 32 | 64;
  readonly hasCacheFlush: boolean;
  readonly deeds: Deed[] = [];
  readonly #facts: Facts;

  constructor(facts: Facts = {}) {
    this.#facts = facts;
    this.longBits = facts.longBits ?? 64;
    this.hasCacheFlush = facts.hasCacheFlush ?? true;
  }

  /** The deeds that are maintenance. */
  get maintenance(): Deed[] {
    return this.deeds.filter(({ what }) => !what.startsWith('swiotlb'));
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
  cacheFlush(flush: CacheFlush): void {
    this.deeds.push({ what: 'cacheFlush', ...flush });
  }
}
