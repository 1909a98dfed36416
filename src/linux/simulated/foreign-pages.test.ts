import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dmaAddr,
  type Mfn,
  machineAddr,
  mfn,
  PAGE_SIZE,
  type Pfn,
  pfn,
  pfnOf,
  physAddr,
  physAddrOf,
} from '../../address/index.ts';
import { AT_ONCE } from '../../machine/index.ts';
import { GNTST } from '../../xen/index.ts';
import { Direction } from '../dma.ts';
import { CacheFlushOp, type GrantHooks } from '../kernel.ts';
import { GIB, type HostOptions, interrupted, NIC, testHost } from '../testing.ts';
import type { SimulatedDevice } from './device.ts';
import {
  allocateForeignPages,
  balloonIn,
  balloonOut,
  type ForeignPage,
  freeForeignPages,
  mapGrants,
  unmapGrants,
} from './foreign-pages.ts';
import type { SimulatedKernel } from './kernel.ts';
import type { MappedGrant } from './world.ts';

const PLAIN: GrantHooks = {};
const GUEST_PAGE = pfnOf(physAddr(GIB));
const GUEST_FRAME = mfn((3 * GIB) / PAGE_SIZE);

type Host = ReturnType<typeof testHost>;
function grant(host: Host, page = 0, readonly = false): number {
  const ref = host.grants.grant(0, pfn(GUEST_PAGE + page), readonly);
  if (ref === undefined) throw new Error('no grant reference');
  return ref;
}
function place(kernel: SimulatedKernel, count = 1): Pfn {
  const at = allocateForeignPages(kernel, count);
  if (at === undefined) throw new Error('no pages');
  return at;
}
function mapped(host: Host, at: Pfn, ref: number, hooks = PLAIN, readonly = false): MappedGrant {
  const [result] = mapGrants(host.dom0, hooks, [{ at, domain: 1, ref, readonly }]);
  if (result === undefined) throw new Error('no answer');
  return result;
}
const pageOf = (at: Pfn, { frame, handle }: MappedGrant): ForeignPage => ({ at, frame, handle });

