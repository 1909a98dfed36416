/** GNTTABOP_map_grant_ref and unmap_grant_ref, by the bytes of their structures. */
import { describe, expect, test } from 'vitest';
import { gfn, mfn, physAddr } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host, type HostOptions, s16, struct } from './testing.ts';

const [MAP, UNMAP, UNMAP_AND_REPLACE] = [0, 1, 7];
const [DEVICE, HOST, READONLY, APPLICATION, CONTAINS_PTE] = [1, 2, 4, 8, 16];
const [PERMIT, GTF_READONLY, READING, WRITING, SUB_PAGE] = [1, 4, 8, 16, 256];
const GNTST = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
};
const [EFAULT] = [14];

const PAGE = GUEST_MFN[1] + 5;
const P = 0x90000;

/** gnttab_map_grant_ref, 32 bytes: host_addr u64@0, flags u32@8, ref u32@12, dom u16@16, status s16@18, handle u32@20, dev_bus_addr u64@24. */
function map(fields: { at?: number | bigint; flags?: number; ref?: number; dom?: number } = {}): Uint8Array {
  const { at = P * 4096, flags = HOST, ref = 9, dom = 1 } = fields;
  return struct(
    32,
    [0, 8, at],
    [8, 4, flags],
    [12, 4, ref],
    [16, 2, dom],
    [18, 2, 77],
    [20, 4, 0xabcd],
    [24, 8, 0x1234],
  );
}
/** gnttab_unmap_grant_ref, 24 bytes: host_addr u64@0, dev_bus_addr u64@8, handle u32@16, status s16@20. */
function unmap(handle: number, at: number | bigint = P * 4096, bus: number | bigint = 0): Uint8Array {
  return struct(24, [0, 8, at], [8, 8, bus], [16, 4, handle], [20, 2, 77]);
}
/** grant_entry_v1, 8 bytes: flags u16@0, domid u16@2, frame u32@4. */
function entry(flags: number, domid = 0, frame = GUEST_RAM_GFN + 5): Uint8Array {
  return struct(8, [0, 2, flags], [2, 2, domid], [4, 4, frame]);
}
const flagsOf = (host: Host, ref = 9) =>
  (host.readGrant(1, ref)[0] ?? 0) + 256 * (host.readGrant(1, ref)[1] ?? 0);

function granting(flags = PERMIT, options: HostOptions = {}): Host {
  const host = new Host(options);
  host.writeGrant(1, 9, entry(flags));
  return host;
}
function mapped(host: Host, argument = map(), by = 0) {
  expect(host.grantTableOp(by, MAP, argument)).toBe(0);
  const bytes = host.peek(by, ARGUMENTS, 32);
  const view = new DataView(bytes.buffer);
  return {
    status: s16(bytes, 18),
    handle: view.getUint32(20, true),
    bus: Number(view.getBigUint64(24, true)),
  };
}
const unmapped = (host: Host, argument: Uint8Array, by = 0) => {
  expect(host.grantTableOp(by, UNMAP, argument)).toBe(0);
  return s16(host.peek(by, ARGUMENTS, 24), 20);
};

