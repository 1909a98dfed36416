import { describe, expect, test } from 'vitest';
import { mfn, PAGE_SIZE, pfn, pfnOf, physAddr } from '../../address/index.ts';
import { AT_ONCE, NO_FOOTPRINT } from '../../machine/index.ts';
import { GTF, grant_entry_v1 } from '../../xen/index.ts';
import { GIB, testHost } from '../testing.ts';
import { mapGrants, unmapGrants } from './foreign-pages.ts';
import { GrantTable } from './grant-table.ts';

const PAGE = pfnOf(physAddr(GIB));

describe('a kernel\u2019s grant table', () => {
  test('has an entry of real bytes for each grant, after those that are reserved', () => {
    const { xen, hardware } = testHost();
    const table = new GrantTable({ xen, domid: 1, hardware, scheduler: AT_ONCE, footprint: NO_FOOTPRINT });
    expect([table.grant(0, PAGE, false), table.grant(0, pfn(PAGE + 1), true)]).toEqual([8, 9]);
    const [frame = mfn(0)] = xen.grantFrames(1);
    const entry = (ref: number) => grant_entry_v1.read(hardware.readBytes(frame, ref * 8, 8));
    expect(entry(8)).toEqual({ flags: GTF.permit_access, domid: 0, frame: PAGE });
    expect(entry(9)).toEqual({ flags: GTF.permit_access + GTF.readonly, domid: 0, frame: PAGE + 1 });
  });

  test('keeps a grant that is in use, and gives its reference out again afterwards', () => {
    const { dom0, grants } = testHost();
    const ref = grants.grant(0, PAGE, false) as number;
    const at = pfn(0x50000);
    const [mapped] = mapGrants(dom0, {}, [{ at, domain: 1, ref, readonly: false }]);
    expect(grants.endAccess(ref)).toBe(false);
    unmapGrants(dom0, {}, [{ at, frame: mfn(0), handle: mapped?.handle ?? -1 }]);
    expect(grants.endAccess(ref)).toBe(true);
    expect(grants.grant(0, PAGE, false)).toBe(ref);
  });

  test('can be full', () => {
    const { grants } = testHost();
    const refs = Array.from({ length: PAGE_SIZE / 8 - 8 }, () => grants.grant(0, PAGE, false));
    expect([refs.at(-1), grants.grant(0, PAGE, false)]).toEqual([PAGE_SIZE / 8 - 1, undefined]);
  });

  test('shares each entry\u2019s cell with Xen', () => {
    const { dom0, grants, touched } = testHost();
    const ref = grants.grant(0, PAGE, false) as number;
    const cell = `grant:1:${ref}`;
    expect(touched).toContainEqual({ cell, write: true });
    touched.length = 0;
    mapGrants(dom0, {}, [{ at: pfn(0x50000), domain: 1, ref, readonly: false }]);
    expect(touched).toContainEqual({ cell, write: true });
  });

  test('knows no reference beyond its frames', () => {
    const { xen, grants } = testHost();
    expect(xen.grantFrames(1)).toHaveLength(1);
    expect(() => grants.endAccess(512)).toThrow('has no grant 512');
  });
});
