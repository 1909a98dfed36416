/** Events that hand a buffer to and fro: dma_sync_single_* and dma_sync_sg_*. */

import { NO_ATTRIBUTES } from '../linux/index.ts';
import { Direction as TraceDirection, type TraceEvent } from '../trace/index.ts';
import { checkSync, type DriverCall, reportUnallocated } from './misuse.ts';
import type { Operation } from './operation.ts';
import type { ReplayDevice } from './platform.ts';
import { driverCall, type Session } from './session.ts';
import { rangeOf } from './unmaps.ts';
import { takeWaiting } from './waiting.ts';

type SyncName = 'sync_for_cpu' | 'sync_for_device';

export function syncSingle(session: Session, event: TraceEvent, name: SyncName): void {
  syncAll(session, event, name, [driverCall(event)]);
}

export function syncSg(session: Session, event: TraceEvent, name: SyncName): void {
  const calls: DriverCall[] = [];
  for (let i = 0; i < event.dmaCount; i++)
    calls.push({ ...driverCall(event), dma: event.dmaAt(i), size: event.sizeAt(i) });
  syncAll(session, event, name, calls);
}

function syncAll(session: Session, event: TraceEvent, name: SyncName, calls: readonly DriverCall[]): void {
  const context = session.enter(event);
  const { uncertain } = session;
  const { device } = session.device(event);
  if (event.direction === TraceDirection.none) {
    context.clear();
    return;
  }
  const taken = takeWaiting(context, 'sync', calls.length, () =>
    calls.map((call) => rangeOf(session, device, call)),
  );
  calls.forEach((call, i) => {
    syncOne(session, device, call, name, taken[i] ?? [], uncertain);
  });
}

function syncOne(
  session: Session,
  device: ReplayDevice,
  call: DriverCall,
  name: SyncName,
  recorded: readonly Operation[],
  uncertain: string | undefined,
): void {
  const certain = uncertain === undefined;
  const mapping = session.live.holding(device, call.dma, call.size, call.direction);
  if (mapping === undefined) {
    const before = session.unmapped.lineOf(device, call.dma);
    if (before !== undefined && certain) reportUnallocated(session.misuse, 'sync', device.name, call, before);
    if (certain) session.drive.alone(device, name, call, NO_ATTRIBUTES, recorded);
    return;
  }
  if (certain) checkSync(session.misuse, mapping, call, name === 'sync_for_cpu');
  mapping.uncertain ??= uncertain;
  // Pages that the API gave out are synced by hand; how they are used before the first sync no event says.
  if (mapping.kind === 'pages') session.drive.alone(device, name, call, NO_ATTRIBUTES, recorded);
  if (mapping.kind !== 'single' && mapping.kind !== 'sg') return;
  const { line, size, direction } = call;
  const offset = call.dma - mapping.dma;
  session.drive.part(
    mapping,
    { name, line, offset, size, direction, attributes: NO_ATTRIBUTES },
    recorded,
    certain,
  );
}
