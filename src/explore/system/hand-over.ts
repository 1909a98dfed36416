/** A buffer goes to its device and comes back: what the device reaches, and what it may do there. */
import { offsetBy } from '../../address/index.ts';
import { Direction } from '../../linux/index.ts';
import type { Port } from '../../machine/index.ts';
import { type MachineRange, machineRanges, physAt, sameRanges } from './places.ts';
import type { Mapping, MappingEntry, System } from './system.ts';

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
  const reached = reachOf(system, mapping, entry, from, to);
  if (reached === undefined) return;
  const { direction, device, name } = mapping;
  const window = { reads: direction !== Direction.fromDevice, writes: direction !== Direction.toDevice };
  for (const [low, high] of reached) {
    if (window.reads) bounceRead(system, low, high);
    system.machine.openWindow(name, device.port, low, high, window);
  }
  system.windows.set(windowKey(mapping, entry, from), reached);
}

/** The device has finished with [from, to); within an atomic action. */
export function takeBack(
  system: System,
  mapping: Mapping,
  entry: MappingEntry,
  from: number,
  to: number,
): void {
  if (mapping.device.spec.behaves === 'scripted') return;
  const opened = system.windows.get(windowKey(mapping, entry, entry.from));
  const reached =
    from === entry.from && opened
      ? opened
      : system.bus.reach(mapping.device, offsetBy(entry.dma, from - entry.from), to - from);
  for (const [low, high] of reached ?? []) {
    if (mapping.direction !== Direction.toDevice) system.bounces.device('write', low, high - low, () => {});
    system.machine.closeWindow(mapping.name, low, high);
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
  const reached = reachOf(system, mapping, entry, from, to);
  const { port } = mapping.device;
  for (const [low, high] of reached ?? [])
    if (how === 'read') {
      bounceRead(system, low, high);
      system.machine.deviceRead(port, low, high);
    } else {
      deviceWrites(system, port, low, high, how === 'post');
    }
}

/** A device writes; within an atomic action. What is only posted arrives with a later write of the same bytes. */
export function deviceWrites(
  system: System,
  port: Port,
  low: MachineRange[0],
  high: MachineRange[1],
  posted: boolean,
): void {
  if (posted) {
    system.post(low, high);
    return;
  }
  system.arrive(low, high);
  system.bounces.device('write', low, high - low, () => {});
  system.machine.deviceWrite(port, low, high);
}

/** A mapping is made: if it bounced, buffer and slot are two from now on; within an atomic action. */
export function noteBounce(system: System, mapping: Mapping, { place, from, to, dma }: MappingEntry): void {
  const reached = system.bus.reach(mapping.device, dma, to - from);
  const [first] = reached ?? [];
  if (reached === undefined || first === undefined || !system.isSlot(reached)) return;
  const { layout } = system.party(place.domain);
  const [ram] = layout.ram;
  if (ram === undefined) return;
  const slot = offsetBy(ram.phys, first[0] - ram.machine);
  system.bounces.mapped(place.domain, physAt(place, from), slot, first[0], to - from);
}

function bounceRead(system: System, low: MachineRange[0], high: MachineRange[1]): void {
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
): readonly MachineRange[] | undefined {
  const { device, name } = mapping;
  const reached = system.bus.reach(device, offsetBy(entry.dma, from - entry.from), to - from);
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
  const foreign = reached.find(([low]) => !system.deviceMayUse(low));
  if (foreign) {
    system.fail('wrong-frame', `${device.name} uses memory that is no longer lent for ${name}`, [foreign]);
    return undefined;
  }
  return reached;
}

function windowKey(mapping: Mapping, entry: MappingEntry, from: number): string {
  return `${mapping.name} ${mapping.entries.indexOf(entry)} ${from}`;
}
