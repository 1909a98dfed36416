/**
 * What was done in a run, for whoever asks afterwards why a byte is wrong: who stored what, what each DMA mapping got of
 * maintenance and where that landed, what went wrong while what was going on.
 */
import type { ByteRange, DmaAddr, MachineAddr, PhysAddr } from '../../address/index.ts';
import { type CacheFlush, type Device, Direction } from '../../linux/index.ts';
import type { NativeSync } from '../../linux/simulated/index.ts';
import { countLines, type MachineFault, type MaintenanceCall } from '../../machine/index.ts';

type MachineRange = ByteRange<MachineAddr>;

/** One maintenance operation of a DMA mapping. */
export interface Flush {
  /** The hypercall as it was issued, or the native call. */
  readonly issued: { readonly hypercall: CacheFlush } | { readonly native: NativeSync };
  /** Bytes of the mapping that it is there for, from its beginning. */
  readonly meant: readonly [from: number, to: number];
  /** Machine memory that it was carried out on. */
  readonly landed: MachineRange[];
}

/** A DMA mapping and all that was done for it. */
export interface MappingRecord {
  readonly number: number;
  readonly device: Device;
  readonly phys: PhysAddr;
  readonly size: number;
  readonly direction: Direction;
  /** Machine memory of the buffer, in order. */
  readonly buffer: readonly MachineRange[];
  /** What the device was given; DMA_MAPPING_ERROR included. */
  dma: DmaAddr | undefined;
  readonly atMap: Flush[];
  readonly atUnmap: Flush[];
  live: boolean;
}
export type Phase = 'map' | 'unmap';

/** Something that went wrong, and when. */
export interface FaultRecord {
  readonly rule: MachineFault['rule'] | 'wrong-frame' | 'fault';
  /** What the hardware did by itself to the line until then; null where no cache is involved. */
  readonly moves: number | null;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** It follows from another one. */
  readonly consequence: boolean;
  /** What was going on. */
  readonly activity: string;
  /** The mapping that was being made, ended or used. */
  readonly mapping: MappingRecord | undefined;
  /** Its maintenance was under way. */
  readonly phase: Phase | undefined;
  readonly flush: Flush | undefined;
  /** Mappings made before. */
  readonly before: number;
  /** Marks of what was read and of what should have been, of the first byte; undefined where nothing was read. */
  marks?: { readonly had: number; readonly should: number };
  /** Where a copy put the bytes that it read wrong. */
  copiedTo?: MachineAddr;
  readonly what: string;
}

/** Who stored something. */
export interface Store {
  readonly what: string;
  /** Whose data it is: the name of a domain. */
  readonly owner: string;
}

/** What the load cost. Lines by instruction, of the smallest line size. */
export interface Costs {
  linesCleaned: number;
  linesInvalidated: number;
  linesCleanInvalidated: number;
  /** Calls of native maintenance. */
  nativeCalls: number;
  /** Bytes copied to and from bounce slots. */
  bouncedBytes: number;
  /** Hypercalls, by name. */
  readonly hypercalls: Record<string, number>;
}

function noCosts(): Costs {
  return {
    linesCleaned: 0,
    linesInvalidated: 0,
    linesCleanInvalidated: 0,
    nativeCalls: 0,
    bouncedBytes: 0,
    hypercalls: {},
  };
}

export class Journal {
  readonly mappings: MappingRecord[] = [];
  readonly faults: FaultRecord[] = [];
  costs: Costs = noCosts();
  readonly #stores: Store[] = [{ what: 'what memory held at first', owner: '' }];
  readonly #marks = new Map<string, number>();
  readonly #lineSize: number;
  #activity = '';
  #mapping: MappingRecord | undefined;
  #phase: Phase | undefined;
  #flush: Flush | undefined;
  #done = 0;
  #firstLive = 0;
  #alsoSpare: readonly MachineRange[] = [];

  constructor(lineSize: number) {
    this.#lineSize = lineSize;
  }