describe('mapping', () => {
  test('the page appears at the host address, and dev_bus_addr is its machine address', () => {
    const host = granting();
    expect(mapped(host)).toEqual({ status: GNTST.okay, handle: 0, bus: PAGE * 4096 });
    expect(host.xen.translate(0, gfn(P))).toEqual({ mfn: PAGE, type: 'p2m_grant_map_rw', writable: true });
    expect(host.xen.activeGrant(1, 9)).toEqual({
      pins: { hstw: 1, hstr: 0, devw: 0, devr: 0 },
      domid: 0,
      mfn: PAGE,
    });
    expect(flagsOf(host)).toBe(PERMIT + READING + WRITING);
    expect(host.xen.frame(mfn(PAGE))?.count).toBe(2);
  });

  test('read-only: the entry is read-only, and only reading is reported', () => {
    const host = granting(PERMIT + GTF_READONLY);
    expect(mapped(host, map({ flags: HOST + READONLY })).status).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(P))).toMatchObject({ type: 'p2m_grant_map_ro', writable: false });
    expect(host.xen.activeGrant(1, 9)?.pins).toEqual({ hstw: 0, hstr: 1, devw: 0, devr: 0 });
    expect(flagsOf(host)).toBe(PERMIT + GTF_READONLY + READING);
  });

  test('there is no cache maintenance', () => {
    const host = granting();
    const { handle } = mapped(host);
    unmapped(host, unmap(handle));
    expect(host.takeLog()).toEqual(['tlb 0']);
  });

  test('the low bits of the host address do not matter', () => {
    const host = granting();
    mapped(host, map({ at: P * 4096 + 0x123 }));
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });

  test('what was mapped there is replaced, and its translation flushed', () => {
    const host = granting();
    const own = 0x40200;
    mapped(host, map({ at: own * 4096 }));
    expect(host.xen.translate(0, gfn(own))?.mfn).toBe(PAGE);
    expect(host.takeLog()).toEqual(['tlb 0']);
    // dom0's own frame is still dom0's: it can have it back by populate_physmap.
    expect(host.xen.frame(mfn(own))).toMatchObject({ owner: 0, count: 1 });
  });

  test('one frame can be mapped any number of times, at different pages', () => {
    const host = granting();
    const handles = [0, 1, 2].map((i) => mapped(host, map({ at: (P + i) * 4096 })).handle);
    expect(new Set(handles).size).toBe(3);
    for (const i of [0, 1, 2]) expect(host.xen.translate(0, gfn(P + i))?.mfn).toBe(PAGE);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(3);
  });
});

