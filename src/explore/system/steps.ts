/** What each step of a scenario does to the system: one function a kind of step. */
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  floorTo,
  machineAddrOf,
  mfnOf,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  pageOffset,
  pfn,
  pfnOf,
  physAddr,
  physAddrOf,
  physToBus,
} from '../../address/index.ts';
import type { Regime } from '../../coherence/index.ts';
import {
  type Attributes,
  allocateForeignPages,
  allocCoherent,
  balloonIn,
  balloonOut,
  CacheFlushOp,
  Direction,
  type DirectionName,
  freeCoherent,
  freeForeignPages,
  mapGrants,
  unmapGrants,
} from '../../linux/index.ts';
import { maintenanceCalls } from '../../machine/index.ts';
import type { Action, AgentSpec, AttributeName, MaintenanceName } from '../../scenario/index.ts';
import type { SystemDevice } from './bus.ts';
import { grantCopy } from './grant-copy.ts';
import { deviceAccess, deviceWrites, handOver, judgeGone, noteBounce, takeBack } from './hand-over.ts';
import type { Mapping } from './mapping.ts';
import { join, type MachineRange, machineRanges, type Place, pagePieces, physAt } from './places.ts';
import type { Kind, System } from './system.ts';

/** Who executes a step. */
export interface Actor {
  readonly spec: AgentSpec;
  /** Its domain; a device's program has none. */
  readonly domain: string;
}

type Of<Kind extends Action['do']> = Extract<Action, { readonly do: Kind }>;
type Handler<Kind extends Action['do']> = (system: System, actor: Actor, action: Of<Kind>) => void;

const DIRECTIONS: Readonly<Record<DirectionName, Direction>> = {
  TO_DEVICE: Direction.toDevice,
  FROM_DEVICE: Direction.fromDevice,
  BIDIRECTIONAL: Direction.bidirectional,
};
const OPERATIONS = {
  clean: 'clean',
  invalidate: 'invalidate',
  'clean-invalidate': 'cleanInvalidate',
} as const satisfies Record<MaintenanceName, string>;

