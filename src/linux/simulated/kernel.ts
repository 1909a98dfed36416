/**
 * A Linux that designs run on in `check`: its memory, tables and bounce buffers live here, its accesses go to the machine.
 *
 * Everything that others can see happens in atomic actions of the scheduler; between two of them nothing is kept but the
 * call's own locals.
 */
import {
  bfnToPfn,
  DMA_MAPPING_ERROR,
  type DmaAddr,
  hex,
  INVALID_P2M_ENTRY,
  lowBits,
  type MachineAddr,
  type Mfn,
  machineAddrOf,
  mfnOf,
  type Pfn,
  type PhysAddr,
  pfnOf,
  physAddrOf,
  physToBus,
} from '../../address/index.ts';
import { type Attributes, type Device, Direction } from '../dma.ts';
import type { Alias, Architecture, CacheFlush, Kernel, KernelProblem, Tables } from '../kernel.ts';
import { isCapable, toBus, toDma } from './device.ts';
import { kmallocNeedsBounce } from './kmalloc-bounce.ts';
import { type NativeOperation, nativeOperation } from './native-maintenance.ts';
import { maintainOuter } from './outer-cache.ts';
import type { Quirk } from './quirks.ts';
import { SharedState } from './shared-state.ts';
import { rangeText } from './text.ts';
import type { World } from './world.ts';

/** No page of the domain. */
const NO_PFN = -1 as Pfn;

export class SimulatedKernel implements Kernel {
  readonly architecture: Architecture;
  readonly longBits: 32 | 64;
  readonly physBits: 32 | 64;
  readonly hasCacheFlush: boolean;
  readonly hasGrantMapIdentity: boolean;
  readonly tables: Tables;
  readonly world: World;
  readonly cpu: number;
  readonly #state: SharedState;

  /** A Linux that has just booted, as its CPU 0 runs it. */
  constructor(world: World, cpu = 0, state: SharedState = new SharedState(world)) {
    const { architecture } = world.platform;
    this.architecture = architecture;
    this.longBits = architecture === 'arm' ? 32 : 64;
    this.physBits = state.physBits;
    this.hasCacheFlush = state.hasCacheFlush;
    this.hasGrantMapIdentity = state.hasGrantMapIdentity;
    this.tables = state.tables;
    this.world = world;
    this.cpu = cpu;
    this.#state = state;
  }