describe('map: what is refused, in this order', () => {
  const silo = { platform: xenPlatform({ xsm: 'silo' }) };
  const all = DEVICE + APPLICATION + CONTAINS_PTE;
  test.each<[string, Uint8Array, number, HostOptions?, Uint8Array?]>([
    [
      'neither host nor device',
      map({ flags: APPLICATION + CONTAINS_PTE, dom: 99, ref: 9999 }),
      GNTST.bad_gntref,
    ],
    ['a device mapping', map({ flags: HOST + DEVICE, dom: 99, ref: 9999 }), GNTST.general_error],
    ['an application mapping', map({ flags: HOST + APPLICATION, dom: 99 }), GNTST.general_error],
    ['a page table entry', map({ flags: HOST + CONTAINS_PTE, dom: 99 }), GNTST.general_error],
    ['all of these', map({ flags: HOST + all, dom: 99 }), GNTST.general_error],
    ['no such domain', map({ dom: 99, ref: 9999 }), GNTST.bad_domain],
    ['DOMID_SELF is no domain here', map({ dom: 0x7ff0 }), GNTST.bad_domain],
    ['no handles left', map({ ref: 9999 }), GNTST.no_device_space, { maxMaptrackFrames: 0 }],
    ['a reference beyond the table', map({ ref: 512 }), GNTST.bad_gntref],
    ['a reference far beyond it', map({ ref: 2 ** 32 - 1 }), GNTST.bad_gntref],
    ['an invalid entry', map(), GNTST.general_error, {}, entry(0)],
    ['an entry that accepts transfers', map(), GNTST.general_error, {}, entry(2)],
    ['a transitive entry', map(), GNTST.general_error, {}, entry(3)],
    ['a sub-page entry', map(), GNTST.general_error, {}, entry(PERMIT + SUB_PAGE)],
    ['a grant to another domain', map(), GNTST.general_error, {}, entry(PERMIT, 2)],
    ['a read-only grant, for writing', map(), GNTST.general_error, {}, entry(PERMIT + GTF_READONLY)],
    ['a frame that is not mapped', map(), GNTST.bad_page, {}, entry(PERMIT, 0, 0x12345)],
    ['a host address beyond any p2m', map({ at: 2 ** 52 }), GNTST.general_error],
    ['a host address of 2^53', map({ at: 2n ** 53n }), GNTST.general_error],
    ['a flag that Xen does not know', map({ flags: HOST + 2 ** 16 }), GNTST.general_error],
    ['with SILO the hardware domain may', map(), GNTST.okay, silo],
  ])('%s', (_name, argument, status, options = {}, shared = entry(PERMIT)) => {
    const host = new Host(options);
    host.writeGrant(1, 9, shared);
    const { status: got, handle, bus } = mapped(host, argument);
    expect(got).toBe(status);
    if (status === GNTST.okay) return;
    // Nothing else is written, nothing is held, nothing is reported.
    expect({ handle, bus }).toEqual({ handle: 0xabcd, bus: 0x1234 });
    expect(host.readGrant(1, 9)).toEqual(shared);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    expect(host.xen.frame(mfn(PAGE))?.count).toBe(1);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
    expect(host.xen.bugs).toEqual([]);
  });

  test('with SILO guests may not map from each other, without it they may', () => {
    for (const [xsm, status] of [
      ['silo', GNTST.permission_denied],
      ['dummy', GNTST.okay],
    ] as const) {
      const host = new Host({ platform: xenPlatform({ xsm }) });
      host.writeGrant(1, 9, entry(PERMIT, 2));
      expect(mapped(host, map({ at: 0x50000 * 4096 }), 2).status).toBe(status);
    }
  });

  test("a page that is the granter's only by grant cannot be granted on", () => {
    const host = granting();
    mapped(host);
    host.writeGrant(0, 20, entry(PERMIT, 2, P));
    expect(mapped(host, map({ at: 0x50000 * 4096, dom: 0, ref: 20 }), 2).status).toBe(GNTST.bad_page);
  });

  test('a grant in use by another domain is refused', () => {
    const host = granting();
    mapped(host);
    host.writeGrant(1, 9, entry(PERMIT, 2));
    expect(mapped(host, map({ at: 0x50000 * 4096 }), 2).status).toBe(GNTST.general_error);
  });

  test('a refused map keeps no handle', () => {
    const host = granting(0, { maxMaptrackFrames: 1 });
    for (let i = 0; i < 600; i += 1) expect(mapped(host).status).toBe(GNTST.general_error);
  });

  test('a frame of handles is good for 255 mappings: one handle is always kept', () => {
    const host = new Host({ maxMaptrackFrames: 1 });
    const status = Array.from({ length: 256 }, (_, i) => {
      host.writeGrant(1, 8 + i, entry(PERMIT));
      return mapped(host, map({ at: (P + i) * 4096, ref: 8 + i })).status;
    });
    expect(status.filter((one) => one === GNTST.okay)).toHaveLength(255);
    expect(status[255]).toBe(GNTST.no_device_space);
  });

  test('results cannot be written to a page that is mapped read-only', () => {
    const host = new Host();
    host.writeGrant(0, 20, entry(PERMIT, 0, 0x40200));
    expect(mapped(host, map({ dom: 0, ref: 20, flags: HOST + READONLY })).status).toBe(GNTST.okay);
    host.poke(0, physAddr(0x40200 * 4096), unmap(99));
    expect(host.xen.hypercall(0, 'grant_table_op', UNMAP, physAddr(P * 4096))).toBe(-EFAULT);
    expect(s16(host.peek(0, physAddr(0x40200 * 4096), 24), 20)).toBe(77);
  });

  test('the 129th mapping of one grant could overflow a pin and is refused', () => {
    const host = granting();
    for (let i = 0; i < 128; i += 1)
      expect(mapped(host, map({ at: (P + i) * 4096 })).status).toBe(GNTST.okay);
    expect(mapped(host, map({ at: (P + 128) * 4096 })).status).toBe(GNTST.general_error);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(128);
  });

  test('an element that is not accessible ends the batch; earlier ones are mapped', () => {
    const host = granting();
    const last = physAddr(0x48000 * 4096 - 32);
    host.poke(0, last, map());
    expect(host.xen.hypercall(0, 'grant_table_op', MAP, last, 2)).toBe(-EFAULT);
    expect(s16(host.peek(0, last, 32), 18)).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });
});