const HANDLERS: { readonly [Kind in Action['do']]: Handler<Kind> } = {
  read: access,
  write: access,
  copy,
  maintain,
  'cache-flush': cacheFlush,
  'invalidate-all': (system, { spec }) =>
    system.scheduler.atomic('invalidate by set/way', () => {
      if (system.xen) system.xen.guestSetWayInvalidate();
      else system.machine.invalidateAll(spec.cpu);
    }),
  barrier: (system, { spec }) => system.scheduler.atomic('barrier', () => system.machine.barrier(spec.cpu)),
  map,
  'map-sg': mapList,
  unmap,
  'unmap-sg': unmap,
  'sync-for-cpu': sync,
  'sync-for-device': sync,
  'alloc-coherent': (system, actor, { device, size, as }) => {
    const kernel = system.kernel(actor.domain, actor.spec.cpu);
    const buffer = allocCoherent(kernel, system.device(device), size);
    system.scheduler.atomic(`alloc_coherent ${as}`, () => {
      system.make('buffer', as);
      system.make('mapping', as);
      if (buffer === undefined) {
        system.fail('fault', `dma_alloc_coherent of ${size} bytes failed`);
        return;
      }
      const place: Place = {
        name: as,
        domain: actor.domain,
        offset: 0,
        size,
        pages: system.pagesAt(actor.domain, buffer.phys, Math.ceil(size / PAGE_SIZE)),
        cacheable: buffer.cacheable,
      };
      system.places.set(as, place);
      const entries = [{ place, from: 0, to: size, dma: buffer.dma }];
      system.mappings.set(as, {
        name: as,
        device: system.device(device),
        direction: Direction.bidirectional,
        entries,
        attributes: attributesOf([]),
      });
    });
  },
  'free-coherent': (system, actor, { buffer }) => {
    const place = system.placeFor(buffer);
    const mapping = system.mapping(buffer);
    const entry = mapping?.entries[0];
    if (!place || !entry) return;
    const size = place.pages.length * PAGE_SIZE;
    freeCoherent(system.kernel(actor.domain, actor.spec.cpu), {
      phys: physAt(place, 0),
      dma: entry.dma,
      size,
      cacheable: place.cacheable,
    });
    forget(system, buffer);
  },
  'device-read': (system, _actor, action) => device(system, action, 'read'),
  'device-write': (system, _actor, action) => device(system, action, 'write'),
  grant: (system, actor, { buffer, to, readonly, as }) => {
    const place = system.placeFor(buffer);
    const { grantTable, domid } = system.party(actor.domain);
    if (!place || !grantTable) {
      notMade(system, 'grant', as);
      return;
    }
    const target = system.party(to).domid;
    const refs = place.pages.map(({ phys }) => grantTable.grant(target, pfnOf(phys), readonly));
    system.scheduler.atomic(`grant ${as}`, () => {
      system.make('grant', as);
      const granted = refs.filter((ref) => ref !== undefined);
      if (granted.length < refs.length) system.fail('fault', 'the grant table is full');
      else {
        system.footprint.touch('grants', true);
        system.grants.set(as, { name: as, place, from: domid, to: target, refs: granted });
      }
    });
  },
  'end-access': (system, actor, { grant }) => {
    const granted = system.grantFor(grant);
    const { grantTable } = system.party(actor.domain);
    if (!granted || !grantTable) return;
    for (const ref of granted.refs) grantTable.endAccess(ref);
  },
  'map-grant': mapGrant,
  'unmap-grant': (system, actor, { buffer }) => {
    const mapped = system.scheduler.atomic(`look up ${buffer}`, () => {
      system.touchName(buffer, false);
      return system.foreign.get(buffer);
    });
    if (mapped === undefined) return;
    const kernel = system.kernel(actor.domain, actor.spec.cpu);
    unmapGrants(kernel, system.design, mapped.pages);
    freeForeignPages(kernel, pfn(Math.min(...mapped.pages.map(({ at }) => at))), mapped.pages.length);
    forget(system, buffer, () =>
      judgeGone(
        system,
        mapped.pages.map(({ frame }) => frame),
      ),
    );
  },
  'grant-copy': (system, actor, action) => {
    const from = system.placeFor(action.from);
    const to = system.placeFor(action.to);
    if (!from || !to) return;
    grantCopy(system, actor.domain, from, to, action);
  },
  'balloon-out': (system, actor, { buffer }) => {
    const place = system.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    giveBack(system, actor, place, frames);
  },
  'balloon-in': (system, actor, { buffer }) => {
    const place = system.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    const come = balloonIn(system.kernel(actor.domain, actor.spec.cpu), frames);
    if (come < frames.length) failAtomically(system, 'XENMEM_populate_physmap failed');
    else
      system.scheduler.atomic(`${buffer} is back`, () => {
        system.make('buffer', buffer);
        system.places.set(buffer, { ...place, pages: pagesNow(system, actor.domain, place) });
      });
  },
  free: (system, actor, { buffer }) => {
    const place = system.placeFor(buffer);
    if (!place) return;
    const frames = place.pages.map(({ phys }) => pfnOf(phys));
    if (system.xen) {
      giveBack(system, actor, place, frames);
    } else
      system.freePages(
        actor.domain,
        place.pages.map(({ phys }) => phys),
      );
  },
  allocate,
  signal: (system, _actor, { name }) =>
    system.scheduler.atomic(`signal ${name}`, () => {
      system.footprint.touch(`signal:${name}`, true);
      system.signals.add(name);
    }),
  wait: (system, _actor, { name }) =>
    system.scheduler.atomic(
      `wait ${name}`,
      () => system.footprint.touch(`signal:${name}`, false),
      () => {
        system.footprint.touch(`signal:${name}`, false);
        return system.signals.has(name);
      },
    ),
};

