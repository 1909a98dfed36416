/** Steps of a scripted device: it reads and writes at the address that it was given, or at one that nobody mapped. */
import { deviceAccess, deviceLooks, deviceWrites } from '../hand-over.ts';
import { piecesOf } from '../mapping.ts';
import { machineRanges } from '../places.ts';
import type { System } from '../system.ts';
import type { ActionOf, Handlers } from './step.ts';

export const DEVICE_STEPS: Handlers<'device-read' | 'device-write'> = {
  'device-read': (system, _actor, action) => device(system, action, 'read'),
  'device-write': (system, _actor, action) => device(system, action, 'write'),
};

function device(
  system: System,
  action: ActionOf<'device-read' | 'device-write'>,
  how: 'read' | 'write',
): void {
  system.scheduler.atomic(`device ${how} ${action.mapping ?? action.buffer ?? ''}`, () => {
    const { mapping: name, buffer } = action;
    system.named.touch(name ?? buffer ?? '', false);
    if (name !== undefined) {
      const mapping = system.named.givenToDevice(name, system.current.agent);
      if (mapping === undefined) {
        system.named.missing('mapping', name);
        return;
      }
      const pieces = piecesOf(mapping, action.bytes);
      system.setOwn(pieces.flatMap(({ entry, from, to }) => machineRanges(entry.place, from, to)));
      for (const { entry, from, to } of pieces)
        deviceAccess(system, mapping, entry, from, to, action.posted ? 'post' : how);
      return;
    }
    if (buffer === undefined || action.device === undefined) return;
    const place = system.named.places.get(buffer);
    if (place === undefined) {
      system.named.missing('buffer', buffer);
      return;
    }
    const { port } = system.device(action.device);
    const [from, to] = action.bytes ?? [0, place.size];
    system.setOwn(machineRanges(place, from, to));
    for (const [low, high] of machineRanges(place, from, to))
      if (how === 'read') {
        deviceLooks(system, low, high);
        system.machine.deviceRead(port, low, high);
      } else deviceWrites(system, port, low, high, action.posted);
  });
}