  /** Bytes that devices own and will write: what a CPU has left there is of no use to anybody. */
  get spare(): MachineRange[] {
    return this.mappings
      .slice(this.#oldestLive())
      .flatMap(({ live, direction, buffer }) => (live && direction === Direction.fromDevice ? buffer : []))
      .concat(this.#alsoSpare);
  }
  /** While a list is mapped, its entries to come are spare too. */
  setSpare(ranges: readonly MachineRange[]): void {
    this.#alsoSpare = ranges;
  }
  #oldestLive(): number {
    while (this.mappings[this.#firstLive]?.live === false) this.#firstLive++;
    return this.#firstLive;
  }

  /** A mark for bytes that are about to be stored. */
  mark(what: string, owner: string): number {
    const key = `${owner}: ${what}`;
    const known = this.#marks.get(key);
    if (known !== undefined) return known;
    const mark = this.#stores.push({ what, owner }) - 1;
    this.#marks.set(key, mark);
    return mark;
  }
  store(mark: number): Store {
    return this.#stores[mark] ?? (this.#stores[0] as Store);
  }

  /** While this goes on, what goes wrong goes wrong because of it. */
  during<Answer>(activity: string, code: () => Answer, mapping?: MappingRecord): Answer {
    const saved = [this.#activity, this.#mapping] as const;
    this.#activity = activity;
    this.#mapping = mapping ?? this.#mapping;
    try {
      return code();
    } finally {
      [this.#activity, this.#mapping] = saved;
    }
  }

  /** A mapping is being made or ended. */
  maintaining<Answer>(mapping: MappingRecord, phase: Phase, code: () => Answer): Answer {
    this.#phase = phase;
    this.#flush = undefined;
    this.#done = 0;
    try {
      return this.during(`dom0 ${phase}s it for ${mapping.device.name}`, code, mapping);
    } finally {
      this.#phase = undefined;
      this.#flush = undefined;
    }
  }

  /** Maintenance is about to be carried out. */
  flushing(issued: Flush['issued']): void {
    const size = 'hypercall' in issued ? issued.hypercall.length : issued.native.size;
    const flush: Flush = { issued, meant: [this.#done, this.#done + size], landed: [] };
    this.#done += size;
    this.#flush = flush;
    if (this.#phase === undefined) return;
    this.#mapping?.[this.#phase === 'map' ? 'atMap' : 'atUnmap'].push(flush);
  }

  /** And is carried out. */
  maintained({ whole, partial }: MaintenanceCall, from: MachineAddr, to: MachineAddr): void {
    const lines = countLines(from, to, this.#lineSize);
    this.#count(whole, lines.whole);
    this.#count(partial, lines.partial);
    this.#flush?.landed.push([from, to]);
  }
  #count(instruction: MaintenanceCall['whole'], lines: number): void {
    const { costs } = this;
    if (instruction === 'DC CVAC') costs.linesCleaned += lines;
    else if (instruction === 'DC IVAC') costs.linesInvalidated += lines;
    else costs.linesCleanInvalidated += lines;
  }
  /** What was done so far was setting up. */
  startCounting(): void {
    this.costs = noCosts();
  }
  hypercall(name: string): void {
    const { hypercalls } = this.costs;
    hypercalls[name] = (hypercalls[name] ?? 0) + 1;
  }

  /** The fault since then that made a byte wrong, as it was read there or copied there; undefined: none. */
  faultAt(at: MachineAddr, since: number): number | undefined {
    const found = this.faults.findLastIndex(
      ({ from, to, copiedTo }, index) =>
        index >= since &&
        ((from <= at && at < to) ||
          (copiedTo !== undefined && copiedTo <= at && at < copiedTo + (to - from))),
    );
    return found < 0 ? undefined : found;
  }

  fault(
    {
      rule,
      moves,
      from,
      to,
      consequence,
    }: Pick<FaultRecord, 'rule' | 'moves' | 'from' | 'to' | 'consequence'>,
    what = '',
  ): void {
    this.faults.push({
      rule,
      moves,
      from,
      to,
      consequence,
      activity: this.#activity,
      mapping: this.#mapping,
      phase: this.#phase,
      flush: this.#flush,
      before: this.mappings.length,
      what,
    });
  }
}
