/**
 * Mappings that are live, found again by what later calls name: the DMA address, or for sg lists the physical one.
 *
 * By DMA page: an exact start is one look-up, a sync in the middle walks a few pages down. Memory is
 * bounded by what is live, plus a bounded memory of addresses that were unmapped (for API misuse).
 */
import {
  type DmaAddr,
  dmaPage,
  floorTo,
  type MachineAddr,
  PAGE_SIZE,
  type PhysAddr,
} from '../address/index.ts';
import { Direction } from '../linux/index.ts';
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
  lanes: Lane[];
  /** The page where it begins, and the next mapping that begins there (LiveTable's own). */
  page: LivePage | undefined;
  nextInPage: LiveMapping | undefined;
  /** Why nothing certain can be said of it. */
  uncertain: string | undefined;
}

/** The live mappings that begin in a DMA page. */
interface LivePage {
  /** Oldest first, as a chain: arrays were measured to cost more. */
  first: LiveMapping | undefined;
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
  /** The next list that begins there (LiveTable's own). */
  next: SgList | undefined;
}

/** Pages that may be kept for nothing, besides as many as are used. */
const SWEEP = 4096;
/** Mappings of more pages are few, and looked through one by one. */
const FAR = 256;
/** One buffer may be sent several times at once; more often than this, unmaps are missing from the trace. */
const MOST_EQUAL = 16;

function isEqual(a: LiveMapping, b: LiveMapping): boolean {
  return (
    a.dma === b.dma &&
    a.phys === b.phys &&
    a.size === b.size &&
    a.device === b.device &&
    a.direction === b.direction &&
    a.kind === b.kind
  );
}

const isBuffer = ({ kind }: LiveMapping) => kind === 'single' || kind === 'sg';

export class LiveTable {
  /** Pages without mappings are swept now and then: most are used again soon. */
  readonly #pages = new Map<number, LivePage>();
  #emptied = 0;
  /** By first physical address, oldest first, as a chain. */
  readonly #lists = new Map<number, SgList>();
  /** Largest live size ever, of all but the large ones: how far down a sync has to look. */
  #pagesBack = 1;
  #large: LiveMapping[] = [];