/** Execute one step. Whatever goes wrong is written down in the system. */
export function perform(system: System, actor: Actor, action: Action): void {
  (HANDLERS[action.do] as Handler<Action['do']>)(system, actor, action as never);
}

/** XENMEM_decrease_reservation; the device may not have finished with the pages. */
function giveBack(system: System, actor: Actor, place: Place, frames: readonly Pfn[]): void {
  const gone = balloonOut(system.kernel(actor.domain, actor.spec.cpu), frames);
  system.scheduler.atomic(`${place.name} is given back`, () => {
    if (gone < frames.length) system.fail('fault', 'XENMEM_decrease_reservation failed');
    judgeGone(
      system,
      place.pages.map(({ machine }) => mfnOf(machine)),
    );
  });
}

/** What a step would have made of something that is not there: who asks for it later comes too late, not too early. */
function notMade(system: System, kind: Kind, name: string): void {
  system.scheduler.atomic(`no ${name}`, () => system.make(kind, name));
}

function failAtomically(system: System, what: string): void {
  system.scheduler.atomic(what, () => system.fail('fault', what));
}

function forget(system: System, name: string, before: () => void = () => {}): void {
  system.scheduler.atomic(`forget ${name}`, () => {
    before();
    system.touchName(name, true);
    system.places.delete(name);
    system.mappings.delete(name);
    system.foreign.delete(name);
  });
}

function access(system: System, actor: Actor, action: Of<'read' | 'write'>): void {
  const place = system.placeFor(action.buffer);
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
function reachable(
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
    if (!system.mayUse(domid, found.frame))
      system.fail('wrong-frame', `${what}: the memory is somebody else\u2019s by now`, [
        [at, offsetBy(at, size)],
      ]);
    join(ranges, at, size);
  }
  system.setOwn(ranges);
  return ranges;
}

