/** What the parts of a replay share: the platform, what is live, what waits, and what was counted. */
import {
  type DmaAddr,
  dmaToMachine,
  type MachineAddr,
  type Mfn,
  machineAddrOf,
  machineToDma,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../address/index.ts';
import { dmaToMachineThrough } from '../devicetree/index.ts';
import { type Attributes, type Direction, NO_ATTRIBUTES } from '../linux/index.ts';
import { Attribute, EventKind, hasAttribute, type MutableKind, type TraceEvent } from '../trace/index.ts';
import { classify, type Made } from './classify.ts';
import { type ContextState, Contexts } from './contexts.ts';
import type { Drive } from './drive.ts';
import type { Entry } from './entry-matcher.ts';
import { LiveTable, type MappingKind, UnmappedAddresses } from './live.ts';
import { type DriverCall, MisuseLog } from './misuse.ts';
import type { P2m } from './p2m.ts';
import { describeDevice, type Platform, type ReplayDevice } from './platform.ts';
import type { ClosingEntry, SgClosing } from './sg-closing.ts';

/** Counts of one device. */
export interface DeviceCount {
  readonly device: ReplayDevice;
  mappings: number;
  foreignMappings: number;
}

/** What the reader of the trace knows while it reads. */
export interface TraceSource {
  /** Names of devices, by the index in events. */
  readonly devices: readonly string[];
  readonly contextKnown: boolean;
  /** It need deliver no more events of this kind that tell of no failure. */
  mute(kind: MutableKind): void;
}

const CONTEXTS = 4;
const CUT_SHORT = 'the trace ends in the middle of its unmap';

export class Session {
  readonly platform: Platform;
  readonly p2m: P2m;
  readonly drive: Drive;
  readonly contexts = new Contexts();
  readonly live = new LiveTable();
  readonly unmapped = new UnmappedAddresses();
  readonly misuse = new MisuseLog();
  readonly devices: DeviceCount[] = [];
  readonly #names: readonly string[];
  /** Contexts in which a list is being unmapped. */
  readonly #closing = new Set<ContextState>();
  /** Line of the last event of each CPU and context, but for the operations of an open dma_unmap_sg. */
  readonly #seen: number[] = [];
  /** Does the trace tell interrupts from what they interrupt. */
  readonly contextKnown: () => boolean;
  /** Why nothing is certain of the DMA event at hand (from `enter` to the next): events were lost around it. */
  uncertain: string | undefined;
  /** DMA events of any kind. */
  dmaEvents = 0;
  mappings = 0;
  foreignMappings = 0;
  /** Mappings of devices that the kernel maintains: local or bounced ones, and foreign ones. */
  maintainedLocal = 0;
  maintainedForeign = 0;
  /** The kernel's names: dma_map_phys, or dma_map_page. */
  byPhys: boolean | undefined;

  constructor(platform: Platform, p2m: P2m, drive: Drive, source: TraceSource) {
    this.platform = platform;
    this.p2m = p2m;
    this.drive = drive;
    this.#names = source.devices;
    this.contextKnown = () => source.contextKnown;
  }

  /** Begin a DMA event: its context in step, and `uncertain` as it is for this event. */
  enter(event: TraceEvent): ContextState {
    this.dmaEvents++;
    this.saw(event);
    const context = this.contexts.of(event);
    context.nests = !this.contextKnown();
    if (context.closings.length > 0) this.#settleBefore(context, event);
    this.uncertain = this.contexts.doubts(context, event) ? 'events were lost just before it' : undefined;
    return context;
  }

  /** A list is being unmapped: it waits for the operations that follow in its context. */
  close(context: ContextState, closing: SgClosing): void {
    context.closings.push(closing);
    this.#closing.add(context);
  }

  /** What the dma_unmap_sg events of this context took is complete. */
  settle(context: ContextState): void {
    this.#settleWhere(context, () => true);
  }

  /** The grant of a frame is unmapped, in whatever context: DMA to it is over, and its maintenance. */
  settleFrame(frame: Mfn): void {
    if (this.#closing.size === 0) return;
    const from = machineAddrOf(frame);
    const isOfFrame = ({ entries }: SgClosing) =>
      entries.some(({ bus, size }) => bus < from + PAGE_SIZE && bus + size > from);
    for (const context of this.#closing) this.#settleWhere(context, isOfFrame);
  }

  #settleWhere(context: ContextState, isComplete: (closing: SgClosing) => boolean): void {
    const { closings } = context;
    if (closings.length === 0) return;
    const complete = closings.filter(isComplete);
    if (complete.length === 0) return;
    context.closings = closings.filter((closing) => !complete.includes(closing));
    for (const closing of complete) this.#close(closing);
    if (context.closings.length === 0) this.#closing.delete(context);
  }

  /** The same where the trace ends: a call that nothing shows to be over may have been cut in the middle. */
  settleAtEnd(context: ContextState): void {
    for (const closing of context.closings)
      this.#close(closing, this.#isOver(closing) ? undefined : closing.lacking());
    context.closings = [];
  }

  /** Something else happened later in its context, or in one that it had interrupted. */
  #isOver({ cpu, context, lastLine }: SgClosing): boolean {
    for (let level = 0; level <= context; level++)
      if ((this.#seen[cpu * CONTEXTS + level] ?? 0) > lastLine) return true;
    return false;
  }

  /** An event that is not part of an open dma_unmap_sg. */
  saw({ cpu, context, line }: TraceEvent): void {
    this.#seen[cpu * CONTEXTS + context] = line;
  }

  /** @param lacking entries whose recorded operations may be incomplete. */
  #close(closing: SgClosing, lacking?: ReadonlySet<ClosingEntry>): void {
    const { line, attributes, entries } = closing;
    for (const entry of entries) {
      const whole = !lacking?.has(entry);
      this.drive.close(
        entry.mapping,
        line,
        attributes,
        entry.operations,
        whole,
        whole ? undefined : CUT_SHORT,
      );
    }
  }

  /**
   * A DMA event ends what waited before it, unless it can be of an inner call: an IOMMU driver syncing its page
   * tables, or an interrupt in a trace that does not tell contexts apart.
   */
  #settleBefore(context: ContextState, event: TraceEvent): void {
    this.#settleWhere(context, (closing) => {
      const inner = event.kind === EventKind.syncForDevice && closing.device.index !== event.device;
      return !closing.outlives(inner || !this.contextKnown());
    });
  }

  device(event: TraceEvent): DeviceCount {
    let count = this.devices[event.device];
    if (count === undefined) {
      const device = describeDevice(this.platform, this.#names[event.device] ?? '?', event.device);
      count = { device, mappings: 0, foreignMappings: 0 };
      this.devices[event.device] = count;
    }
    return count;
  }

  /** Machine address that a device reaches through its bus, without an IOMMU. */
  busOf(device: ReplayDevice, dma: DmaAddr): MachineAddr {
    return dmaToMachineThrough(device.windows, dma) ?? dmaToMachine(dma);
  }

  /** What a mapping is made of, by its addresses and by a bounce that waits in its context. */
  make(context: ContextState, device: ReplayDevice, dma: DmaAddr, phys: PhysAddr, size: number): Made {
    const foreign = this.p2m.get(pfnOf(phys));
    const direct = foreign === undefined ? undefined : offsetBy(machineAddrOf(foreign), pageOffset(phys));
    const bounce = context.takeBounce(phys, direct === undefined ? undefined : machineToDma(direct), size);
    return classify(this.platform, this.p2m, device, dma, phys, size, this.busOf(device, dma), bounce);
  }

  /** Events of a CPU (-1: of any) were lost before this line: what is live or waits there is not certain any more. */
  lose(cpu: number, line: number, because: string): void {
    this.contexts.lose(cpu, line);
    this.unmapped.clear();
    for (const mapping of this.live.all()) mapping.uncertain ??= because;
    // A list that is being unmapped is not live any more, but its maintenance may be among what was lost.
    for (const { closings } of this.contexts.all())
      for (const { entries } of closings) for (const { mapping } of entries) mapping.uncertain ??= because;
  }
}

/** An entry for attribution. */
export function entryAt(dma: DmaAddr, bus: MachineAddr, phys: PhysAddr, size: number): Entry {
  return { dma, bus, phys, size, operations: [], covered: 0 };
}

/** The attributes of a call; what was mapped as a resource has no RAM behind it. */
export function attributesOf(bits: number, kind: MappingKind): Attributes {
  if (bits === 0 && kind !== 'resource') return NO_ATTRIBUTES;
  return {
    skipCpuSync: hasAttribute(bits, Attribute.skipCpuSync),
    mmio: kind === 'resource',
    requireCoherent: hasAttribute(bits, Attribute.requireCoherent),
  };
}

/** The call that an event prints. */
export function driverCall(event: TraceEvent): DriverCall {
  return {
    line: event.line,
    dma: event.dmaAddr,
    size: event.size,
    direction: event.direction as Direction,
    skipCpuSync: hasAttribute(event.attributes, Attribute.skipCpuSync),
  };
}
