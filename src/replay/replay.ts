/**
 * From a stream of trace events to judgement: pairs maps with their unmaps and syncs, gives each its maintenance,
 * and drives one track for the recording and one for each design.
 */
import { INVALID_P2M_ENTRY, NO_SLOT, type Pfn } from '../address/index.ts';
import { Automaton } from '../coherence/index.ts';
import type { Design } from '../linux/index.ts';
import { Direction, EventKind, type TraceEvent, type TraceSink, type Unparsed } from '../trace/index.ts';
import type { Call } from './call.ts';
import { Drive } from './drive.ts';
import { Grants } from './grants.ts';
import { Histories, LandedCalls } from './history.ts';
import type { Hardware } from './judge.ts';
import { ReplayKernel } from './kernel.ts';
import type { World } from './lane.ts';
import { mapSg, mapSingle, mapWithoutMaintenance } from './maps.ts';
import { NO_OPERATIONS, type Operation } from './operation.ts';
import { P2m } from './p2m.ts';
import { instructionsOf, type Platform } from './platform.ts';
import { Session, type TraceSource } from './session.ts';
import { syncSg, syncSingle } from './syncs.ts';
import { Track } from './track.ts';
import { unmapSg, unmapSingle, unmapWithoutMaintenance } from './unmaps.ts';

/** Events that only a kernel on Xen has. */
export const XEN_EVENTS: ReadonlySet<EventKind> = new Set([
  EventKind.cacheFlush,
  EventKind.dmaCacheMaint,
  EventKind.xenSyncForDevice,
  EventKind.xenSyncForCpu,
  EventKind.p2m,
  EventKind.xsMap,
  EventKind.xsUnmap,
  EventKind.xsSyncForCpu,
  EventKind.xsSyncForDevice,
]);

export interface ReplayOptions {
  readonly platform: Platform;
  /** Designs to judge besides the recording. */
  readonly designs: readonly Design[];
  /** The design that the traced kernel runs: its predictions are held against the recording. */
  readonly own: Design | undefined;
  readonly judgeRecorded: boolean;
}

export class Replay implements TraceSink {
  readonly session: Session;
  readonly automaton = new Automaton();
  readonly hardware: Hardware;
  readonly tracks: readonly Track[];
  readonly #grants: Grants;
  readonly #source: TraceSource;
  /** Maintenance events by path: native, the hypercall, any. */
  nativeRecorded = false;
  hypercallsRecorded = false;
  maintenanceRecorded = false;
  /** Line of the first event that only a kernel on Xen has; 0: none. */
  xenEventLine = 0;

