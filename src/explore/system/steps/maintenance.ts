/** Steps that maintain caches without the DMA API: by VA, by set and way, of the outer cache, by hypercall; and barriers. */
import { floorTo, offsetBy, PAGE_SIZE, pageOffset, physToBus } from '../../../address/index.ts';
import type { Regime } from '../../../coherence/index.ts';
import { CacheFlushOp } from '../../../linux/index.ts';
import { maintenanceCalls } from '../../../machine/index.ts';
import type { MaintenanceName } from '../../../scenario/index.ts';
import { type MachineRange, machineRanges, pagePieces } from '../places.ts';
import type { System } from '../system.ts';
import { reachable } from './cpu.ts';
import type { ActionOf, Actor, Handlers } from './step.ts';

const OPERATIONS = {
  clean: 'clean',
  invalidate: 'invalidate',
  'clean-invalidate': 'cleanInvalidate',
} as const satisfies Record<MaintenanceName, string>;

export const MAINTENANCE_STEPS: Handlers<'maintain' | 'cache-flush' | 'invalidate-all' | 'barrier'> = {
  maintain,
  'cache-flush': cacheFlush,
  'invalidate-all': (system, { spec }) =>
    system.scheduler.atomic('invalidate by set/way', () => {
      if (system.xen) system.xen.guestSetWayInvalidate();
      else system.machine.invalidateAll(spec.cpu);
    }),
  barrier: (system, { spec }) => system.scheduler.atomic('barrier', () => system.machine.barrier(spec.cpu)),
};

function maintain(system: System, actor: Actor, action: ActionOf<'maintain'>): void {
  const place = system.named.placeFor(action.buffer);
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
function cacheFlush(system: System, actor: Actor, action: ActionOf<'cache-flush'>): void {
  const place = system.named.placeFor(action.buffer);
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
