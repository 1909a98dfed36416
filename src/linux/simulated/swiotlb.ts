/**
 * swiotlb as a service: slots from the pool, and the copies between buffer and slot.
 * Source: kernel/dma/swiotlb.c, Linux 6.12 and 7.3.
 */
import { floorTo, NO_SLOT, offsetBy, type PhysAddr } from '../../address/index.ts';
import { type Attributes, type Device, Direction } from '../dma.ts';
import type { CpuMemory } from './cpu-memory.ts';
import { factsOf } from './device.ts';
import type { Quirk } from './quirks.ts';
import { type Allocation, SLOT_SIZE, SwiotlbPool } from './swiotlb-pool.ts';
import { rangeText } from './text.ts';
import type { World } from './world.ts';

export class Swiotlb {
  readonly #world: World;
  readonly #memory: CpuMemory;
  readonly #quirks: ReadonlySet<Quirk>;
  readonly #pool: SwiotlbPool | undefined;
  /** Slots that somebody had before: their content is his. */
  readonly #usedBefore = new Set<number>();

  constructor(world: World, memory: CpuMemory, quirks: ReadonlySet<Quirk>) {
    this.#world = world;
    this.#memory = memory;
    this.#quirks = quirks;
    const { swiotlb } = world.platform;
    this.#pool = swiotlb && new SwiotlbPool(swiotlb);
  }

  /** There is a pool. */
  get active(): boolean {
    return this.#pool !== undefined;
  }

  /** is_swiotlb_force_bounce(). */
  isForced(device: Device): boolean {
    return (this.#world.platform.swiotlb?.force ?? false) || (factsOf(device).forceBounce ?? false);
  }

  /** is_swiotlb_buffer(). Where the pool lies never changes. */
  has(at: PhysAddr): boolean {
    return this.#pool?.has(at) ?? false;
  }

  /** swiotlb_tbl_map_single(). NO_SLOT: the pool is full, or there is none, or the buffer is too big for it. */
  map(cpu: number, device: Device, buffer: PhysAddr, size: number, direction: Direction): PhysAddr {
    const pool = this.#pool;
    if (pool === undefined) return NO_SLOT;
    const at = this.#allocate(pool, cpu, device, buffer, size);
    if (at === NO_SLOT) return NO_SLOT;
    // Towards the slot in every direction: bytes that the device does not write must come back as they were.
    const copies = direction !== Direction.fromDevice || !this.#quirks.has('slot-not-cleared');
    if (copies) this.#copy(cpu, at, size, 'to slot');
    return at;
  }

  /** __swiotlb_tbl_unmap_single(). */
  unmap(cpu: number, slot: PhysAddr, size: number, direction: Direction, attributes: Attributes): void {
    if (!attributes.skipCpuSync && direction !== Direction.toDevice) this.#copy(cpu, slot, size, 'from slot');
    if (!this.#quirks.has('slot-leaks-on-unmap')) this.#release(slot);
  }

  /** swiotlb_sync_single_for_cpu() and _for_device(). */
  sync(cpu: number, slot: PhysAddr, size: number, direction: Direction, towards: 'cpu' | 'device'): void {
    if (this.#quirks.has('bounce-without-sync')) return;
    const unneeded = towards === 'cpu' ? Direction.toDevice : Direction.fromDevice;
    if (direction !== unneeded) this.#copy(cpu, slot, size, towards === 'cpu' ? 'from slot' : 'to slot');
  }

  /** Areas are tried in turn, the CPU's own first; each search is under its area's lock. */
  #allocate(pool: SwiotlbPool, cpu: number, device: Device, buffer: PhysAddr, size: number): PhysAddr {
    const { minAlignMask = 0 } = factsOf(device);
    for (let i = 0; i < pool.areas; i++) {
      const area = (cpu + i) % pool.areas;
      const at = this.#world.scheduler.atomic(`take bounce slots for ${size} bytes`, () => {
        this.#touchArea(area);
        const allocation = pool.allocate(area, buffer, size, minAlignMask);
        if (allocation === undefined) return NO_SLOT;
        this.#changeHands(allocation);
        return allocation.at;
      });
      if (at !== NO_SLOT) return at;
    }
    return NO_SLOT;
  }

  /** What a slot holds from an earlier mapping is that one's. */
  #changeHands({ first, slots, at }: Allocation): void {
    const begin = floorTo(at, SLOT_SIZE);
    for (let i = 0; i < slots; i++) {
      this.#touchSlot(first + i, true);
      if (!this.#usedBefore.has(first + i)) continue;
      const alias = { mapping: 'linear', phys: offsetBy(begin, i * SLOT_SIZE) } as const;
      for (const { from, to } of this.#memory.pieces(alias, SLOT_SIZE, 'read', 'bounce slot'))
        this.#world.machine.newOwner(from, to);
    }
    for (let i = 0; i < slots; i++) this.#usedBefore.add(first + i);
  }

  #release(slot: PhysAddr): void {
    this.#world.scheduler.atomic('give back bounce slots', () => {
      const allocation = this.#pool?.find(slot);
      if (allocation === undefined) return;
      this.#touchArea(allocation.area);
      for (let i = 0; i < allocation.slots; i++) this.#touchSlot(allocation.first + i, true);
      this.#pool?.release(allocation);
    });
  }

  /** swiotlb_bounce(): `slot` may lie anywhere in the mapping, and what would go past its end is cut. */
  #copy(cpu: number, slot: PhysAddr, size: number, way: 'to slot' | 'from slot'): void {
    const what = `copy ${way}`;
    this.#world.scheduler.atomic(`${what} ${rangeText(slot, size)}`, () => {
      this.#touchSlot(this.#pool?.slotOf(slot) ?? 0, false);
      const allocation = this.#pool?.find(slot);
      if (allocation === undefined) return;
      const offset = slot - allocation.at;
      const buffer = { mapping: 'linear', phys: this.#bufferAt(allocation, offset) } as const;
      const bounce = { mapping: 'linear', phys: slot } as const;
      const length = Math.min(size, allocation.size - offset);
      const [source, target] = way === 'to slot' ? [buffer, bounce] : [bounce, buffer];
      this.#memory.copy(cpu, source, target, length, what);
      this.#world.bounced?.({ way, slot, buffer: buffer.phys, size: length });
    });
  }

  /** Byte of the buffer that a byte of the allocation stands for. */
  #bufferAt({ buffer, at, first }: Allocation, offset: number): PhysAddr {
    if (!this.#quirks.has('partial-sync-loses-offset')) return offsetBy(buffer, offset);
    // Each slot remembers the byte that was to be its first, and that is where the copy goes.
    const slots = (this.#pool?.slotOf(offsetBy(at, offset)) ?? first) - first;
    return offsetBy(buffer, slots * SLOT_SIZE);
  }

  #touchArea(area: number): void {
    this.#world.footprint.touch(`swiotlb:${this.#world.platform.name}:${area}`, true);
  }
  #touchSlot(slot: number, write: boolean): void {
    this.#world.footprint.touch(`slot:${this.#world.platform.name}:${slot}`, write);
  }
}
