/** GNTTABOP_unmap_grant_ref, by the bytes of its structure. */
import { describe, expect, test } from 'vitest';
import { gfn, mfn } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { ARGUMENTS, s16, struct } from './testing.ts';
import { flagsOf, granting, map, mapped, P, PAGE, STATUS, unmap, unmapped } from './testing-grants.ts';

const [UNMAP, UNMAP_AND_REPLACE] = [1, 7];
const [HOST, READONLY] = [2, 4];
const [PERMIT, READING, WRITING] = [1, 8, 16];

describe('unmapping', () => {
  test('the page is gone, the granter told, the handle free', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle))).toBe(STATUS.okay);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
    expect(host.xen.staleTranslations(0, gfn(P))).toEqual([]);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    expect(flagsOf(host)).toBe(PERMIT);
    expect(host.xen.frame(mfn(PAGE))?.count).toBe(1);
    expect(unmapped(host, unmap(handle))).toBe(STATUS.bad_handle);
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
    ['a handle that never was', () => unmap(0xffffffff), STATUS.bad_handle],
    ['a handle that is free', (handle) => unmap(handle + 1), STATUS.bad_handle],
    [
      'a bus address that is not the page’s',
      (handle) => unmap(handle, P * 4096, PAGE * 4096 + 4096),
      STATUS.general_error,
    ],
    ['a bus address of 2^53', (handle) => unmap(handle, P * 4096, 2n ** 53n), STATUS.general_error],
    ['a host address beyond any p2m', (handle) => unmap(handle, 2 ** 52), STATUS.general_error],
    ["another page's host address", (handle) => unmap(handle, 0x40300 * 4096), STATUS.general_error],
  ])('%s is refused, and the mapping stays', (_name, argument, status) => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, argument(handle))).toBe(status);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.xen.translate(0, gfn(0x40300))?.mfn).toBe(0x40300);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
    expect(unmapped(host, unmap(handle))).toBe(STATUS.okay);
  });

  // p2m_remove_mapping() (xen/arch/arm/p2m.c, 4.20) compares only what is mapped there: nothing at all passes.
  test('a host address where nothing is mapped is accepted: the grant is unpinned, and its page stays reachable', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, (P + 7) * 4096))).toBe(STATUS.okay);
    expect(flagsOf(host)).toBe(PERMIT);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });

  test('before 4.17 a wrong host address removes what is there', () => {
    const host = granting(PERMIT, { platform: xenPlatform({ version: [4, 16] }) });
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, 0x40300 * 4096))).toBe(STATUS.okay);
    expect(host.xen.translate(0, gfn(0x40300))).toBeUndefined();
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
  });

  test('the right bus address is accepted', () => {
    const host = granting();
    const { handle, bus } = mapped(host);
    expect(unmapped(host, unmap(handle, P * 4096, bus))).toBe(STATUS.okay);
  });

  test('a part whose address is zero stays mapped', () => {
    const host = granting();
    const { handle } = mapped(host);
    expect(unmapped(host, unmap(handle, 0))).toBe(STATUS.okay);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
    expect(flagsOf(host)).toBe(PERMIT + READING + WRITING);
    expect(unmapped(host, unmap(handle))).toBe(STATUS.okay);
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
    expect(s16(host.peek(0, ARGUMENTS, 24), 20)).toBe(STATUS.general_error);
    expect(host.xen.translate(0, gfn(P))?.mfn).toBe(PAGE);
    expect(host.grantTableOp(0, UNMAP_AND_REPLACE, replace(0))).toBe(0);
    expect(s16(host.peek(0, ARGUMENTS, 24), 20)).toBe(STATUS.okay);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
  });
});
