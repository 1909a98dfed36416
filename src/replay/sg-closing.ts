/**
 * dma_unmap_sg is printed before its maintenance: its entries wait for the operations that follow in the context.
 */
import type { MachineAddr } from '../address/index.ts';
import { type Attributes, CacheFlushOp, Direction } from '../linux/index.ts';
import type { Direction as TraceDirection, TraceEvent } from '../trace/index.ts';
import type { Call } from './call.ts';
import { type Entry, EntryMatcher, goesOn } from './entry-matcher.ts';
import { firstByteOf } from './landing.ts';
import type { LiveMapping, SgList } from './live.ts';
import type { Operation } from './operation.ts';
import type { ReplayDevice } from './platform.ts';

/** DMA events of inner calls that may come before the list's own operations are through. */
const MOST_NESTED = 16;

/** An entry that waits; `mapping` is what it unmaps. */
export interface ClosingEntry extends Entry {
  readonly mapping: LiveMapping;
  /** Its entry of swiotlb-xen has been met. */
  called: boolean;
}

export class SgClosing {
  readonly device: ReplayDevice;
  readonly entries: readonly ClosingEntry[];
  readonly line: number;
  readonly attributes: Attributes;
  readonly #direction: TraceDirection;
  readonly #matcher: EntryMatcher;
  /** Pieces that have not got their operation yet, by address; their lengths are not known. */
  readonly #pieces: Set<number> | undefined;
  /** The piece whose hypercalls are being met, and the bytes they have covered. */
  #chunked: { readonly bus: MachineAddr; covered: number } | undefined;
  /** Entries whose call was met, and the one most likely to be next: the kernel unmaps them in order. */
  #called = 0;
  #next = 0;
  #current: ClosingEntry | undefined;
  #passed = 0;

  readonly cpu: number;
  readonly context: number;
  /** Line of the last event of this call so far. */
  lastLine: number;

  /** @param event the dma_unmap_sg. */
  constructor(
    list: Pick<SgList, 'device' | 'pieces' | 'entries'>,
    event: Pick<TraceEvent, 'line' | 'cpu' | 'context' | 'direction'>,
    attributes: Attributes,
  ) {
    const { line } = event;
    this.#direction = event.direction;
    this.cpu = event.cpu;
    this.context = event.context;
    this.lastLine = line;
    this.device = list.device;
    this.#pieces = list.pieces && new Set(list.pieces);
    this.entries = list.entries.map((mapping) => ({
      mapping,
      dma: mapping.dma,
      bus: mapping.bus,
      phys: mapping.phys,
      size: mapping.size,
      operations: [],
      covered: 0,
      called: false,
    }));
    this.#matcher = new EntryMatcher(this.entries);
    this.line = line;
    this.attributes = attributes;
  }

  /** An entry of swiotlb-xen begins; false if it is none of this list's. */
  call(call: Call): boolean {
    const entry = call.kind === 'unmap' ? this.#entryOf(call) : undefined;
    this.#current = entry;
    if (entry === undefined) return false;
    entry.called = true;
    this.#called++;
    this.lastLine = call.line;
    return true;
  }

  #entryOf({ dma, size }: Call): ClosingEntry | undefined {
    const isIt = (entry: ClosingEntry | undefined) =>
      entry !== undefined && !entry.called && entry.dma === dma && entry.size === size;
    const next = this.entries[this.#next++];
    return isIt(next) ? next : this.entries.find(isIt);
  }

  /** Take an operation if it is one of this list's; false if not. */
  take(operation: Operation): boolean {
    const taken = this.#takes(operation);
    if (taken) this.lastLine = operation.line;
    return taken;
  }

  #takes(operation: Operation): boolean {
    if (this.#called > 0) {
      const current = this.#current;
      if (current === undefined) return false;
      current.operations.push(operation);
      if (operation.kind === 'cflush') current.covered += operation.size;
      return true;
    }
    if (!canBeOfUnmap(operation, this.#direction)) return false;
    if (this.#pieces) return this.#takesPiece(this.#pieces, operation);
    return (this.#matcher.exact(operation, false) ?? this.#matcher.outstanding(operation)) !== undefined;
  }

  /** The first operation of a piece has the piece's address; a hypercall that goes on where the last one ended is of the same. */
  #takesPiece(pieces: Set<number>, operation: Operation): boolean {
    const first = pieces.delete(operation.addr);
    const isFlush = operation.kind === 'cflush';
    if (first) this.#chunked = isFlush ? { bus: firstByteOf(operation), covered: operation.size } : undefined;
    else {
      const chunked = this.#chunked;
      if (!isFlush || chunked === undefined || !goesOn(chunked, operation)) return false;
      chunked.covered += operation.size;
    }
    return true;
  }

  /**
   * The entries whose recorded maintenance may be incomplete if the trace ends in the middle of this call: those from the
   * last maintained one on that need some and have not got it all.
   */
  lacking(): Set<ClosingEntry> {
    if (this.device.coherent || this.attributes.skipCpuSync) return new Set();
    const last = this.entries.findLastIndex(({ operations }) => operations.length > 0);
    return new Set(
      this.entries.filter(({ mapping, operations, covered }, i) => {
        const native = operations.some(({ kind }) => kind === 'arch_sync_for_cpu');
        return i >= last && !native && covered < mapping.size && mapping.direction !== Direction.toDevice;
      }),
    );
  }

  /** A DMA event of its context goes by. @returns false when nothing more is to come for this list. */
  outlives(nested: boolean): boolean {
    if (!nested || this.#passed >= MOST_NESTED) return false;
    this.#passed++;
    if (this.#called > 0) return this.#called < this.entries.length;
    return this.entries.some(({ operations }) => operations.length === 0);
  }
}

/**
 * Does any kernel do this for an unmap of the direction? Of a page that is mapped again at once the address alone does not
 * tell what is the new map's. Xen's designs only invalidate at unmap, and nothing that the device read (dma_cache_maint since
 * Linux 3.19); natively arch_sync_dma_for_cpu() is called for every direction (kernel/dma/direct.h).
 */
function canBeOfUnmap(operation: Operation, direction: TraceDirection): boolean {
  if (operation.kind !== 'cflush') return operation.kind === 'arch_sync_for_cpu';
  return operation.op === CacheFlushOp.invalidate && direction !== Direction.toDevice;
}