describe('while it is pinned the active entry holds', () => {
  test('a guest that rewrites the shared entry changes nothing of what is mapped from it', () => {
    const host = granting();
    mapped(host);
    host.writeGrant(1, 9, entry(PERMIT, 0, GUEST_RAM_GFN + 7));
    const again = mapped(host, map({ at: (P + 1) * 4096 }));
    expect(again).toMatchObject({ status: GNTST.okay, bus: PAGE * 4096 });
    host.writeGrant(1, 9, entry(0, 2, 0));
    expect(mapped(host, map({ at: (P + 2) * 4096, flags: HOST + READONLY }))).toMatchObject({
      status: GNTST.okay,
      bus: PAGE * 4096,
    });
  });

  test('a first mapping for writing still asks whether the grant is read-only', () => {
    const host = granting(PERMIT + GTF_READONLY);
    mapped(host, map({ flags: HOST + READONLY }));
    expect(mapped(host, map({ at: (P + 1) * 4096 })).status).toBe(GNTST.general_error);
    // With a writer in place it does not ask any more.
    const writer = granting();
    mapped(writer);
    writer.writeGrant(1, 9, entry(PERMIT + GTF_READONLY));
    expect(mapped(writer, map({ at: (P + 1) * 4096 })).status).toBe(GNTST.okay);
  });
});

describe('unmapping', () => {
  test('the page is gone, the granter told, the handle free', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle))).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
    expect(host.xen.staleTranslations(0, gfn(P))).toEqual([]);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    expect(flagsOf(host)).toBe(PERMIT);
    expect(host.xen.frame(mfn(PAGE))?.count).toBe(1);
    expect(unmapped(host, unmap(handle))).toBe(GNTST.bad_handle);
  });

  test('the last writer clears writing, the last user reading', () => {
    const host = granting();
    const writer = mapped(host).handle;
    const reader = mapped(host, map({ at: (P + 1) * 4096, flags: HOST + READONLY })).handle;
    const second = mapped(host, map({ at: (P + 2) * 4096 })).handle;
    unmapped(host, unmap(writer));
    expect(flagsOf(host)).toBe(PERMIT + READING + WRITING);
    unmapped(host, unmap(second, (P + 2) * 4096));
    expect(flagsOf(host)).toBe(PERMIT + READING);
    unmapped(host, unmap(reader, (P + 1) * 4096));
    expect(flagsOf(host)).toBe(PERMIT);
  });

  test.each<[string, (handle: number) => Uint8Array, number]>([
    ['a handle that never was', () => unmap(0xffffffff), GNTST.bad_handle],
    ['a handle that is free', (handle) => unmap(handle + 1), GNTST.bad_handle],
    [
      'a bus address that is not the page’s',
      (handle) => unmap(handle, P * 4096, PAGE * 4096 + 4096),
      GNTST.general_error,
    ],
    ['a bus address of 2^53', (handle) => unmap(handle, P * 4096, 2n ** 53n), GNTST.general_error],
    ['a host address beyond any p2m', (handle) => unmap(handle, 2 ** 52), GNTST.general_error],
    ["another page's host address", (handle) => unmap(handle, 0x40300 * 4096), GNTST.general_error],
  ])('%s is refused, and the mapping stays', (_name, argument, status) => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, argument(handle))).toBe(status);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.xen.translate(0, gfn(0x40300))?.mfn).toBe(0x40300);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
    expect(unmapped(host, unmap(handle))).toBe(GNTST.okay);
  });

  // p2m_remove_mapping() (xen/arch/arm/p2m.c, 4.20) compares only what is mapped there: nothing at all passes.
  test('a host address where nothing is mapped is accepted: the grant is unpinned, and its page stays reachable', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, (P + 7) * 4096))).toBe(GNTST.okay);
    expect(flagsOf(host)).toBe(PERMIT);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });

  test('before 4.17 a wrong host address removes what is there', () => {
    const host = granting(PERMIT, { platform: xenPlatform({ version: [4, 16] }) });
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, 0x40300 * 4096))).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(0x40300))).toBeUndefined();
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });

  test('the right bus address is accepted', () => {
    const host = granting();
    const { handle, bus } = mapped(host);
    expect(unmapped(host, unmap(handle, P * 4096, bus))).toBe(GNTST.okay);
  });

  test('a part whose address is zero stays mapped', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, 0))).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
    expect(flagsOf(host)).toBe(PERMIT + READING + WRITING);
    expect(unmapped(host, unmap(handle))).toBe(GNTST.okay);
  });

  test('handles are used again in the order in which they were freed, after fresh ones', () => {
    const host = granting();
    const [a, b] = [mapped(host).handle, mapped(host, map({ at: (P + 1) * 4096 })).handle];
    unmapped(host, unmap(b, (P + 1) * 4096));
    unmapped(host, unmap(a));
    const next = Array.from({ length: 257 }, (_, i) => {
      const { handle } = mapped(host, map({ at: (P + 9) * 4096 }));
      unmapped(host, unmap(handle, (P + 9) * 4096));
      return i === 254 || i === 255 ? handle : -1;
    });
    expect(next.filter((handle) => handle >= 0)).toEqual([b, a]);
  });

  test('32 a batch: entries, one TLB flush, then the pins', () => {
    const host = granting();
    const handles = Array.from({ length: 40 }, (_, i) => mapped(host, map({ at: (P + i) * 4096 })).handle);
    const all = handles.flatMap((handle, i) => [...unmap(handle, (P + i) * 4096)]);
    host.poke(0, ARGUMENTS, Uint8Array.from(all));
    host.takeLog();
    const call = host.xen.hypercallSteps(0, 'grant_table_op', UNMAP, ARGUMENTS, 40);
    const seen: unknown[] = [];
    for (const step of call)
      seen.push([
        step.at,
        host.xen.activeGrant(1, 9)?.pins.hstw,
        host.takeLog().length,
        host.xen.staleTranslations(0, gfn(P)).length,
      ]);
    expect(seen).toEqual([
      ['tlb-flush-pending', 40, 0, 1],
      ['unpin-pending', 40, 1, 0],
      ['tlb-flush-pending', 8, 0, 0],
      ['unpin-pending', 8, 1, 0],
    ]);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
  });

  test('unmap_and_replace does not replace on Arm', () => {
    const host = granting();
    const { handle } = mapped(host);
    // host_addr u64@0, new_addr u64@8, handle u32@16, status s16@20.
    const replace = (to: number) => struct(24, [0, 8, P * 4096], [8, 8, to], [16, 4, handle]);
    expect(host.grantTableOp(0, UNMAP_AND_REPLACE, replace(0x40400 * 4096))).toBe(0);
    expect(s16(host.peek(0, ARGUMENTS, 24), 20)).toBe(GNTST.general_error);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.grantTableOp(0, UNMAP_AND_REPLACE, replace(0))).toBe(0);
    expect(s16(host.peek(0, ARGUMENTS, 24), 20)).toBe(GNTST.okay);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
  });
});