  /** @param source the reader that the events come from. */
  constructor(options: ReplayOptions, source: TraceSource) {
    const { platform, own } = options;
    this.#source = source;
    const p2m = new P2m();
    this.hardware = { automaton: this.automaton, lineSize: platform.lineSize };
    const instructions = instructionsOf(platform);
    const world: World = {
      lineSize: platform.lineSize,
      histories: new Histories(this.hardware),
      landed: new LandedCalls(),
      ground: { instructions, ownRam: platform.ownRam, p2m },
    };
    const designs = options.designs.map((design) => new Track(design.name, design, conforms(design, own)));
    this.tracks = options.judgeRecorded ? [new Track('recorded', undefined, false), ...designs] : designs;
    const kernel = new ReplayKernel(platform, p2m);
    const driven = this.tracks.filter(({ design }) => design?.needs === undefined);
    this.#grants = new Grants(p2m, kernel, driven);
    this.session = new Session(platform, p2m, new Drive(world, driven, kernel, this.#grants), source);
  }

  event(event: TraceEvent): void {
    const { session } = this;
    const { kind } = event;
    if (this.xenEventLine === 0 && XEN_EVENTS.has(kind)) this.xenEventLine = event.line;
    switch (kind) {
      case EventKind.archSyncForDevice:
      case EventKind.archSyncForCpu:
        this.#native(event);
        return;
      case EventKind.cacheFlush:
        this.#hypercall(event);
        return;
      case EventKind.cacheFlushReturn:
        if (event.ret < 0) this.#refused(event);
        else this.#source.mute(kind);
        return;
      case EventKind.xenSyncForDevice:
      case EventKind.xenSyncForCpu:
      case EventKind.dmaCacheMaint:
        this.maintenanceRecorded = true;
        this.#source.mute(kind);
        return;
      case EventKind.p2m:
        session.saw(event);
        if (event.mfn === INVALID_P2M_ENTRY) this.#ungrant(event);
        else this.#grants.mapped(event.pfn, event.mfn, event.count);
        return;
      case EventKind.xsMap:
        this.#call(event, 'map');
        return;
      case EventKind.xsUnmap:
        this.#call(event, 'unmap');
        return;
      case EventKind.xsSyncForCpu:
      case EventKind.xsSyncForDevice:
        this.#call(event, 'sync');
        return;
      case EventKind.swiotlbBounced:
        session.contexts.of(event).bounce(event.dmaAddr, event.size, event.line);
        return;
      case EventKind.swiotlbMap:
        session.contexts.of(event).bounce(event.physAddr, event.size, event.line);
        return;
      case EventKind.swiotlbMapReturn:
        if (event.physAddr !== NO_SLOT) session.contexts.of(event).answerBounce(event.physAddr);
        return;
      case EventKind.map:
        mapSingle(session, event);
        return;
      case EventKind.mapSg:
        mapSg(session, event);
        return;
      case EventKind.mapSgError:
        session.enter(event).clear();
        return;
      case EventKind.unmap:
        unmapSingle(session, event);
        return;
      case EventKind.unmapSg:
        unmapSg(session, event);
        return;
      case EventKind.syncForCpu:
        syncSingle(session, event, 'sync_for_cpu');
        return;
      case EventKind.syncForDevice:
        syncSingle(session, event, 'sync_for_device');
        return;
      case EventKind.syncSgForCpu:
        syncSg(session, event, 'sync_for_cpu');
        return;
      case EventKind.syncSgForDevice:
        syncSg(session, event, 'sync_for_device');
        return;
      case EventKind.mapResource:
        mapWithoutMaintenance(session, event, 'resource');
        return;
      case EventKind.alloc:
        mapWithoutMaintenance(session, event, 'coherent');
        return;
      case EventKind.allocPages:
      case EventKind.allocSgt:
        mapWithoutMaintenance(session, event, 'pages');
        return;
      case EventKind.unmapResource:
        unmapWithoutMaintenance(session, event, 'resource');
        return;
      case EventKind.free:
        unmapWithoutMaintenance(session, event, 'coherent');
        return;
      case EventKind.freePages:
      case EventKind.freeSgt:
        unmapWithoutMaintenance(session, event, 'pages');
        return;
      case EventKind.lost:
        session.lose(event.cpu, event.line, `events were lost at line ${event.line}, while it was mapped`);
        return;
      case EventKind.marker:
        session.saw(event);
        return;
      case EventKind.swiotlbUnmap:
        this.#source.mute(kind);
        return;
    }
  }

  /** What could not be read may have been anything: as if it had been lost. */
  unparsed({ cpu, line, event }: Unparsed): void {
    this.session.lose(cpu, line, `line ${line} (${event}) could not be read, while it was mapped`);
  }

  /** The trace is over. What is still mapped counts for conformance only. */
  end(): void {
    for (const context of this.session.contexts.all()) this.session.settleAtEnd(context);
  }

  #native(event: TraceEvent): void {
    this.nativeRecorded = true;
    this.maintenanceRecorded = true;
    if (event.direction === Direction.none) return;
    const taken = this.session.contexts.of(event).wait({
      kind: event.kind === EventKind.archSyncForDevice ? 'arch_sync_for_device' : 'arch_sync_for_cpu',
      addr: event.physAddr,
      size: event.size,
      direction: event.direction,
      line: event.line,
      passed: 0,
    });
    if (!taken) this.session.saw(event);
  }

  #hypercall(event: TraceEvent): void {
    this.hypercallsRecorded = true;
    this.maintenanceRecorded = true;
    const flush: Operation = {
      kind: 'cflush',
      addr: event.machineAddr,
      offset: event.offset,
      size: event.length,
      op: event.op,
      line: event.line,
      passed: 0,
      failed: false,
    };
    const context = this.session.contexts.of(event);
    context.lastFlush = flush;
    if (!context.wait(flush)) this.session.saw(event);
  }

  /** Xen has refused the last hypercall of this context. */
  #refused(event: TraceEvent): void {
    const { lastFlush } = this.session.contexts.of(event);
    if (lastFlush?.kind === 'cflush') lastFlush.failed = true;
  }

  #ungrant({ pfn, count }: TraceEvent): void {
    for (let i = 0; i < count; i++) {
      const frame = this.session.p2m.get((pfn + i) as Pfn);
      if (frame !== undefined) this.session.settleFrame(frame);
    }
    this.#grants.unmapped(pfn, count);
  }

  #call(event: TraceEvent, kind: Call['kind']): void {
    const dma = kind === 'map' ? undefined : event.dmaAddr;
    const { size, line } = event;
    const taken = this.session.contexts.of(event).enter({ kind, dma, size, line, operations: NO_OPERATIONS });
    if (!taken) this.session.saw(event);
  }
}

/** It is what the traced kernel runs, or that kernel's own source. */
function conforms(design: Design, own: Design | undefined): boolean {
  return own !== undefined && (design === own || design.expectedAs === own.name);
}
