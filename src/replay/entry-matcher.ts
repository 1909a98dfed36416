/**
 * Which entry of a call does an operation belong to?
 *
 * Where entries of swiotlb-xen were probed they say so. Elsewhere an entry takes the operation of its own address and
 * size, or for hypercalls as many chunks as its length needs; what overlaps an entry's pages and fits
 * nothing better is that entry's too, and what overlaps none is nobody's.
 */
import {
  type DmaAddr,
  floorTo,
  type MachineAddr,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
} from '../address/index.ts';
import type { Operation } from './operation.ts';

/** One mapping of a call, and the operations it took. */
export interface Entry {
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
  readonly phys: PhysAddr;
  /** Bytes. */
  readonly size: number;
  readonly operations: Operation[];
  /** Bytes that hypercall chunks have covered so far. */
  covered: number;
}

export class EntryMatcher {
  readonly #entries: readonly Entry[];
  #chunking: Entry | undefined;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /**
   * Take the operation where it fits exactly; undefined where it fits no entry.
   * @param closed every operation up to the event is known to be of its entries, so that a chunk may land anywhere.
   */
  exact(operation: Operation, closed: boolean): Entry | undefined {
    return operation.kind === 'cflush' ? this.#chunkOf(operation, closed) : this.#nativeOf(operation);
  }

  /**
   * Take the operation for the first entry whose pages it overlaps; undefined where there is none.
   * @param onlyEmpty leave entries alone that have something: what overlaps them may be an outer call's.
   */
  overlapping(operation: Operation, onlyEmpty: boolean): Entry | undefined {
    const from = firstByte(operation);
    const found = this.#entries.find(
      (entry) =>
        !(onlyEmpty && entry.operations.length > 0) &&
        (overlapsPages(entry.bus, entry.size, from, operation.size) ||
          (operation.kind !== 'cflush' && overlapsPages(entry.phys, entry.size, from, operation.size))),
    );
    return found && this.#give(found, operation);
  }

  /** Take the operation for the first entry whose bytes it overlaps and that still lacks some of its own. */
  outstanding(operation: Operation): Entry | undefined {
    const from = firstByte(operation);
    const isFlush = operation.kind === 'cflush';
    const overlaps = (at: number, size: number) => from < at + size && from + operation.size > at;
    const found = this.#entries.find(
      ({ bus, phys, size, covered, operations }) =>
        (isFlush ? covered < size : operations.length === 0) &&
        (overlaps(bus, size) || (!isFlush && overlaps(phys, size))),
    );
    return found && this.#give(found, operation);
  }

  #nativeOf(operation: Operation): Entry | undefined {
    for (const entry of this.#entries)
      if (
        entry.operations.length === 0 &&
        entry.size === operation.size &&
        ((entry.bus as number) === operation.addr || (entry.phys as number) === operation.addr)
      )
        return this.#give(entry, operation);
    return undefined;
  }

  #chunkOf(operation: Operation, closed: boolean): Entry | undefined {
    const chunking = this.#chunking;
    const start = firstByte(operation);
    const next = this.#entries.find(
      (entry) =>
        entry.covered === 0 &&
        (entry.bus as number) === start &&
        operation.size === Math.min(entry.size, PAGE_SIZE - pageOffset(entry.bus)),
    );
    // Where a chunk begins another entry and does not go on with this one, one of this entry's was left out.
    if (chunking && chunking.covered < chunking.size && (goesOn(chunking, operation) || (closed && !next)))
      return this.#give(chunking, operation);
    this.#chunking = next;
    return next && this.#give(next, operation);
  }

  #give(entry: Entry, operation: Operation): Entry {
    entry.operations.push(operation);
    if (operation.kind === 'cflush') entry.covered += operation.size;
    return entry;
  }
}

/** The chunk that either loop of the kernel makes next: at the next page's start, or one chunk's length further on. */
export function goesOn({ bus, covered }: Pick<Entry, 'bus' | 'covered'>, { addr }: Operation): boolean {
  const next = (bus + covered) as number;
  return addr === next || addr === next - pageOffset(bus);
}

/** First byte that an operation touches. */
function firstByte(operation: Operation): number {
  return operation.kind === 'cflush'
    ? offsetBy(floorTo(operation.addr, PAGE_SIZE), operation.offset)
    : operation.addr;
}

function overlapsPages(at: MachineAddr | PhysAddr, size: number, from: number, length: number): boolean {
  const first = floorTo(at, PAGE_SIZE);
  const past = at + size + PAGE_SIZE - 1;
  return from < past - (past % PAGE_SIZE) && from + length > first;
}
