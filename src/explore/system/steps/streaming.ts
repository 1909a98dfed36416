/** Steps of the streaming DMA API: map, unmap and sync, of one range and of lists. */
import { DMA_MAPPING_ERROR, offsetBy } from '../../../address/index.ts';
import { type Attributes, Direction } from '../../../linux/index.ts';
import type { SystemDevice } from '../bus.ts';
import { handOver, noteBounce, takeBack } from '../hand-over.ts';
import { type Mapping, piecesOf } from '../mapping.ts';
import { machineRanges, type Place, pagePieces, physAt } from '../places.ts';
import type { System } from '../system.ts';
import { type ActionOf, type Actor, attributesOf, DIRECTIONS, type Handlers, notMade } from './step.ts';

export const STREAMING_STEPS: Handlers<
  'map' | 'map-sg' | 'unmap' | 'unmap-sg' | 'sync-for-cpu' | 'sync-for-device'
> = {
  map,
  'map-sg': mapList,
  unmap,
  'unmap-sg': unmap,
  'sync-for-cpu': sync,
  'sync-for-device': sync,
};

function map(system: System, actor: Actor, action: ActionOf<'map'>): void {
  const place = system.named.placeFor(action.buffer);
  if (!place) {
    notMade(system, 'mapping', action.as);
    return;
  }
  const [from, to] = action.bytes ?? [0, place.size];
  const device = system.device(action.device);
  const direction = DIRECTIONS[action.direction];
  const attributes = attributesOf(action.attributes);
  begin(system, [{ place, from, to }], direction, device, attributes);
  const dma = system
    .api(actor.domain, actor.spec.cpu)
    .map(device, physAt(place, from), to - from, direction, attributes);
  const entries = dma === DMA_MAPPING_ERROR ? [] : [{ place, from, to, dma }];
  finishMap(
    system,
    { name: action.as, agent: actor.index, device, direction, entries, attributes },
    action.mayFail,
  );
}

function mapList(system: System, actor: Actor, action: ActionOf<'map-sg'>): void {
  const places = action.buffers
    .map((name) => system.named.placeFor(name))
    .filter((place) => place !== undefined);
  if (places.length < action.buffers.length) {
    notMade(system, 'mapping', action.as);
    return;
  }
  const device = system.device(action.device);
  const direction = DIRECTIONS[action.direction];
  const attributes = attributesOf(action.attributes);
  const runs = places.flatMap(runsOf);
  begin(system, runs, direction, device, attributes);
  const list = runs.map(({ place, from, to }) => ({ phys: physAt(place, from), size: to - from }));
  const mapped = system.api(actor.domain, actor.spec.cpu).mapSg(device, list, direction, attributes) ?? [];
  const entries = mapped.map(({ dma }, i) => ({ ...(runs[i] as Part), dma }));
  finishMap(system, { name: action.as, agent: actor.index, device, direction, entries, attributes });
}

/** Bytes of a buffer. */
interface Part {
  readonly place: Place;
  readonly from: number;
  readonly to: number;
}

/** Parts of a buffer whose pages follow each other in its domain: each is an entry of a list (sg_alloc_table_from_pages()). */
function runsOf(place: Place): Part[] {
  const runs: Part[] = [];
  let at = 0;
  for (const { phys, size } of pagePieces(place, 0, place.size)) {
    const last = runs.at(-1);
    if (last && offsetBy(physAt(place, last.from), last.to - last.from) === phys)
      runs[runs.length - 1] = { ...last, to: at + size };
    else runs.push({ place, from: at, to: at + size });
    at += size;
  }
  return runs;
}

/**
 * A driver begins to hand these bytes over. What a receive buffer holds is of no use from now on; where the device may write all of it at
 * any time, not even to somebody who reads it later.
 */