describe('the IOMMU of a direct-mapped domain', () => {
  const withIommu = (extra: HostOptions = {}) => granting(PERMIT, { ...extra, dom0: { iommu: true } });
  const identity = (host: Host) => host.xen.translate(0, gfn(PAGE));

  test('gets the frame at gfn == mfn too, as long as any mapping lasts', () => {
    const host = withIommu();
    const reader = mapped(host, map({ flags: HOST + READONLY })).handle;
    expect(identity(host)).toEqual({ mfn: PAGE, type: 'p2m_iommu_map_ro', writable: false });
    const writer = mapped(host, map({ at: (P + 1) * 4096 })).handle;
    expect(identity(host)).toMatchObject({ type: 'p2m_iommu_map_rw' });
    unmapped(host, unmap(writer, (P + 1) * 4096));
    expect(identity(host)).toMatchObject({ type: 'p2m_iommu_map_ro' });
    unmapped(host, unmap(reader));
    expect(identity(host)).toBeUndefined();
    expect(host.xen.bugs).toEqual([]);
  });

  test('not without an IOMMU, and not for a domain that is not direct mapped', () => {
    const plain = granting();
    mapped(plain);
    expect(identity(plain)).toBeUndefined();
    const indirect = granting(PERMIT, { dom0: { iommu: true, directMapped: false } });
    mapped(indirect);
    expect(identity(indirect)).toBeUndefined();
  });

  const ownPage = 0x40200;
  const selfMap = (host: Host) => {
    host.writeGrant(0, 20, entry(PERMIT, 0, ownPage));
    const { handle, status } = mapped(host, map({ dom: 0, ref: 20 }));
    expect(status).toBe(GNTST.okay);
    return handle;
  };

  test("not for one's own pages; by quirk unmapping such a grant removes the page's own entry", () => {
    for (const quirks of [[], ['self-unmap-drops-iommu-entry']] as const) {
      const host = withIommu({ platform: xenPlatform({ quirks }) });
      const handle = selfMap(host);
      expect(unmapped(host, unmap(handle))).toBe(GNTST.okay);
      expect(host.xen.translate(0, gfn(ownPage))?.mfn).toBe(quirks.length > 0 ? undefined : ownPage);
    }
  });

  test('an unmap that leaves the mapping counts for nothing; by quirk it counts, and the entry goes early', () => {
    for (const quirks of [[], ['partial-unmap-underflows-pin']] as const) {
      const host = withIommu({ platform: xenPlatform({ quirks }) });
      const { handle } = mapped(host);
      unmapped(host, unmap(handle, 0));
      expect(identity(host)?.mfn).toBe(quirks.length > 0 ? undefined : PAGE);
      unmapped(host, unmap(handle));
      expect(host.xen.bugs).toHaveLength(quirks.length);
    }
  });
});

