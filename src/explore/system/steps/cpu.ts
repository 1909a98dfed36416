/** Steps of a CPU: it reads, writes and copies through its domain's translation. */
import { machineAddrOf, offsetBy, pageOffset, pfnOf } from '../../../address/index.ts';
import { join, type MachineRange, type Place, pagePieces } from '../places.ts';
import { mayUse } from '../rights.ts';
import type { System } from '../system.ts';
import type { ActionOf, Actor, Handlers } from './step.ts';

export const CPU_STEPS: Handlers<'read' | 'write' | 'copy'> = { read: access, write: access, copy };

function access(system: System, actor: Actor, action: ActionOf<'read' | 'write'>): void {
  const place = system.named.placeFor(action.buffer);
  if (!place) return;
  const [from, to] = action.bytes ?? [0, place.size];
  const { cpu } = actor.spec;
  const cacheable = place.cacheable && !action.uncached;
  system.scheduler.atomic(`${action.do} ${action.buffer}`, () => {
    const what = `${action.do} of ${action.buffer}`;
    const ranges = reachable(system, actor.domain, place, from, to, action.do, what, action.mayFail);
    for (const [low, high] of ranges) {
      system.cpuTouches(action.do, low, high);
      if (action.do === 'read') system.machine.cpuRead({ cpu, cacheable }, low, high);
      else system.machine.cpuWrite({ cpu, cacheable }, low, high);
    }
  });
}

/** The memory that the domain's page tables lead to now; what is not there or not its own is written down. */
export function reachable(
  system: System,
  domain: string,
  place: Place,
  from: number,
  to: number,
  how: 'read' | 'write',
  what: string,
  mayFail = false,
): MachineRange[] {
  const { kernel, domid } = system.party(domain);
  const ranges: MachineRange[] = [];
  for (const { phys, size } of pagePieces(place, from, to)) {
    const found = kernel.world.stage2.translate(pfnOf(phys));
    if (found === undefined) {
      if (!mayFail) system.fail('fault', `${what}: no memory is mapped there`);
      continue;
    }
    if (how === 'write' && !found.writable) {
      if (!mayFail) system.fail('fault', `${what}: it is mapped read-only`);
      continue;
    }
    const at = offsetBy(machineAddrOf(found.frame), pageOffset(phys));
    if (!mayUse(system, domid, found.frame))
      system.fail('wrong-frame', `${what}: the memory is somebody else\u2019s by now`, [
        [at, offsetBy(at, size)],
      ]);
    join(ranges, at, size);
  }
  system.setOwn(ranges);
  return ranges;
}

function copy(system: System, actor: Actor, action: ActionOf<'copy'>): void {
  const from = system.named.placeFor(action.from);
  const to = system.named.placeFor(action.to);
  if (!from || !to) return;
  const size = action.size ?? Math.min(from.size - action.fromOffset, to.size - action.toOffset);
  const { cpu } = actor.spec;
  for (let done = 0; done < size; ) {
    const [source] = pagePieces(from, action.fromOffset + done, action.fromOffset + size);
    const [target] = pagePieces(to, action.toOffset + done, action.toOffset + size);
    if (!source || !target) return;
    const [read, write] = [action.fromOffset + done, action.toOffset + done];
    const length = Math.min(source.size, target.size);
    system.scheduler.atomic(`copy ${length} bytes of ${from.name} to ${to.name}`, () => {
      const reach = (place: Place, at: number, how: 'read' | 'write') =>
        reachable(system, actor.domain, place, at, at + length, how, `${how} of ${place.name}`)[0];
      const [low, high] = reach(from, read, 'read') ?? [];
      const [at, end] = reach(to, write, 'write') ?? [];
      if (low === undefined || high === undefined || at === undefined || end === undefined) return;
      system.cpuTouches('read', low, high);
      system.cpuTouches('write', at, end);
      if (from.cacheable === to.cacheable)
        system.machine.cpuCopy({ cpu, cacheable: from.cacheable }, low, high, at);
      else {
        // The machine copies through one kind of mapping. What was read is judged here and now.
        system.machine.cpuRead({ cpu, cacheable: from.cacheable }, low, high);
        system.machine.cpuWrite({ cpu, cacheable: to.cacheable }, at, end);
      }
    });
    done += length;
  }
}