function copy(system: System, actor: Actor, action: Of<'copy'>): void {
  const from = system.placeFor(action.from);
  const to = system.placeFor(action.to);
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

function maintain(system: System, actor: Actor, action: Of<'maintain'>): void {
  const place = system.placeFor(action.buffer);
  if (!place) return;
  const [from, to] = action.bytes ?? [0, place.size];
  const { cpu } = actor.spec;
  const operation = OPERATIONS[action.operation];
  if (action.outer !== undefined) {
    const ranges: readonly MachineRange[] =
      action.outer === 'machine'
        ? machineRanges(place, from, to)
        : pagePieces(place, from, to).map(({ phys, size }) => [
            physToBus(phys),
            offsetBy(physToBus(phys), size),
          ]);
    for (const [low, high] of ranges)
      system.scheduler.atomic(`outer ${action.operation}`, () => {
        system.setOwn(machineRanges(place, from, to));
        system.machine.maintainOuter(operation, low, high);
      });
    return;
  }
  const regime: Regime = action.at ?? (system.xen ? 'EL1-stage2' : 'EL1');
  const call = maintenanceCalls(regime)[operation];
  const stride = system.case.platform.believedLineSizes[cpu];
  const what = `${action.operation} of ${action.buffer}`;
  // Xen has all memory mapped; a kernel needs a translation, and to invalidate (DC IVAC) one that lets it write.
  const how = action.operation === 'invalidate' ? 'write' : 'read';
  system.scheduler.atomic(`${action.operation} at ${regime}`, () => {
    const ranges =
      regime === 'EL2'
        ? machineRanges(place, from, to)
        : reachable(system, actor.domain, place, from, to, how, what);
    system.setOwn(machineRanges(place, from, to));
    for (const [low, high] of ranges)
      system.machine.maintain(cpu, call, low, high, stride === undefined ? {} : { stride });
  });
}

/** GNTTABOP_cache_flush of each page, as a kernel or anybody else in the domain may issue it. */
function cacheFlush(system: System, actor: Actor, action: Of<'cache-flush'>): void {
  const place = system.placeFor(action.buffer);
  const { hypervisor } = system.party(actor.domain).kernel.world;
  if (!place || !hypervisor) return;
  const [from, to] = action.bytes ?? [0, place.size];
  const op = action.operation === 'clean' ? CacheFlushOp.clean : CacheFlushOp.invalidate;
  // What it destroys is no buffer of a transfer's: it counts as somebody else's bytes.
  for (const { machine, size } of pagePieces(place, from, to)) {
    const devBusAddr = floorTo(machine, PAGE_SIZE);
    // Refused is no failure of the system: that is how Xen answers who has no right to the page (or not any more), and Linux does not look.
    hypervisor.cacheFlush({ devBusAddr, offset: pageOffset(machine), length: size, op });
  }
}

function attributesOf(names: readonly AttributeName[]): Attributes {
  return {
    skipCpuSync: names.includes('skip-cpu-sync'),
    mmio: names.includes('mmio'),
    requireCoherent: false,
  };
}

function map(system: System, actor: Actor, action: Of<'map'>): void {
  const place = system.placeFor(action.buffer);
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
  finishMap(system, { name: action.as, device, direction, entries, attributes }, action.mayFail);
}

function mapList(system: System, actor: Actor, action: Of<'map-sg'>): void {
  const places = action.buffers.map((name) => system.placeFor(name)).filter((place) => place !== undefined);
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
  finishMap(system, { name: action.as, device, direction, entries, attributes });
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

function finishMap(system: System, mapping: Mapping, mayFail = false): void {
  system.scheduler.atomic(`map ${mapping.name}: hand over`, () => {
    system.make('mapping', mapping.name);
    system.setSpare([]);
    if (mapping.entries.length === 0) {
      if (!mayFail) system.fail('fault', `mapping ${mapping.name} for ${mapping.device.name} failed`);
      return;
    }
    system.mappings.set(mapping.name, mapping);
    for (const entry of mapping.entries) noteBounce(system, mapping, entry);
    if (!mapping.attributes.skipCpuSync)
      for (const entry of mapping.entries) handOver(system, mapping, entry, entry.from, entry.to);
  });
}

function unmap(system: System, actor: Actor, action: Of<'unmap' | 'unmap-sg'>): void {
  const mapping = system.mapping(action.mapping);
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
    system.touchName(mapping.name, true);
    system.mappings.delete(mapping.name);
    system.ended.set(mapping.name, mapping);
    for (const entry of mapping.entries) system.bounces.unmapped(entry);
  });
}

