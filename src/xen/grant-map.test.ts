/** GNTTABOP_map_grant_ref, by the bytes of its structure. */
import { describe, expect, test } from 'vitest';
import { gfn, mfn, physAddr } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { GUEST_RAM_GFN, Host, type HostOptions, s16 } from './testing.ts';
import { entry, flagsOf, granting, map, mapped, P, PAGE, STATUS, unmap, unmapped } from './testing-grants.ts';

const [MAP, UNMAP] = [0, 1];
const [DEVICE, HOST, READONLY, APPLICATION, CONTAINS_PTE] = [1, 2, 4, 8, 16];
const [PERMIT, GTF_READONLY, READING, WRITING, SUB_PAGE] = [1, 4, 8, 16, 256];
const EFAULT = 14;

describe('mapping', () => {
  test('the page appears at the host address, and dev_bus_addr is its machine address', () => {
    const host = granting();
    expect(mapped(host)).toEqual({ status: STATUS.okay, handle: 0, bus: PAGE * 4096 });
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
    expect(mapped(host, map({ flags: HOST + READONLY })).status).toBe(STATUS.okay);
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
      STATUS.bad_gntref,
    ],
    ['a device mapping', map({ flags: HOST + DEVICE, dom: 99, ref: 9999 }), STATUS.general_error],
    ['an application mapping', map({ flags: HOST + APPLICATION, dom: 99 }), STATUS.general_error],
    ['a page table entry', map({ flags: HOST + CONTAINS_PTE, dom: 99 }), STATUS.general_error],
    ['all of these', map({ flags: HOST + all, dom: 99 }), STATUS.general_error],
    ['no such domain', map({ dom: 99, ref: 9999 }), STATUS.bad_domain],
    ['DOMID_SELF is no domain here', map({ dom: 0x7ff0 }), STATUS.bad_domain],
    ['no handles left', map({ ref: 9999 }), STATUS.no_device_space, { maxMaptrackFrames: 0 }],
    ['a reference beyond the table', map({ ref: 512 }), STATUS.bad_gntref],
    ['a reference far beyond it', map({ ref: 2 ** 32 - 1 }), STATUS.bad_gntref],
    ['an invalid entry', map(), STATUS.general_error, {}, entry(0)],
    ['an entry that accepts transfers', map(), STATUS.general_error, {}, entry(2)],
    ['a transitive entry', map(), STATUS.general_error, {}, entry(3)],
    ['a sub-page entry', map(), STATUS.general_error, {}, entry(PERMIT + SUB_PAGE)],
    ['a grant to another domain', map(), STATUS.general_error, {}, entry(PERMIT, 2)],
    ['a read-only grant, for writing', map(), STATUS.general_error, {}, entry(PERMIT + GTF_READONLY)],
    ['a frame that is not mapped', map(), STATUS.bad_page, {}, entry(PERMIT, 0, 0x12345)],
    ['a host address beyond any p2m', map({ at: 2 ** 52 }), STATUS.general_error],
    ['a host address of 2^53', map({ at: 2n ** 53n }), STATUS.general_error],
    ['a flag that Xen does not know', map({ flags: HOST + 2 ** 16 }), STATUS.general_error],
    ['with SILO the hardware domain may', map(), STATUS.okay, silo],
  ])('%s', (_name, argument, status, options = {}, shared = entry(PERMIT)) => {
    const host = new Host(options);
    host.writeGrant(1, 9, shared);
    const { status: got, handle, bus } = mapped(host, argument);
    expect(got).toBe(status);
    if (status === STATUS.okay) return;
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
      ['silo', STATUS.permission_denied],
      ['dummy', STATUS.okay],
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
    expect(mapped(host, map({ at: 0x50000 * 4096, dom: 0, ref: 20 }), 2).status).toBe(STATUS.bad_page);
  });

  test('a grant in use by another domain is refused', () => {
    const host = granting();
    mapped(host);
    host.writeGrant(1, 9, entry(PERMIT, 2));
    expect(mapped(host, map({ at: 0x50000 * 4096 }), 2).status).toBe(STATUS.general_error);
  });

  test('a refused map keeps no handle', () => {
    const host = granting(0, { maxMaptrackFrames: 1 });
    for (let i = 0; i < 600; i += 1) expect(mapped(host).status).toBe(STATUS.general_error);
  });

  test('a frame of handles is good for 255 mappings: one handle is always kept', () => {
    const host = new Host({ maxMaptrackFrames: 1 });
    const status = Array.from({ length: 256 }, (_, i) => {
      host.writeGrant(1, 8 + i, entry(PERMIT));
      return mapped(host, map({ at: (P + i) * 4096, ref: 8 + i })).status;
    });
    expect(status.filter((one) => one === STATUS.okay)).toHaveLength(255);
    expect(status[255]).toBe(STATUS.no_device_space);
  });

  test('results cannot be written to a page that is mapped read-only', () => {
    const host = new Host();
    host.writeGrant(0, 20, entry(PERMIT, 0, 0x40200));
    expect(mapped(host, map({ dom: 0, ref: 20, flags: HOST + READONLY })).status).toBe(STATUS.okay);
    host.poke(0, physAddr(0x40200 * 4096), unmap(99));
    expect(host.xen.hypercall(0, 'grant_table_op', UNMAP, physAddr(P * 4096))).toBe(-EFAULT);
    expect(s16(host.peek(0, physAddr(0x40200 * 4096), 24), 20)).toBe(77);
  });

  test('the 129th mapping of one grant could overflow a pin and is refused', () => {
    const host = granting();
    for (let i = 0; i < 128; i += 1)
      expect(mapped(host, map({ at: (P + i) * 4096 })).status).toBe(STATUS.okay);
    expect(mapped(host, map({ at: (P + 128) * 4096 })).status).toBe(STATUS.general_error);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(128);
  });

  test('an element that is not accessible ends the batch; earlier ones are mapped', () => {
    const host = granting();
    const last = physAddr(0x48000 * 4096 - 32);
    host.poke(0, last, map());
    expect(host.xen.hypercall(0, 'grant_table_op', MAP, last, 2)).toBe(-EFAULT);
    expect(s16(host.peek(0, last, 32), 18)).toBe(STATUS.okay);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });
});

describe('while it is pinned the active entry holds', () => {
  test('a guest that rewrites the shared entry changes nothing of what is mapped from it', () => {
    const host = granting();
    mapped(host);
    host.writeGrant(1, 9, entry(PERMIT, 0, GUEST_RAM_GFN + 7));
    const again = mapped(host, map({ at: (P + 1) * 4096 }));
    expect(again).toMatchObject({ status: STATUS.okay, bus: PAGE * 4096 });
    host.writeGrant(1, 9, entry(0, 2, 0));
    expect(mapped(host, map({ at: (P + 2) * 4096, flags: HOST + READONLY }))).toMatchObject({
      status: STATUS.okay,
      bus: PAGE * 4096,
    });
  });

  test('a first mapping for writing still asks whether the grant is read-only', () => {
    const host = granting(PERMIT + GTF_READONLY);
    mapped(host, map({ flags: HOST + READONLY }));
    expect(mapped(host, map({ at: (P + 1) * 4096 })).status).toBe(STATUS.general_error);
    // With a writer in place it does not ask any more.
    const writer = granting();
    mapped(writer);
    writer.writeGrant(1, 9, entry(PERMIT + GTF_READONLY));
    expect(mapped(writer, map({ at: (P + 1) * 4096 })).status).toBe(STATUS.okay);
  });
});