describe('a foreign page', () => {
  test('is known by its machine frame while it is mapped, and is a hole before and after', () => {
    const host = testHost();
    const at = place(host.dom0);
    host.dom0.cpuRead(physAddrOf(at), 64);
    expect(host.faults).toHaveLength(1);

    const page = mapped(host, at, grant(host));
    expect(page).toMatchObject({ status: GNTST.okay, frame: GUEST_FRAME });
    expect(host.dom0.pfnToBfn(at)).toBe(GUEST_FRAME);
    host.dom0.cpuWrite(physAddrOf(at), 64);
    expect(host.machine.deeds.at(-1)).toEqual({ what: 'write', from: 3 * GIB, to: 3 * GIB + 64 });

    expect(unmapGrants(host.dom0, PLAIN, [pageOf(at, page)])).toEqual([GNTST.okay]);
    expect(host.dom0.pfnToBfn(at)).toBe(at);
    host.dom0.cpuRead(physAddrOf(at), 64);
    expect(host.faults).toHaveLength(2);
  });

  test('granted read-only can be cleaned, and neither written nor invalidated by dom0', () => {
    const host = testHost();
    const at = place(host.dom0);
    mapped(host, at, grant(host, 0, true), PLAIN, true);
    const phys = physAddrOf(at);
    host.dom0.archSyncForDevice(phys, 64, Direction.toDevice);
    host.dom0.cpuRead(phys, 64);
    expect(host.faults).toEqual([]);
    host.dom0.cpuWrite(phys, 64);
    host.dom0.archSyncForCpu(phys, 64, Direction.fromDevice);
    expect(host.faults.map(({ what }) => what.split(' ')[0])).toEqual(['write', 'invalidate']);
  });

  test('is maintained by hypercall at its machine address, while it is mapped', () => {
    const host = testHost();
    const at = place(host.dom0);
    const byXen = () => host.machine.deeds.splice(0).filter(({ what }) => what.startsWith('Xen'));
    const op = CacheFlushOp.invalidate;
    const flush = { devBusAddr: machineAddr(3 * GIB), offset: 0x40, length: 0x80, op };
    byXen();
    host.dom0.cacheFlush(flush);
    expect(byXen()).toEqual([]);
    mapped(host, at, grant(host));
    host.dom0.cacheFlush(flush);
    expect(byXen()).toEqual([{ what: 'Xen: invalidate', from: 3 * GIB + 0x40, to: 3 * GIB + 0xc0 }]);
  });

  test('may be one of many of the same frame', () => {
    const host = testHost();
    const at = place(host.dom0, 3);
    const refs = [0, 0, 1].map((page) => grant(host, page));
    const answers = refs.map((ref, i) => mapped(host, pfn(at + i), ref));
    expect(answers.map(({ frame }) => frame - GUEST_FRAME)).toEqual([0, 0, 1]);
    const first = answers[0] as MappedGrant;
    unmapGrants(host.dom0, PLAIN, [pageOf(at, first)]);
    expect([0, 1, 2].map((i) => host.dom0.pfnToBfn(pfn(at + i)))).toEqual([at, GUEST_FRAME, GUEST_FRAME + 1]);
  });

  test('is refused by Xen with its own status, and leaves no trace', () => {
    const host = testHost();
    const at = place(host.dom0);
    expect(mapped(host, at, 99999).status).toBe(GNTST.bad_gntref);
    expect(mapped(host, at, 8).status).toBe(GNTST.general_error);
    expect(host.dom0.pfnToBfn(at)).toBe(at);
  });

  test('is unmapped again where the design refuses it', () => {
    const host = testHost();
    const at = place(host.dom0);
    const ref = grant(host);
    const page = mapped(host, at, ref, { grantMapped: () => false });
    expect(page.status).toBe(GNTST.general_error);
    expect(host.xen.activeGrant(1, ref)).toBeUndefined();
    expect(host.dom0.pfnToBfn(at)).toBe(at);
  });

  test('is told to the design after it is mapped and before it is unmapped', () => {
    const host = testHost();
    const at = place(host.dom0);
    const told: [string, Pfn, Mfn, Mfn][] = [];
    const hooks: GrantHooks = {
      grantMapped(kernel, frame, machine) {
        told.push(['mapped', frame, machine, kernel.pfnToBfn(frame)]);
        return true;
      },
      grantUnmapped: (kernel, frame, machine) =>
        void told.push(['unmapped', frame, machine, kernel.pfnToBfn(frame)]),
    };
    const page = mapped(host, at, grant(host), hooks);
    unmapGrants(host.dom0, hooks, [pageOf(at, page)]);
    expect(told).toEqual([
      ['mapped', at, GUEST_FRAME, GUEST_FRAME],
      ['unmapped', at, GUEST_FRAME, GUEST_FRAME],
    ]);
  });
});

describe('a p2m entry for which there is no memory', () => {
  test('makes the map fail, and the grant is unmapped', () => {
    const host = testHost({ dom0: { p2mEntries: 0 } });
    const at = place(host.dom0);
    const ref = grant(host);
    expect(mapped(host, at, ref).status).toBe(GNTST.general_error);
    expect(host.xen.activeGrant(1, ref)).toBeUndefined();
  });

  test('went unnoticed once: the page is mapped and taken for a local one', () => {
    const host = testHost({ dom0: { p2mEntries: 0, quirks: ['p2m-insert-failure-ignored'] } });
    const at = place(host.dom0);
    const ref = grant(host);
    expect(mapped(host, at, ref).status).toBe(GNTST.okay);
    expect(host.xen.activeGrant(1, ref)).toBeDefined();
    expect(host.dom0.pfnToBfn(at)).toBe(at);
  });
});

describe('places for foreign pages', () => {
  test('are ballooned out, and get the same frames back (dom0 is direct mapped)', () => {
    const host = testHost();
    const at = place(host.dom0, 2);
    expect([0, 1].map((i) => host.dom0.world.stage2.translate(pfn(at + i)))).toEqual([undefined, undefined]);
    freeForeignPages(host.dom0, at, 2);
    expect([0, 1].map((i) => host.dom0.world.stage2.translate(pfn(at + i))?.frame)).toEqual([at, at + 1]);
    expect(place(host.dom0, 2)).toBe(at);
  });

  test('come from the end of the extended region where there is one, without a hypercall', () => {
    const region = physAddr(3.5 * GIB);
    const host = testHost({ dom0: { structPagesToo: [[region, physAddr(region + 16 * PAGE_SIZE)]] } });
    const at = place(host.dom0, 4);
    expect(physAddrOf(at)).toBe(region + 12 * PAGE_SIZE);
    expect(mapped(host, at, grant(host)).status).toBe(GNTST.okay);
    freeForeignPages(host.dom0, at, 4);
    expect(place(host.dom0, 4)).toBe(at);
  });

  test('are zeroed before they go to the hypervisor, where the kernel does so', () => {
    const writes = (scrubsPages: boolean) => {
      const { dom0, machine } = testHost({ dom0: { scrubsPages } });
      expect(balloonOut(dom0, [pfnOf(physAddr(1.5 * GIB))])).toBe(1);
      return machine.deeds.filter(({ what }) => what === 'write');
    };
    expect(writes(false)).toEqual([]);
    expect(writes(true)).toEqual([{ what: 'write', from: 1.5 * GIB, to: 1.5 * GIB + PAGE_SIZE }]);
  });

  test('more than fit one hypercall', () => {
    const { dom0 } = testHost();
    const frames = Array.from({ length: 1200 }, (_, i) => pfn((1.5 * GIB) / PAGE_SIZE + i));
    expect(balloonOut(dom0, frames)).toBe(1200);
    expect(balloonOut(dom0, frames)).toBe(0);
    expect(balloonIn(dom0, frames)).toBe(1200);
  });
});