function begin(
  system: System,
  parts: readonly Part[],
  direction: Direction,
  device: SystemDevice,
  { skipCpuSync }: Attributes,
): void {
  const ranges = parts.flatMap(({ place, from, to }) => machineRanges(place, from, to));
  const names = [...new Set(parts.map(({ place }) => place.name))].join(', ');
  const received = direction === Direction.fromDevice;
  system.scheduler.atomic(received ? `${names} is to be received into` : `${names} is to be sent`, () => {
    system.setOwn(ranges);
    if (!received) return;
    system.setSpare(ranges);
    if (device.spec.behaves === 'scripted' || skipCpuSync) return;
    for (const [low, high] of ranges) system.machine.initialise(low, high, 'anything');
  });
}

function finishMap(system: System, made: Omit<Mapping, 'id'>, mayFail = false): void {
  const { name, device, entries } = made;
  system.scheduler.atomic(`map ${name}: hand over`, () => {
    system.named.make('mapping', name);
    system.setSpare([]);
    if (entries.length === 0) {
      if (!mayFail) system.fail('fault', `mapping ${name} for ${device.name} failed`);
      return;
    }
    const mapping = system.named.mappingMade(made);
    for (const entry of entries) noteBounce(system, mapping, entry);
    if (!mapping.attributes.skipCpuSync)
      for (const entry of mapping.entries) handOver(system, mapping, entry, entry.from, entry.to);
  });
}

function unmap(system: System, actor: Actor, action: ActionOf<'unmap' | 'unmap-sg'>): void {
  const mapping = system.named.mapping(action.mapping, actor.index);
  if (!mapping) return;
  const direction = action.direction === undefined ? mapping.direction : DIRECTIONS[action.direction];
  const attributes = action.attributes.length > 0 ? attributesOf(action.attributes) : mapping.attributes;
  const entries = mapping.entries.slice(0, action.entries ?? mapping.entries.length);
  system.scheduler.atomic(`unmap ${mapping.name}: the device has finished`, () => {
    system.setOwn(mapping.entries.flatMap(({ place, from, to }) => machineRanges(place, from, to)));
    for (const entry of mapping.entries) takeBack(system, mapping, entry, entry.from, entry.to);
  });
  const api = system.api(actor.domain, actor.spec.cpu);
  const sized = entries.map(({ dma, from, to }) => ({ dma, size: action.size ?? to - from }));
  if (action.do === 'unmap-sg') api.unmapSg(mapping.device, sized, direction, attributes);
  else for (const { dma, size } of sized) api.unmap(mapping.device, dma, size, direction, attributes);
  system.scheduler.atomic(`unmap ${mapping.name}: done`, () => {
    system.named.touch(mapping.name, true);
    system.named.mappingEnded(mapping);
    for (const entry of mapping.entries) system.bounces.unmapped(entry);
  });
}

function sync(system: System, actor: Actor, action: ActionOf<'sync-for-cpu' | 'sync-for-device'>): void {
  const mapping = system.named.mapping(action.mapping, actor.index);
  if (!mapping) return;
  const direction = action.direction === undefined ? mapping.direction : DIRECTIONS[action.direction];
  const api = system.api(actor.domain, actor.spec.cpu);
  const pieces = piecesOf(mapping, action.bytes);
  const forCpu = action.do === 'sync-for-cpu';
  const parts = pieces.map(({ entry: { place }, from, to }) => ({ place, from, to }));
  if (forCpu)
    system.scheduler.atomic(`sync ${mapping.name}: the device has finished`, () => {
      system.setOwn(parts.flatMap(({ place, from, to }) => machineRanges(place, from, to)));
      for (const { entry, from, to } of pieces) takeBack(system, mapping, entry, from, to);
    });
  // Whatever direction a wrong driver says now, the buffer is what it was mapped as.
  else begin(system, parts, mapping.direction, mapping.device, mapping.attributes);
  for (const { from, to, dma } of pieces)
    if (forCpu) api.syncForCpu(mapping.device, dma, to - from, direction);
    else api.syncForDevice(mapping.device, dma, to - from, direction);
  if (!forCpu)
    system.scheduler.atomic(`sync ${mapping.name}: hand over`, () => {
      system.setSpare([]);
      for (const { entry, from, to } of pieces) handOver(system, mapping, entry, from, to);
    });
}
