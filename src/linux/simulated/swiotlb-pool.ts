/**
 * The slot table of the bounce buffers: which slots of 2 KiB are taken, and where the next search begins.
 *
 * Pure bookkeeping, no bytes. Rules of swiotlb_search_pool_area() and swiotlb_release_slots(), kernel/dma/swiotlb.c of 6.12
 * and 7.3: an allocation stays within a segment of 128 slots; each area is searched from where its last allocation ended; the
 * address bits in the device's min_align_mask are those of the buffer; without such a mask allocations of a page and more are
 * page aligned.
 */
import { floorTo, offsetBy, PAGE_SIZE, type PhysAddr } from '../../address/index.ts';
import type { SwiotlbPlatform } from './platform.ts';

/** IO_TLB_SIZE: bytes of a slot. */
export const SLOT_SIZE = 2048;
/** IO_TLB_SEGSIZE: slots of a segment, the largest allocation. */
export const SEGMENT_SLOTS = 128;

/** A run of slots that is taken. */
export interface Allocation {
  readonly area: number;
  /** First slot and how many. */
  readonly first: number;
  readonly slots: number;
  /** Where the buffer's first byte goes: in the first slot. */
  readonly at: PhysAddr;
  /** The buffer and its length. */
  readonly buffer: PhysAddr;
  readonly size: number;
}

export class SwiotlbPool {
  readonly areas: number;
  readonly #base: PhysAddr;
  readonly #end: PhysAddr;
  readonly #areaSlots: number;
  /** Per area: slot at which the next search begins, counted within the area. */
  readonly #next: number[];
  /** Who has a slot. */
  readonly #owner = new Map<number, Allocation>();

  /** @throws RangeError if the pool is no whole number of segments per area, or its base no multiple of a page. */
  constructor({ base, size, areas = 1 }: SwiotlbPlatform) {
    const slots = size / SLOT_SIZE;
    if (!Number.isInteger(slots / areas / SEGMENT_SLOTS) || slots <= 0 || floorTo(base, PAGE_SIZE) !== base)
      throw new RangeError(`swiotlb: ${size} bytes at ${base} are not ${areas} areas of whole segments`);
    this.#base = base;
    this.#end = offsetBy(base, size);
    this.areas = areas;
    this.#areaSlots = slots / areas;
    this.#next = new Array<number>(areas).fill(0);
  }

  /** is_swiotlb_buffer(). */
  has(at: PhysAddr): boolean {
    return at >= this.#base && at < this.#end;
  }

  /** Slot that holds a byte of the pool. */
  slotOf(at: PhysAddr): number {
    return Math.floor((at - this.#base) / SLOT_SIZE);
  }

  /** The allocation that holds a byte, or undefined where no slot is taken. */
  find(at: PhysAddr): Allocation | undefined {
    return this.#owner.get(this.slotOf(at));
  }

  /** Slots taken. */
  get used(): number {
    return this.#owner.size;
  }

  /**
   * Take slots for a buffer from one area. undefined: no room.
   * @param minAlignMask address bits that the slot must share with the buffer, 0 to 4095 as a rule.
   */
  allocate(area: number, buffer: PhysAddr, size: number, minAlignMask: number): Allocation | undefined {
    const offset = maskedBits(buffer, Math.min(minAlignMask, SLOT_SIZE - 1));
    const slots = Math.ceil((size + offset) / SLOT_SIZE);
    if (slots > SEGMENT_SLOTS) return undefined;
    const wholePages = minAlignMask === 0 && size >= PAGE_SIZE;
    const index = this.#search(area, slots, (at) =>
      wholePages
        ? floorTo(at, PAGE_SIZE) === at
        : slotBits(at, minAlignMask) === slotBits(buffer, minAlignMask),
    );
    if (index === undefined) return undefined;
    this.#next[area] = index + slots < this.#areaSlots ? index + slots : 0;
    const first = area * this.#areaSlots + index;
    const at = offsetBy(this.#base, first * SLOT_SIZE + offset);
    const allocation = { area, first, slots, at, buffer, size };
    for (let i = 0; i < slots; i++) this.#owner.set(first + i, allocation);
    return allocation;
  }

  /** Give the slots back. */
  release({ first, slots }: Allocation): void {
    for (let i = 0; i < slots; i++) this.#owner.delete(first + i);
  }

  /** First index of the area, from its search position on, that fits. */
  #search(area: number, slots: number, matches: (at: PhysAddr) => boolean): number | undefined {
    const begin = area * this.#areaSlots;
    let index = this.#next[area] ?? 0;
    for (let checked = 0; checked < this.#areaSlots; checked++) {
      const matching = matches(offsetBy(this.#base, (begin + index) * SLOT_SIZE));
      if (matching && this.#isFree(begin + index, slots)) return index;
      index = index + 1 < this.#areaSlots ? index + 1 : 0;
    }
    return undefined;
  }

  /** Free, and within one segment. */
  #isFree(first: number, slots: number): boolean {
    const segment = Math.floor(first / SEGMENT_SLOTS);
    if (Math.floor((first + slots - 1) / SEGMENT_SLOTS) !== segment) return false;
    for (let i = 0; i < slots; i++) if (this.#owner.has(first + i)) return false;
    return true;
  }
}

/** Bits of an address under a mask of the form 2^n - 1. */
function maskedBits(addr: PhysAddr, mask: number): number {
  return addr - floorTo(addr, mask + 1);
}

/** Bits under the mask that choose the slot, not the byte in it. */
function slotBits(addr: PhysAddr, mask: number): number {
  return Math.floor(maskedBits(addr, mask) / SLOT_SIZE);
}