describe('whatever is granted, mapped and unmapped', () => {
  test('page, p2m, stage 2 and pins agree', () => {
    const step = fc.record({
      slot: fc.nat(7),
      page: fc.nat(3),
      unmap: fc.boolean(),
      scattered: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const host = testHost();
        const base = place(host.dom0, 8);
        const live = new Map<number, { page: ForeignPage; ref: number }>();
        for (const { slot, page, unmap, scattered } of steps) {
          const at = pfn(base + slot);
          const old = live.get(slot);
          if (unmap) {
            if (!old) continue;
            expect(host.grants.endAccess(old.ref)).toBe(false);
            expect(unmapGrants(host.dom0, PLAIN, [old.page])).toEqual([GNTST.okay]);
            expect(host.grants.endAccess(old.ref)).toBe(true);
            live.delete(slot);
          } else if (!old) {
            const ref = grant(host, scattered ? page * 2 : page);
            live.set(slot, { page: pageOf(at, mapped(host, at, ref)), ref });
          }
          for (let i = 0; i < 8; i++) {
            const frame = live.get(i)?.page.frame;
            expect(host.dom0.world.stage2.translate(pfn(base + i))?.frame).toBe(frame);
            expect(host.dom0.pfnToBfn(pfn(base + i))).toBe(frame ?? base + i);
          }
        }
        expect(host.xen.bugs).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a hypercall', () => {
  /** What a kernel's steps are called. */
  function steps(options: HostOptions, act: (host: Host) => void): string[] {
    const names: string[] = [];
    const scheduler: typeof AT_ONCE = {
      atomic(what, action, ready) {
        names.push(what);
        return AT_ONCE.atomic(what, action, ready);
      },
    };
    const host = testHost({ ...options, scheduler });
    names.length = 0;
    act(host);
    return names;
  }

  test('is interrupted where Xen holds no lock', () => {
    const names = steps({}, (host) => {
      const at = place(host.dom0);
      const page = mapped(host, at, grant(host));
      unmapGrants(host.dom0, PLAIN, [pageOf(at, page)]);
    });
    expect(names).toEqual([
      'allocate 1 pages',
      'XENMEM_decrease_reservation',
      'take a grant reference',
      'grant 8',
      'GNTTABOP_map_grant_ref 8',
      'GNTTABOP_map_grant_ref 8, grant pinned',
      'add to the p2m tree',
      'GNTTABOP_unmap_grant_ref 0',
      'GNTTABOP_unmap_grant_ref 0, tlb flush pending',
      'GNTTABOP_unmap_grant_ref 0, unpin pending',
      'remove from the p2m tree',
    ]);
  });

  test('takes as many grants as there are, a page of arguments at a time', () => {
    const host = testHost();
    const at = place(host.dom0, 300);
    const mappings = Array.from({ length: 300 }, (_, i) => ({
      at: pfn(at + i),
      domain: 1,
      ref: grant(host, i),
      readonly: false,
    }));
    const answers = mapGrants(host.dom0, PLAIN, mappings);
    expect(answers.map(({ status, frame }) => [status, frame - GUEST_FRAME])).toEqual(
      mappings.map((_, i) => [GNTST.okay, i]),
    );
    const statuses = unmapGrants(
      host.dom0,
      PLAIN,
      answers.map((answer, i) => pageOf(pfn(at + i), answer)),
    );
    expect(statuses).toEqual(answers.map(() => GNTST.okay));
  });

  test('copies between own pages and granted ones, many at a time, each with its status', () => {
    const host = testHost();
    const [ref, readonly] = [grant(host, 0), grant(host, 1, true)];
    const own = { page: pfnOf(physAddr(1.5 * GIB)), offset: 16 };
    const copies = [
      { source: { domain: 1, ref, offset: 8 }, target: own, length: 100 },
      { source: own, target: { domain: 1, ref, offset: 0 }, length: 4096 },
      { source: own, target: { domain: 1, ref: readonly, offset: 0 }, length: 4 },
      ...Array.from({ length: 150 }, () => ({
        source: { domain: 1, ref: readonly, offset: 0 },
        target: own,
        length: 4,
      })),
    ];
    host.machine.deeds.length = 0;
    const statuses = host.dom0.world.hypervisor?.copyGrants(copies) ?? [];
    const { okay, bad_copy_arg, general_error } = GNTST;
    expect(statuses).toEqual([okay, bad_copy_arg, general_error, ...copies.slice(3).map(() => okay)]);
    const copied = host.machine.deeds.filter(({ what }) => what === 'Xen: copy');
    expect(copied).toHaveLength(151);
    expect(copied[0]).toEqual({
      what: 'Xen: copy',
      from: 3 * GIB + 8,
      to: 3 * GIB + 108,
      target: 1.5 * GIB + 16,
    });
  });

  test('has its arguments to itself, whoever calls meanwhile', () => {
    for (let before = 0; before < 8; before++) {
      let scheduler = AT_ONCE;
      const host = testHost({ scheduler: { atomic: (...args) => scheduler.atomic(...args) } });
      const at = place(host.dom0, 6);
      const refs = [5, 4, 3, 2, 1, 0].map((page) => grant(host, page));
      const mappings = refs.map((ref, i) => ({ at: pfn(at + i), domain: 1, ref, readonly: false }));
      const others: MappedGrant[] = [];
      scheduler = interrupted(before, () => others.push(...mapGrants(host.dom0, PLAIN, mappings.slice(3))));
      const answers = [...mapGrants(host.dom0, PLAIN, mappings.slice(0, 3)), ...others];
      expect(answers.map(({ status, frame }) => [status, frame - GUEST_FRAME])).toEqual(
        [5, 4, 3, 2, 1, 0].map((page) => [GNTST.okay, page]),
      );
    }
  });

  test('on an address outside all windows of a bus is refused by Xen', () => {
    const { dom0, machine } = testHost();
    machine.deeds.length = 0;
    const windows = [{ busFrom: dmaAddr(0x1000), machineFrom: machineAddr(GIB), size: 0x1000 }];
    const device: SimulatedDevice = { ...NIC, windows };
    const nothing = dom0.dmaToBus(device, dmaAddr(0));
    dom0.cacheFlush({ devBusAddr: nothing, offset: 0, length: 64, op: CacheFlushOp.clean });
    expect(machine.deeds).toEqual([]);
  });

  test('that an old Xen does not know is not made', () => {
    expect(testHost({ xen: { version: [4, 4] } }).dom0.hasCacheFlush).toBe(false);
    expect(testHost().dom0.hasCacheFlush).toBe(true);
    expect(testHost({ dom0: { hasCacheFlush: false } }).dom0.hasCacheFlush).toBe(false);
  });

  test('tells of the identity map that no release had', () => {
    expect(testHost().dom0.hasGrantMapIdentity).toBe(false);
    const host = testHost({ xen: { quirks: ['grant-map-identity'] } });
    expect(host.dom0.hasGrantMapIdentity).toBe(true);
    mapped(host, place(host.dom0), grant(host));
    const scratch = { mapping: 'scratch', phys: physAddr(3 * GIB) } as const;
    host.dom0.syncAliasForCpu(scratch, 64, Direction.fromDevice);
    expect(host.faults).toEqual([]);
    expect(host.machine.deeds.at(-2)).toEqual({ what: 'DC IVAC', from: 3 * GIB, to: 3 * GIB + 64 });
  });

  test('is not there on a scratch mapping without it: a fault', () => {
    const host = testHost();
    mapped(host, place(host.dom0), grant(host));
    host.dom0.syncAliasForCpu({ mapping: 'scratch', phys: physAddr(3 * GIB) }, 64, Direction.fromDevice);
    expect(host.faults).toMatchObject([
      { rule: 'fault', what: 'invalidate where no memory is mapped for it', at: 3 * GIB, size: 64 },
    ]);
  });
});