describe('quirks', () => {
  test('map-failure-status-positive: a refused map says 1', () => {
    const host = granting(0, { platform: xenPlatform({ quirks: ['map-failure-status-positive'] }) });
    expect(mapped(host).status).toBe(1);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
    expect(mapped(host, map({ dom: 99 })).status).toBe(GNTST.bad_domain);
  });

  test('grant-map-identity: the frame appears at gfn == mfn, unless the guest cannot form the address', () => {
    const platform = xenPlatform({ quirks: ['grant-map-identity'] });
    const host = granting(PERMIT, { platform });
    const { handle } = mapped(host);
    expect(host.xen.translate(0, gfn(PAGE))).toMatchObject({ mfn: PAGE, writable: true });
    unmapped(host, unmap(handle));
    expect(host.xen.translate(0, gfn(PAGE))).toBeUndefined();

    const high = GUEST_MFN[2] + 5;
    for (const [addressBits, found] of [
      [32, undefined],
      [40, high],
    ] as const) {
      const lpae = new Host({ platform, dom0: { addressBits } });
      lpae.writeGrant(2, 9, entry(PERMIT));
      mapped(lpae, map({ dom: 2 }));
      expect(lpae.xen.translate(0, gfn(high))?.mfn).toBe(found);
    }
  });

  test('free-while-access-remains: of two concurrent unmaps the first reports free while a TLB has the second’s page', () => {
    for (const broken of [true, false]) {
      const quirks = broken ? (['free-while-access-remains'] as const) : [];
      const host = granting(PERMIT, { platform: xenPlatform({ quirks }) });
      const handles = [mapped(host).handle, mapped(host, map({ at: (P + 1) * 4096 })).handle];
      const calls = handles.map((handle, i) => {
        const at = physAddr(ARGUMENTS + 4096 * i);
        host.poke(0, at, unmap(handle, (P + i) * 4096));
        return host.xen.hypercallSteps(0, 'grant_table_op', UNMAP, at);
      });
      const [first, second] = calls;
      // First: entry gone, TLBs flushed. Then second: entry gone. Then first reports.
      expect(first?.next().value).toEqual({ at: 'tlb-flush-pending' });
      expect(first?.next().value).toEqual({ at: 'unpin-pending' });
      expect(second?.next().value).toEqual({ at: 'tlb-flush-pending' });
      expect(first?.next().done).toBe(true);
      expect(host.xen.staleTranslations(0, gfn(P + 1))).toHaveLength(1);
      expect(flagsOf(host)).toBe(broken ? PERMIT : PERMIT + READING + WRITING);
      for (const _ of second ?? []);
      expect(flagsOf(host)).toBe(PERMIT);
      expect(host.xen.bugs).toEqual([]);
    }
  });
});