  /**
   * A mapping is live from now on. Equal ones are dropped, oldest first, where there are too many: a device cannot be
   * told to write to one buffer twice at a time, so their unmaps were not recorded.
   */
  add(mapping: LiveMapping): void {
    const page = this.#pageOf(mapping.dma);
    mapping.page = page;
    const { first } = page;
    if (first === undefined) {
      page.first = mapping;
      this.#emptied--;
    } else {
      let last = first;
      let equals = isEqual(first, mapping) ? 1 : 0;
      let oldest = equals > 0 ? first : undefined;
      while (last.nextInPage) {
        last = last.nextInPage;
        if (isEqual(last, mapping)) {
          equals++;
          oldest ??= last;
        }
      }
      last.nextInPage = mapping;
      if (oldest && equals >= (mapping.direction === Direction.toDevice ? MOST_EQUAL : 1))
        this.remove(oldest);
    }
    const pages = Math.ceil(mapping.size / PAGE_SIZE) + 1;
    if (pages > FAR) this.#large.push(mapping);
    else if (pages > this.#pagesBack) this.#pagesBack = pages;
  }

  #pageOf(dma: DmaAddr): LivePage {
    const number = dmaPage(dma);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { first: undefined };
      this.#pages.set(number, page);
      this.#emptied++;
    }
    return page;
  }

  #firstAt(number: number): LiveMapping | undefined {
    return this.#pages.get(number)?.first;
  }

  /**
   * A live mapping that the device writes, too, and that begins in the same cache line: what the kernel's checker calls an
   * overlap (it knows first lines only). By machine address, so two devices count as well.
   */
  overlapping(mapping: LiveMapping, lineSize: number): LiveMapping | undefined {
    if (mapping.direction === Direction.toDevice) return undefined;
    const line = floorTo(mapping.bus, lineSize);
    for (let m = mapping.page?.first; m; m = m.nextInPage)
      if (
        m !== mapping &&
        m.direction !== Direction.toDevice &&
        isBuffer(m) &&
        floorTo(m.bus, lineSize) === line
      )
        return m;
    return undefined;
  }

  remove(mapping: LiveMapping): void {
    const { page } = mapping;
    if (page === undefined) return;
    if (page.first === mapping) {
      page.first = mapping.nextInPage;
      if (page.first === undefined && ++this.#emptied >= SWEEP && this.#emptied * 2 > this.#pages.size)
        this.#sweep();
    } else
      for (let before = page.first; before; before = before.nextInPage)
        if (before.nextInPage === mapping) before.nextInPage = mapping.nextInPage;
    mapping.page = undefined;
    mapping.nextInPage = undefined;
    if (this.#large.includes(mapping)) this.#large = this.#large.filter((large) => large !== mapping);
  }

  #sweep(): void {
    for (const [number, { first }] of this.#pages) if (first === undefined) this.#pages.delete(number);
    this.#emptied = 0;
  }

  /** Live mappings of this device that begin at the address; oldest first. */
  *startingAt(device: ReplayDevice, dma: DmaAddr): Iterable<LiveMapping> {
    for (let m = this.#firstAt(dmaPage(dma)); m; m = m.nextInPage)
      if (m.dma === dma && m.device === device) yield m;
  }

  /** The live mapping that an unmap means: same start, and the same size and direction where there is a choice. */
  forUnmap(device: ReplayDevice, dma: DmaAddr, size: number, direction: Direction): LiveMapping | undefined {
    let best: LiveMapping | undefined;
    let bestScore = -1;
    for (let m = this.#firstAt(dmaPage(dma)); m; m = m.nextInPage) {
      if (m.dma !== dma || m.device !== device || m.kind === 'sg') continue;
      const score = (m.size === size ? 2 : 0) + (m.direction === direction ? 1 : 0);
      if (score > bestScore) {
        best = m;
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
      for (let m = this.#firstAt(page - back); m; m = m.nextInPage) {
        if (m.device !== device || m.dma > dma || dma >= m.dma + m.size) continue;
        if (dma + size > m.dma + m.size) partial ??= m;
        else if (m.direction === direction) return m;
        else whole ??= m;
      }
    }
    for (const m of this.#large) {
      if (m.device !== device || m.dma > dma || dma >= m.dma + m.size) continue;
      if (dma + size > m.dma + m.size) partial ??= m;
      else whole ??= m;
    }
    return whole ?? partial;
  }

  /** A list is live from now on; the oldest of too many that begin at one address is dropped. */
  addList(list: SgList): void {
    const first = this.#lists.get(list.firstPhys);
    if (first === undefined) {
      this.#lists.set(list.firstPhys, list);
      return;
    }
    let last = first;
    let count = 1;
    for (; last.next; last = last.next) count++;
    last.next = list;
    if (count >= MOST_EQUAL) this.#removeList(first);
  }

  /** Take the list that begins at this physical address, the best match where there are several. */
  takeList(
    device: ReplayDevice,
    firstPhys: PhysAddr,
    nents: number,
    direction: Direction,
  ): SgList | undefined {
    let best: SgList | undefined;
    let bestScore = -1;
    for (let list = this.#lists.get(firstPhys); list; list = list.next) {
      if (list.device !== device) continue;
      const score = (list.nents === nents ? 2 : 0) + (list.direction === direction ? 1 : 0);
      if (score > bestScore) {
        best = list;
        bestScore = score;
      }
    }
    if (best) this.#removeList(best);
    return best;
  }

  #removeList(list: SgList): void {
    const first = this.#lists.get(list.firstPhys);
    if (first === list) {
      if (list.next) this.#lists.set(list.firstPhys, list.next);
      else this.#lists.delete(list.firstPhys);
    } else
      for (let before = first; before; before = before.next)
        if (before.next === list) before.next = list.next;
    list.next = undefined;
  }

  /** Every live mapping. */
  *all(): Iterable<LiveMapping> {
    for (const { first } of this.#pages.values()) for (let m = first; m; m = m.nextInPage) yield m;
  }
}

/** How many unmapped addresses are remembered, at most. */
const REMEMBERED = 2 ** 17;
const GRAIN = 64;

/**
 * Addresses that were mapped and unmapped, so that a second unmap is known for what it is. A table of fixed size in which a
 * newer address can displace an older one: forgetting only means saying less.
 */
export class UnmappedAddresses {
  readonly #dma = new Float64Array(REMEMBERED).fill(-1);
  readonly #device = new Int32Array(REMEMBERED);
  readonly #line = new Float64Array(REMEMBERED);

  /** @param line of the unmap. */
  add(device: ReplayDevice, dma: DmaAddr, line: number): void {
    const at = slotOf(dma);
    this.#dma[at] = dma;
    this.#device[at] = device.index;
    this.#line[at] = line;
  }

  /** Line of the unmap, or undefined if this address is not known to have been unmapped. */
  lineOf(device: ReplayDevice, dma: DmaAddr): number | undefined {
    const at = slotOf(dma);
    return this.#dma[at] === dma && this.#device[at] === device.index ? this.#line[at] : undefined;
  }

  /** Events were lost: a map of any of them may have been among these. */
  clear(): void {
    this.#dma.fill(-1);
  }
}

function slotOf(dma: DmaAddr): number {
  const grain = Math.floor(dma / GRAIN);
  return grain - Math.floor(grain / REMEMBERED) * REMEMBERED;
}
