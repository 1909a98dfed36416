/** Events that make mappings: dma_map_page, dma_map_phys, dma_map_sg, resources and memory that the API gives out. */
import { DMA_MAPPING_ERROR } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import { Attribute, hasAttribute, Direction as TraceDirection, type TraceEvent } from '../trace/index.ts';
import type { Made } from './classify.ts';
import type { ContextState } from './contexts.ts';
import type { LiveMapping, MappingKind, SgList } from './live.ts';
import { NO_OPERATIONS, type Operation } from './operation.ts';
import { attributesOf, type DeviceCount, entryAt, type Session } from './session.ts';
import { dropPieces, takeInnermost, takeWaiting, takeWaitingOne } from './waiting.ts';

export function mapSingle(session: Session, event: TraceEvent): void {
  const context = session.enter(event);
  const { uncertain } = session;
  session.byPhys ??= event.byPhys;
  const { dmaAddr: dma, physAddr: phys, size } = event;
  if (dma === DMA_MAPPING_ERROR || event.direction === TraceDirection.none) {
    context.clear();
    return;
  }
  const count = session.device(event);
  const kind = hasAttribute(event.attributes, Attribute.mmio) ? 'resource' : 'single';
  const made = session.make(context, count.device, dma, phys, size);
  const recorded = takeInnermost(context, 'map') ?? takeFor(context, made);
  const mapping = begin(session, count, event, made, kind, uncertain);
  session.drive.map(mapping, attributesOf(event.attributes, kind), recorded);
}

/** Apart from its caller: a closure there would cost every map. */
function takeFor(context: ContextState, { dma, bus, phys, size }: Made): readonly Operation[] {
  return takeWaitingOne(context, 'map', () => entryAt(dma, bus, phys, size));
}

export function mapSg(session: Session, event: TraceEvent): void {
  const context = session.enter(event);
  const { uncertain } = session;
  const count = session.device(event);
  const { device } = count;
  if (event.direction === TraceDirection.none || event.dmaCount === 0) {
    context.clear();
    return;
  }
  const { dmaCount } = event;
  const mades = new Array<Made>(dmaCount);
  for (let i = 0; i < dmaCount; i++)
    mades[i] = session.make(context, device, event.dmaAt(i), event.physAt(i), event.sizeAt(i));
  const merged = event.ents !== event.nents;
  const pieces = merged ? new Set(event.physAddrs.subarray(0, event.physCount)) : undefined;
  if (pieces) dropPieces(context, pieces);
  const taken = takeWaiting(context, 'map', Math.max(event.ents, dmaCount), () =>
    mades.map(({ dma, bus, phys, size }) => entryAt(dma, bus, phys, size)),
  );
  const list: SgList = {
    device,
    direction: event.direction,
    entries: [],
    nents: event.nents,
    truncated: event.truncated,
    pieces,
    firstPhys: event.physAt(0),
    next: undefined,
  };
  const because = merged
    ? 'entries were merged by an IOMMU: their physical lengths are not in the trace'
    : uncertain;
  const attributes = attributesOf(event.attributes, 'sg');
  for (let i = 0; i < dmaCount; i++) {
    const mapping = begin(session, count, event, mades[i] as Made, 'sg', because);
    list.entries.push(mapping);
    session.drive.map(mapping, attributes, taken[i] ?? NO_OPERATIONS);
  }
  session.live.addList(list);
  if (event.truncated && !(device.coherent && device.snoops))
    for (const track of session.drive.tracks)
      track.cannotSay(
        event.line,
        device.name,
        `list cut: ${event.dmaCount} of ${event.nents} entries are in the trace`,
      );
}

/** Memory that the API gives out, or that no cache holds: known to be live, not judged. */
export function mapWithoutMaintenance(session: Session, event: TraceEvent, kind: MappingKind): void {
  session.enter(event);
  const { dmaAddr: dma } = event;
  if (dma === 0 || dma === DMA_MAPPING_ERROR || event.direction === TraceDirection.none) return;
  const { device } = session.device(event);
  session.live.add({
    device,
    kind,
    dma,
    phys: event.physAddr,
    bus: session.busOf(device, dma),
    size: event.size,
    direction: event.direction,
    skipCpuSync: hasAttribute(event.attributes, Attribute.skipCpuSync),
    mappingClass: 'local',
    translated: false,
    line: event.line,
    lanes: NO_LANES,
    page: undefined,
    nextInPage: undefined,
    uncertain: undefined,
  });
}

const NO_LANES: never[] = [];

/** Enter a mapping among the live ones, and count it. */
function begin(
  session: Session,
  count: DeviceCount,
  event: TraceEvent,
  made: Made,
  kind: MappingKind,
  uncertain: string | undefined,
): LiveMapping {
  const { device } = count;
  const { mappingClass } = made;
  const unknown = device.unknown ? `coherence not known: ${device.because}` : undefined;
  const mapping: LiveMapping = {
    device,
    kind,
    dma: made.dma,
    phys: made.phys,
    bus: made.bus,
    size: made.size,
    direction: event.direction as Direction,
    skipCpuSync: hasAttribute(event.attributes, Attribute.skipCpuSync),
    mappingClass,
    translated: made.translated,
    line: event.line,
    lanes: NO_LANES,
    page: undefined,
    nextInPage: undefined,
    uncertain: uncertain ?? made.uncertain ?? unknown,
  };
  const foreign = mappingClass === 'foreign';
  count.mappings++;
  session.mappings++;
  if (foreign) {
    count.foreignMappings++;
    session.foreignMappings++;
  }
  if (kind !== 'resource') {
    if (!device.coherent) foreign ? session.maintainedForeign++ : session.maintainedLocal++;
  }
  session.live.add(mapping);
  if (kind !== 'resource' && !device.coherent && !uncertain) reportOverlap(session, mapping);
  return mapping;
}

function reportOverlap(session: Session, mapping: LiveMapping): void {
  const other = session.live.overlapping(mapping, session.platform.lineSize);
  if (other === undefined || other.uncertain !== undefined) return;
  const { device, line, dma, size, direction } = mapping;
  session.misuse.add({
    rule: 'overlap',
    severity: 'hazard',
    device: device.name,
    line,
    dma,
    size,
    direction,
    explanation: `begins in the cache line of the mapping of line ${other.line}, which a device may write, too`,
  });
}
