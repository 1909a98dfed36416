/** Events that end mappings: dma_unmap_page, dma_unmap_phys, dma_unmap_sg, and what gives memory back. */
import { busToPhys, type DmaAddr, machineAddrOf, offsetBy, pfnOf } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import { Direction as TraceDirection, type TraceEvent } from '../trace/index.ts';
import type { ContextState } from './contexts.ts';
import type { Entry } from './entry-matcher.ts';
import type { LiveMapping, MappingKind, SgList } from './live.ts';
import { checkUnmap, type DriverCall, reportUnallocated } from './misuse.ts';
import type { Operation } from './operation.ts';
import type { ReplayDevice } from './platform.ts';
import { attributesOf, driverCall, entryAt, type Session } from './session.ts';
import { SgClosing } from './sg-closing.ts';
import { takeInnermost, takeWaitingOne } from './waiting.ts';

export function unmapSingle(session: Session, event: TraceEvent): void {
  const context = session.enter(event);
  const { uncertain } = session;
  const { device } = session.device(event);
  if (event.direction === TraceDirection.none) {
    context.clear();
    return;
  }
  const call = driverCall(event);
  const mapping = session.live.forUnmap(device, call.dma, call.size, call.direction);
  const recorded = takeInnermost(context, 'unmap') ?? takeFor(session, context, device, call);
  if (mapping === undefined) {
    unmapUnknown(session, device, call, uncertain !== undefined);
    if (uncertain === undefined)
      session.drive.alone(device, 'unmap', call, attributesOf(event.attributes, 'single'), recorded);
    return;
  }
  // Since 6.18 a resource is unmapped by dma_unmap_phys too.
  checkUnmap(session.misuse, mapping, call, mapping.kind === 'resource' ? 'resource' : 'single');
  forget(session, mapping, event.line);
  mapping.uncertain ??= uncertain;
  if (mapping.kind !== 'single') return;
  const attributes = attributesOf(event.attributes, 'single');
  session.drive.close(mapping, event.line, attributes, recorded, uncertain === undefined);
}

/** Apart from its caller: a closure there would cost every unmap. */
function takeFor(
  session: Session,
  context: ContextState,
  device: ReplayDevice,
  call: DriverCall,
): readonly Operation[] {
  return takeWaitingOne(context, 'unmap', () => rangeOf(session, device, call));
}

/** Memory given back, a resource unmapped: no maintenance. */
export function unmapWithoutMaintenance(session: Session, event: TraceEvent, kind: MappingKind): void {
  session.enter(event);
  const { uncertain } = session;
  const { device } = session.device(event);
  if (event.direction === TraceDirection.none) return;
  const call = driverCall(event);
  const mapping = session.live.forUnmap(device, call.dma, call.size, call.direction);
  if (mapping === undefined) {
    unmapUnknown(session, device, call, uncertain !== undefined);
    return;
  }
  checkUnmap(session.misuse, mapping, call, kind);
  forget(session, mapping, event.line);
}

/** dma_unmap_sg is printed before its maintenance: the list waits in the context for it. */
export function unmapSg(session: Session, event: TraceEvent): void {
  const context = session.enter(event);
  const { uncertain } = session;
  const { device } = session.device(event);
  if (event.physCount === 0 || event.direction === TraceDirection.none) return;
  const list = session.live.takeList(device, event.physAt(0), event.physCount, event.direction);
  const attributes = attributesOf(event.attributes, 'sg');
  if (list === undefined) {
    // Mapped before the recording began, or lost: what follows for it is nobody else's.
    const pieces = piecesOf(session, event);
    session.close(context, new SgClosing({ device, pieces, entries: [] }, event, attributes));
    return;
  }
  if (uncertain === undefined) checkUnmapSg(session, list, event);
  for (const mapping of list.entries) {
    forget(session, mapping, event.line);
    mapping.uncertain ??= uncertain;
  }
  session.close(context, new SgClosing(list, event, attributes));
}

/** The addresses by which the operations of a list are known whose map is not: pages, and the frames behind them. */
function piecesOf(session: Session, event: TraceEvent): ReadonlySet<number> {
  const pieces = new Set<number>();
  for (let i = 0; i < event.physCount; i++) {
    const phys = event.physAt(i);
    pieces.add(phys);
    const frame = session.p2m.get(pfnOf(phys));
    if (frame !== undefined) pieces.add(machineAddrOf(frame));
  }
  return pieces;
}

function forget(session: Session, mapping: LiveMapping, line: number): void {
  session.live.remove(mapping);
  session.unmapped.add(mapping.device, mapping.dma, line);
}

/** An unmap of what no recorded map made: an entry of a list, something unmapped before, or mapped before the recording. */
function unmapUnknown(session: Session, device: ReplayDevice, call: DriverCall, uncertain: boolean): void {
  for (const entry of session.live.startingAt(device, call.dma)) {
    checkUnmap(session.misuse, entry, call, 'single');
    return;
  }
  const before = session.unmapped.lineOf(device, call.dma);
  if (before !== undefined && !uncertain)
    reportUnallocated(session.misuse, 'unmap', device.name, call, before);
}

function checkUnmapSg(session: Session, list: SgList, event: TraceEvent): void {
  if (list.nents !== event.physCount || list.direction !== event.direction)
    reportUnmapSg(session, list, event);
}

/** Apart from its caller, which almost always finds nothing. */
function reportUnmapSg(session: Session, list: SgList, event: TraceEvent): void {
  const first = list.entries[0];
  const report = (rule: 'unmap-sg-nents' | 'unmap-direction', explanation: string) =>
    session.misuse.add({
      rule,
      severity: 'error',
      device: list.device.name,
      line: event.line,
      dma: first?.dma ?? (0 as DmaAddr),
      size: first?.size ?? 0,
      direction: event.direction as Direction,
      explanation,
    });
  const mapped = `mapped at line ${first?.line ?? 0}`;
  if (list.nents !== event.physCount)
    report('unmap-sg-nents', `${mapped} with ${list.nents} entries, unmapped with ${event.physCount}`);
  if (list.direction !== event.direction) report('unmap-direction', `${mapped} with another direction`);
}

/** A range as an unmap or sync names it: of a live mapping, or of one that no recorded map explains. */
export function rangeOf(session: Session, device: ReplayDevice, call: DriverCall): Entry {
  const live = session.live.holding(device, call.dma, call.size, call.direction);
  const offset = live ? call.dma - live.dma : 0;
  const bus = live ? offsetBy(live.bus, offset) : session.busOf(device, call.dma);
  const phys = live ? offsetBy(live.phys, offset) : busToPhys(bus);
  return entryAt(call.dma, bus, phys, call.size);
}