function sync(system: System, actor: Actor, action: Of<'sync-for-cpu' | 'sync-for-device'>): void {
  const mapping = system.mapping(action.mapping);
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

/** Parts of a mapping's entries that a range of the whole mapping covers. */
function piecesOf(mapping: Mapping, bytes: readonly [number, number] | undefined) {
  const pieces: { entry: Mapping['entries'][number]; from: number; to: number; dma: DmaAddr }[] = [];
  let at = 0;
  for (const entry of mapping.entries) {
    const size = entry.to - entry.from;
    const [low, high] = bytes ?? [0, Number.POSITIVE_INFINITY];
    const from = Math.max(low - at, 0);
    const to = Math.min(high - at, size);
    if (from < to)
      pieces.push({ entry, from: entry.from + from, to: entry.from + to, dma: offsetBy(entry.dma, from) });
    at += size;
  }
  return pieces;
}

function device(system: System, action: Of<'device-read' | 'device-write'>, how: 'read' | 'write'): void {
  system.scheduler.atomic(`device ${how} ${action.mapping ?? action.buffer ?? ''}`, () => {
    const { mapping: name, buffer } = action;
    system.touchName(name ?? buffer ?? '', false);
    if (name !== undefined) {
      const mapping = system.mappings.get(name) ?? system.ended.get(name);
      if (mapping === undefined) {
        system.missing('mapping', name);
        return;
      }
      const pieces = piecesOf(mapping, action.bytes);
      system.setOwn(pieces.flatMap(({ entry, from, to }) => machineRanges(entry.place, from, to)));
      for (const { entry, from, to } of pieces)
        deviceAccess(system, mapping, entry, from, to, action.posted ? 'post' : how);
      return;
    }
    if (buffer === undefined || action.device === undefined) return;
    const place = system.places.get(buffer);
    if (place === undefined) {
      system.missing('buffer', buffer);
      return;
    }
    const { port } = system.device(action.device);
    const [from, to] = action.bytes ?? [0, place.size];
    system.setOwn(machineRanges(place, from, to));
    for (const [low, high] of machineRanges(place, from, to))
      if (how === 'read') system.machine.deviceRead(port, low, high);
      else deviceWrites(system, port, low, high, action.posted);
  });
}

function mapGrant(system: System, actor: Actor, action: Of<'map-grant'>): void {
  const grant = system.grantFor(action.grant);
  if (!grant) {
    notMade(system, 'buffer', action.as);
    return;
  }
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const first = allocateForeignPages(kernel, grant.refs.length);
  if (first === undefined) {
    if (!action.mayFail) failAtomically(system, 'no place for foreign pages');
    notMade(system, 'buffer', action.as);
    return;
  }
  const wanted = grant.refs.map((ref, i) => ({
    at: pfn(first + i),
    domain: grant.from,
    ref,
    readonly: action.readonly,
  }));
  const mapped = mapGrants(kernel, system.design, wanted);
  system.scheduler.atomic(`map grant ${action.as}`, () => {
    system.make('buffer', action.as);
    const pages = mapped.map(({ status, handle, frame }, i) => ({
      status,
      at: pfn(first + i),
      frame,
      handle,
    }));
    if (pages.some(({ status }) => status !== 0)) {
      if (action.mayFail) return;
      system.fail(
        'fault',
        `GNTTABOP_map_grant_ref of ${grant.name} failed (${pages.map(({ status }) => status).join(', ')})`,
      );
      return;
    }
    system.foreign.set(action.as, { pages });
    system.places.set(action.as, {
      ...grant.place,
      name: action.as,
      domain: actor.domain,
      pages: grant.place.pages.map(({ machine }, i) => ({ phys: physAddrOf(pfn(first + i)), machine })),
    });
  });
}

function pagesNow(system: System, domain: string, place: Place): Place['pages'] {
  return place.pages.flatMap(({ phys }) => system.pagesAt(domain, phys, 1));
}

/** Where pages that a domain asks for later appear: above all RAM. */
const ALLOCATED = physAddr(2 ** 37);

function allocate(system: System, actor: Actor, { as, size, offset }: Of<'allocate'>): void {
  const kernel = system.kernel(actor.domain, actor.spec.cpu);
  const count = Math.ceil((offset + size) / PAGE_SIZE);
  let first = system.xen
    ? system.takeAddress(ALLOCATED, count)
    : (system.allocateFreed(actor.domain, count) ?? kernel.allocatePages(count * PAGE_SIZE));
  if (first !== undefined && system.xen) {
    const frames = Array.from({ length: count }, (_, i) => pfn(pfnOf(first as typeof ALLOCATED) + i));
    if (balloonIn(kernel, frames) < count) first = undefined;
  }
  const at = first;
  system.scheduler.atomic(`allocate ${as}`, () => {
    system.make('buffer', as);
    if (at === undefined) {
      system.fail('fault', `no memory for ${as}`);
      return;
    }
    const pages = system.pagesAt(actor.domain, at, count);
    system.places.set(as, {
      name: as,
      domain: actor.domain,
      offset,
      size,
      pages,
      cacheable: true,
    });
  });
}
