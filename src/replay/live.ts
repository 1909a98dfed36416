/**
 * Mappings that are live, found again by what later calls name: the DMA address, or for sg lists the physical one.
 *
 * Buckets by (DMA page): an exact start is one look-up, a sync in the middle walks a few pages down. Memory is
 * bounded by what is live, plus a bounded memory of addresses that were unmapped (for API misuse).
 */
import { type DmaAddr, dmaPage, type MachineAddr, PAGE_SIZE, type PhysAddr } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import type { Lane } from './lane.ts';
import type { MappingClass } from './operation.ts';
import type { ReplayDevice } from './platform.ts';

/** How a mapping came to be, and how it must go. */
export type MappingKind = 'single' | 'sg' | 'resource' | 'coherent' | 'pages';

export interface LiveMapping {
  readonly device: ReplayDevice;
  readonly kind: MappingKind;
  readonly dma: DmaAddr;
  readonly phys: PhysAddr;
  /** Machine address that the DMA address reaches. */
  readonly bus: MachineAddr;
  /** Bytes. */
  readonly size: number;
  readonly direction: Direction;
  readonly skipCpuSync: boolean;
  readonly mappingClass: MappingClass;
  /** An IOMMU translates: the DMA address says nothing of the machine address. */
  readonly translated: boolean;
  /** Line of the map event. */
  readonly line: number;
  /** By track; tracks that did the same so far share one. Empty where nothing is judged. */
  readonly lanes: Lane[];
  /** Of an sg entry: its list. */
  readonly list: SgList | undefined;
  /** Why nothing certain can be said of it. */
  uncertain: string | undefined;
}

/** A live dma_map_sg. */
export interface SgList {
  readonly device: ReplayDevice;
  readonly direction: Direction;
  /** Printed entries; `nents` may be larger (cut lists). */
  readonly entries: LiveMapping[];
  readonly nents: number;
  readonly truncated: boolean;
  /** Physical addresses of the pieces, where an IOMMU merged them: their lengths are not in the trace. */
  readonly pieces: ReadonlySet<number> | undefined;
  readonly firstPhys: PhysAddr;
}

export class LiveTable {
  readonly #byPage = new Map<number, LiveMapping[]>();
  readonly #lists = new Map<number, SgList[]>();
  /** Largest live size ever: how far down a sync has to look. */
  #pagesBack = 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(mapping: LiveMapping): void {
    const page = dmaPage(mapping.dma);
    const bucket = this.#byPage.get(page);
    if (bucket) bucket.push(mapping);
    else this.#byPage.set(page, [mapping]);
    const pages = Math.ceil(mapping.size / PAGE_SIZE) + 1;
    if (pages > this.#pagesBack) this.#pagesBack = pages;
    this.#count++;
  }

  remove(mapping: LiveMapping): void {
    const page = dmaPage(mapping.dma);
    const bucket = this.#byPage.get(page);
    const index = bucket?.indexOf(mapping) ?? -1;
    if (bucket === undefined || index < 0) return;
    if (bucket.length === 1) this.#byPage.delete(page);
    else bucket.splice(index, 1);
    this.#count--;
  }

  /** Live mappings of this device that begin at the address; oldest first. */
  *startingAt(device: ReplayDevice, dma: DmaAddr): Iterable<LiveMapping> {
    for (const mapping of this.#byPage.get(dmaPage(dma)) ?? [])
      if (mapping.dma === dma && mapping.device === device) yield mapping;
  }

  /** The live mapping that an unmap means: same start, and the same size and direction where there is a choice. */
  forUnmap(device: ReplayDevice, dma: DmaAddr, size: number, direction: Direction): LiveMapping | undefined {
    let best: LiveMapping | undefined;
    let bestScore = -1;
    for (const mapping of this.#byPage.get(dmaPage(dma)) ?? []) {
      if (mapping.dma !== dma || mapping.device !== device || mapping.kind === 'sg') continue;
      const score = (mapping.size === size ? 2 : 0) + (mapping.direction === direction ? 1 : 0);
      if (score > bestScore) {
        best = mapping;
        bestScore = score;
      }
    }
    return best;
  }

  /** The live mapping that holds the byte; the one that holds the whole of [dma, dma + size) where there is one. */
  holding(device: ReplayDevice, dma: DmaAddr, size: number, direction: Direction): LiveMapping | undefined {
    const page = dmaPage(dma);
    let partial: LiveMapping | undefined;
    let whole: LiveMapping | undefined;
    for (let back = 0; back <= this.#pagesBack && back <= page; back++) {
      for (const mapping of this.#byPage.get(page - back) ?? []) {
        if (mapping.device !== device || mapping.dma > dma || dma >= mapping.dma + mapping.size) continue;
        if (dma + size > mapping.dma + mapping.size) partial ??= mapping;
        else if (mapping.direction === direction) return mapping;
        else whole ??= mapping;
      }
    }
    return whole ?? partial;
  }

  addList(list: SgList): void {
    const lists = this.#lists.get(list.firstPhys);
    if (lists) lists.push(list);
    else this.#lists.set(list.firstPhys, [list]);
  }

  /** Take the list that begins at this physical address, the best match where there are several. */
  takeList(
    device: ReplayDevice,
    firstPhys: PhysAddr,
    nents: number,
    direction: Direction,
  ): SgList | undefined {
    const lists = this.#lists.get(firstPhys);
    if (lists === undefined) return undefined;
    let best = -1;
    let bestScore = -1;
    lists.forEach((list, index) => {
      if (list.device !== device) return;
      const score = (list.nents === nents ? 2 : 0) + (list.direction === direction ? 1 : 0);
      if (score > bestScore) {
        best = index;
        bestScore = score;
      }
    });
    const found = lists[best];
    if (found === undefined) return undefined;
    if (lists.length === 1) this.#lists.delete(firstPhys);
    else lists.splice(best, 1);
    return found;
  }

  /** Every live mapping. */
  *all(): Iterable<LiveMapping> {
    for (const bucket of this.#byPage.values()) yield* bucket;
  }
}

/** How many unmapped addresses are remembered. */
const REMEMBERED = 2 ** 17;

/** Addresses that were mapped and unmapped, so that a second unmap is known for what it is. Forgets the oldest. */
export class UnmappedAddresses {
  /** By device: DMA address to line of the unmap. */
  #recent: Map<DmaAddr, number>[] = [];
  #older: Map<DmaAddr, number>[] = [];
  #count = 0;

  /** @param line of the unmap. */
  add(device: ReplayDevice, dma: DmaAddr, line: number): void {
    if (++this.#count > REMEMBERED) {
      this.#older = this.#recent;
      this.#recent = [];
      this.#count = 0;
    }
    let lines = this.#recent[device.index];
    if (lines === undefined) {
      lines = new Map();
      this.#recent[device.index] = lines;
    }
    lines.set(dma, line);
  }

  /** Line of the unmap, or undefined if this address is not known to have been unmapped. */
  lineOf(device: ReplayDevice, dma: DmaAddr): number | undefined {
    return this.#recent[device.index]?.get(dma) ?? this.#older[device.index]?.get(dma);
  }

  /** Events were lost: a map of any of them may have been among these. */
  clear(): void {
    this.#recent = [];
    this.#older = [];
    this.#count = 0;
  }
}