  /** The same Linux as another of its CPUs runs it. */
  onCpu(cpu: number): SimulatedKernel {
    return cpu === this.cpu ? this : new SimulatedKernel(this.world, cpu, this.#state);
  }

  pfnValid(frame: Pfn): boolean {
    return this.#state.pages.isValid(frame);
  }

  isOwnFrame(frame: Mfn): boolean {
    return this.#state.pages.isRam(this.machineToPfn(frame));
  }

  pfnToBfn(frame: Pfn): Mfn {
    const bits = this.#state.quirks.has('machine-address-cut') ? this.#state.physBits : 64;
    return mfnOf(lowBits(machineAddrOf(this.#frameBehind(frame)), bits));
  }

  namedFrame(frame: Pfn): Pfn {
    if (!this.#state.quirks.has('compound-tail-taken-for-foreign')) return frame;
    const at = physAddrOf(frame);
    const { compoundPages = [] } = this.world.platform;
    const compound = compoundPages.find(([from, to]) => from <= at && at < to);
    return compound ? pfnOf(compound[0]) : frame;
  }

  /** A foreign page's frame from the p2m; any other page is mapped 1:1 (Arm), or as the domain's page tables have it. */
  #frameBehind(frame: Pfn): Mfn {
    const foreign = this.#state.foreignP2m.find(frame);
    if (foreign !== undefined) return foreign;
    const { platform, stage2, scheduler } = this.world;
    if (platform.architecture !== 'x86') return frame as number as Mfn;
    return scheduler.atomic('look up p2m', () => stage2.translate(frame)?.frame ?? INVALID_P2M_ENTRY);
  }

  machineToPfn(frame: Mfn): Pfn {
    const { platform, stage2, scheduler } = this.world;
    if (platform.architecture !== 'x86') return bfnToPfn(frame);
    return scheduler.atomic('look up m2p', () => stage2.pfnOf?.(frame) ?? NO_PFN);
  }

  busToDma(device: Device, bus: MachineAddr, bits: 32 | 64 = this.#state.physBits): DmaAddr {
    return toDma(device, bus, bits);
  }
  dmaToBus(device: Device, dma: DmaAddr, bits: 32 | 64 = this.#state.physBits): MachineAddr {
    return toBus(device, dma, bits);
  }
  dmaCapable(device: Device, dma: DmaAddr, size: number): boolean {
    return isCapable(device, dma, size);
  }

  kmallocNeedsBounce(device: Device, size: number, direction: Direction): boolean {
    return kmallocNeedsBounce(this.world.platform, device, size, direction);
  }
  swiotlbForced(device: Device): boolean {
    return this.#state.swiotlb.isForced(device);
  }
  swiotlbMap(device: Device, phys: PhysAddr, size: number, direction: Direction): PhysAddr {
    return this.#state.swiotlb.map(this.cpu, device, phys, size, direction);
  }
  inSwiotlb(_device: Device, phys: PhysAddr): boolean {
    return this.#state.swiotlb.has(phys);
  }
  swiotlbUnmap(
    _device: Device,
    slot: PhysAddr,
    size: number,
    direction: Direction,
    attributes: Attributes,
  ): void {
    // The copy back must not start before the maintenance that was only issued so far (7.1 and later).
    if (!attributes.skipCpuSync) this.archSyncFlush();
    this.#state.swiotlb.unmap(this.cpu, slot, size, direction, attributes);
  }
  swiotlbSyncForCpu(_device: Device, slot: PhysAddr, size: number, direction: Direction): void {
    this.archSyncFlush();
    this.#state.swiotlb.sync(this.cpu, slot, size, direction, 'cpu');
  }
  swiotlbSyncForDevice(_device: Device, slot: PhysAddr, size: number, direction: Direction): void {
    this.#state.swiotlb.sync(this.cpu, slot, size, direction, 'device');
  }

  archSyncForDevice(phys: PhysAddr, size: number, direction: Direction): void {
    this.world.synced?.({ towards: 'device', phys, size, direction });
    if (this.#state.nativeOpsLost) return;
    this.syncAliasForDevice({ mapping: 'linear', phys }, size, direction);
    this.outerSyncForDevice(phys, size, direction);
  }
  /** Outer cache first: a line filled from it into the inner one before it is invalidated would be stale. */
  archSyncForCpu(phys: PhysAddr, size: number, direction: Direction): void {
    this.world.synced?.({ towards: 'cpu', phys, size, direction });
    if (this.#state.nativeOpsLost) return;
    this.outerSyncForCpu(phys, size, direction);
    this.syncAliasForCpu({ mapping: 'linear', phys }, size, direction);
  }

  /** arch_sync_dma_flush(): what was issued is complete. Nothing where every operation ends with its own barrier. */
  archSyncFlush(): void {
    if (!this.#state.batchesBarriers || this.#state.quirks.has('dsb-missing')) return;
    this.world.scheduler.atomic('DSB', () => this.world.machine.barrier(this.cpu));
  }

  lock(name: string): void {
    if (!this.#state.locksLeftOut) this.#state.locks.lock(name);
  }
  unlock(name: string): void {
    if (!this.#state.locksLeftOut) this.#state.locks.unlock(name);
  }

  syncAliasForDevice(alias: Alias, size: number, direction: Direction): void {
    // What a receive buffer holds before the device writes it is of no use to anybody.
    const useless = direction === Direction.fromDevice;
    this.#maintain(nativeOperation(this.#state.native, 'device', direction), alias, size, useless);
  }
  syncAliasForCpu(alias: Alias, size: number, direction: Direction): void {
    this.#maintain(nativeOperation(this.#state.native, 'cpu', direction), alias, size, false);
  }
  outerSyncForDevice(at: PhysAddr, size: number, direction: Direction): void {
    this.#maintainOuter(nativeOperation(this.#state.native, 'device', direction), at, size);
  }
  outerSyncForCpu(at: PhysAddr, size: number, direction: Direction): void {
    this.#maintainOuter(nativeOperation(this.#state.native, 'cpu', direction), at, size);
  }

  cacheFlush(flush: CacheFlush): number {
    const { hypervisor } = this.world;
    if (hypervisor === undefined) throw new Error('GNTTABOP_cache_flush without a hypervisor');
    return hypervisor.cacheFlush(flush);
  }

  oops({ rule, at, what }: KernelProblem): void {
    this.world.scheduler.atomic(`${what} at ${at}`, () => this.world.fault({ rule, what: `${at}: ${what}` }));
  }

  /** set_phys_to_machine() of a foreign page. False: there is an entry already, or no memory for one. */
  setForeignFrame(frame: Pfn, machine: Mfn): boolean {
    const inserted = this.#state.foreignP2m.insert(frame, machine);
    return inserted || this.#state.quirks.has('p2m-insert-failure-ignored');
  }
  /** The same with INVALID_P2M_ENTRY. */
  clearForeignFrame(frame: Pfn): void {
    this.#state.foreignP2m.remove(frame);
  }

  /** A driver or anybody else in this kernel reads (judged), through a cacheable mapping or a Normal-NC one. */
  cpuRead(phys: PhysAddr, size: number, cacheable = true): void {
    this.access('read', phys, size, (from, to) =>
      this.world.machine.cpuRead({ cpu: this.cpu, cacheable }, from, to),
    );
  }
  /** Stores new values. */
  cpuWrite(phys: PhysAddr, size: number, cacheable = true): void {
    this.access('write', phys, size, (from, to) =>
      this.world.machine.cpuWrite({ cpu: this.cpu, cacheable }, from, to),
    );
  }
  /**
   * One access of a CPU to `size` bytes, whole: what is done with each piece of the machine's memory behind them.
   * @param action told which bytes of the machine, and how many of the access's lie before them.
   */
  access(
    what: 'read' | 'write',
    phys: PhysAddr,
    size: number,
    action: (from: MachineAddr, to: MachineAddr, offset: number) => void,
  ): void {
    this.world.scheduler.atomic(`${what} ${rangeText(phys, size)}`, () => {
      const alias = { mapping: 'linear', phys } as const;
      for (const { from, to, offset } of this.#state.memory.pieces(alias, size, what, what))
        action(from, to, offset);
    });
  }
  /** memcpy() through cacheable mappings. */
  cpuCopy(source: PhysAddr, target: PhysAddr, size: number): void {
    const linear = (phys: PhysAddr) => ({ mapping: 'linear', phys }) as const;
    this.world.scheduler.atomic(`copy ${rangeText(source, size)} to ${hex(target)}`, () =>
      this.#state.memory.copy(this.cpu, linear(source), linear(target), size, 'copy'),
    );
  }

  /** Free pages of the own RAM; first byte, or undefined where there are none. */
  allocatePages(size: number): PhysAddr | undefined {
    return this.#state.allocator.allocate(size, () => true);
  }
  /** Pages of an extended region, which have struct pages and no memory; undefined where there is none, or no room. */
  allocateUnpopulated(size: number): PhysAddr | undefined {
    const { structPagesToo = [] } = this.world.platform;
    return structPagesToo.length === 0 ? undefined : this.#state.unpopulated.allocate(size, () => true);
  }
  /** False: it is not in an extended region. */
  freeUnpopulated(at: PhysAddr, size: number): boolean {
    const { structPagesToo = [] } = this.world.platform;
    if (!structPagesToo.some(([from, to]) => at >= from && at < to)) return false;
    this.#state.unpopulated.free(at, size);
    return true;
  }
  /** Pages of the own RAM within the device's reach and contiguous in the machine, with the address that the device gets. */
  allocatePagesFor(
    device: Device,
    size: number,
  ): { readonly phys: PhysAddr; readonly dma: DmaAddr } | undefined {
    const { scheduler } = this.world;
    const dmaOf = (at: PhysAddr) => {
      const bus = this.#busOfOwn(at, size);
      return bus === undefined ? DMA_MAPPING_ERROR : this.busToDma(device, bus);
    };
    const phys = this.#state.allocator.allocate(size, (at) => this.dmaCapable(device, dmaOf(at), size));
    if (phys === undefined) return undefined;
    return { phys, dma: scheduler.atomic('translate', () => dmaOf(phys)) };
  }
  /** Own pages are 1:1 on Arm (or behind an SMMU that makes it so); undefined: not contiguous. Within an atomic action. */
  #busOfOwn(at: PhysAddr, size: number): MachineAddr | undefined {
    if (this.world.platform.architecture !== 'x86') return physToBus(at);
    const [first, ...more] = this.#state.memory.pieces(
      { mapping: 'linear', phys: at },
      size,
      'read',
      'allocate',
    );
    return more.length === 0 ? first?.from : undefined;
  }

  freePages(at: PhysAddr, size: number): void {
    this.#state.allocator.free(at, size);
  }

  /** arch_dma_prep_coherent(): what new coherent memory gets through its cacheable alias. */
  prepareCoherent(phys: PhysAddr, size: number): void {
    if (this.#state.quirks.has('coherent-not-cleaned')) return;
    const { prepareCoherent } = this.#state.native;
    this.#maintain(prepareCoherent, { mapping: 'linear', phys }, size, false);
    this.#maintainOuter(prepareCoherent, phys, size);
  }

  /** There is a bounce pool. */
  get swiotlbActive(): boolean {
    return this.#state.swiotlb.active;
  }
  /** This kernel has the bug. For entry points outside the kernel proper. */
  hasQuirk(quirk: Quirk): boolean {
    return this.#state.quirks.has(quirk);
  }

  #maintain(operation: NativeOperation, alias: Alias, size: number, useless: boolean): void {
    if (operation === 'nothing') return;
    this.world.scheduler.atomic(`${operation} ${rangeText(alias.phys, size)}`, () =>
      this.#state.caches.maintain(this.cpu, operation, alias, size, useless),
    );
  }

  #maintainOuter(operation: NativeOperation, at: PhysAddr, size: number): void {
    const { platform, scheduler, machine } = this.world;
    if (!platform.outerCacheDriver || operation === 'nothing') return;
    scheduler.atomic(`outer ${operation} ${rangeText(at, size)}`, () =>
      maintainOuter(machine, operation, lowBits(at, this.#state.physBits), size),
    );
  }
}
