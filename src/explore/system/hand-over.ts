/** A buffer goes to its device and comes back: what the device reaches, and what it may do there. */
import {
  type MachineAddr,
  type Mfn,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
  pageOffset,
} from '../../address/index.ts';
import { Direction } from '../../linux/index.ts';
import type { Port } from '../../machine/index.ts';
import type { Mapping, MappingEntry } from './mapping.ts';
import { type MachineRange, machineRanges, physAt, sameRanges } from './places.ts';
import { deviceMayUse } from './rights.ts';
import type { System } from './system.ts';

/**
 * The device may use [from, to) of the place from now on; within an atomic action. What it reaches must be the buffer, or a
 * bounce slot of it.
 */
export function handOver(
  system: System,
  mapping: Mapping,
  entry: MappingEntry,
  from: number,
  to: number,
): void {
  // A scripted device shows what it reaches when it uses it.
  if (mapping.device.spec.behaves === 'scripted') return;
  const { direction, device, id } = mapping;
  const reached = reachOf(
    system,
    mapping,
    entry,
    from,
    to,
    direction === Direction.toDevice ? 'read' : 'write',
  );
  if (reached === undefined) return;
  const window = { reads: direction !== Direction.fromDevice, writes: direction !== Direction.toDevice };
  for (const [low, high] of reached) {
    if (window.reads) deviceLooks(system, low, high);
    system.machine.openWindow(id, device.port, low, high, window);
  }
  let at = from;
  for (const [low, high] of reached) {
    system.windows.open({ mapping, entry, at, from: low, to: high });
    at += high - low;
  }
}

/** The device has finished with [from, to); within an atomic action. What it was not given is not taken back. */
export function takeBack(
  system: System,
  mapping: Mapping,
  entry: MappingEntry,
  from: number,
  to: number,
): void {
  for (const [low, high] of system.windows.close(mapping, entry, from, to)) {
    if (mapping.direction !== Direction.toDevice) system.bounces.device('write', low, high - low, () => {});
    system.machine.closeWindow(mapping.id, low, high);
  }
}

/**
 * Frames have gone elsewhere (a grant is unmapped, memory is given back): a device that may still use one of them at any time
 * uses what is not its driver's any more. Within an atomic action.
 */
export function judgeGone(system: System, frames: readonly Mfn[]): void {
  for (const frame of frames)
    for (const { mapping, from, to } of system.windows.over(frame)) {
      if (deviceMayUse(system, machineAddrOf(frame))) continue;
      const low = Math.max(from, machineAddrOf(frame)) as MachineAddr;
      const high = Math.min(to, offsetBy(machineAddrOf(frame), PAGE_SIZE)) as MachineAddr;
      system.fail(
        'wrong-frame',
        `${mapping.device.name} may still use memory that is gone, for ${mapping.name}`,
        [[low, high]],
      );
    }
}

/** A scripted device reads or writes; within an atomic action. */
export function deviceAccess(
  system: System,
  mapping: Mapping,
  entry: MappingEntry,
  from: number,
  to: number,
  how: 'read' | 'write' | 'post',
): void {
  const reached = reachOf(system, mapping, entry, from, to, how === 'read' ? 'read' : 'write');
  const { port } = mapping.device;
  for (const [low, high] of reached ?? [])
    if (how === 'read') {
      deviceLooks(system, low, high);
      system.machine.deviceRead(port, low, high);
    } else {
      deviceWrites(system, port, low, high, how === 'post');
    }
}

/** A device writes; within an atomic action. What is only posted arrives before its next write that is not: writes do not pass each other. */
export function deviceWrites(
  system: System,
  port: Port,
  low: MachineRange[0],
  high: MachineRange[1],
  posted: boolean,
): void {
  if (posted) {
    system.posted.post(port, low, high);
    return;
  }
  for (const [from, to] of [...system.posted.arrive(port), [low, high] as const]) {
    system.bounces.device('write', from, to - from, () => {});
    system.machine.deviceWrite(port, from, to);
  }
}

/** A mapping is made: if it bounced, buffer and slot are two from now on; within an atomic action. */
export function noteBounce(system: System, mapping: Mapping, entry: MappingEntry): void {
  const { place, from, to, dma } = entry;
  const reached = system.bus.reach(mapping.device, dma, to - from);
  const [first] = reached ?? [];
  if (reached === undefined || first === undefined || !system.isSlot(reached)) return;
  const { layout } = system.party(place.domain);
  const [ram] = layout.ram;
  if (ram === undefined) return;
  const slot = offsetBy(ram.phys, first[0] - ram.machine);
  system.bounces.mapped(entry, {
    domain: place.domain,
    buffer: physAt(place, from),
    slot,
    slotMachine: first[0],
    bufferMachine: machineRanges(place, from, to),
  });
}

/** A device reads, or may from now on; within an atomic action. */
export function deviceLooks(system: System, low: MachineRange[0], high: MachineRange[1]): void {
  system.looked.atData = true;
  system.bounces.device('read', low, high - low, (rule, from, to) =>
    system.fail(rule, 'what the CPU wrote was not copied to the bounce slot', [
      [offsetBy(low, from), offsetBy(low, to)],
    ]),
  );
}

/** What the device reaches, if it is what it should; otherwise that is written down. */
function reachOf(
  system: System,
  mapping: Mapping,
  entry: MappingEntry,
  from: number,
  to: number,
  how: 'read' | 'write',
): readonly MachineRange[] | undefined {
  const { device, name } = mapping;
  const reached = system.bus.reach(device, offsetBy(entry.dma, from - entry.from), to - from, how);
  const wanted = machineRanges(entry.place, from, to);
  if (reached === undefined) {
    system.fail(
      'fault',
      `nothing is behind the DMA address that ${device.name} was given for ${name}`,
      wanted,
    );
    return undefined;
  }
  if (!sameRanges(reached, wanted) && !system.isSlot(reached)) {
    system.fail('wrong-frame', `${device.name} was given the address of other memory than ${name}`, wanted);
    return undefined;
  }
  const foreign = reached.flatMap(pagesOf).find(([low]) => !deviceMayUse(system, low));
  if (foreign) {
    system.fail('wrong-frame', `${device.name} uses memory that is no longer lent for ${name}`, [foreign]);
    return undefined;
  }
  return reached;
}

/** The range, cut at page boundaries. */
function pagesOf([from, to]: MachineRange): MachineRange[] {
  const pages: MachineRange[] = [];
  for (let at = from; at < to; ) {
    const end = offsetBy(at, PAGE_SIZE - pageOffset(at));
    pages.push([at, end < to ? end : to]);
    at = end;
  }
  return pages;
}
