import { describe, expect, test } from 'vitest';
import { mfn, pfn, pfnOf, physAddr } from '../../address/index.ts';
import { GTF, grant_entry_v1 } from '../../xen/index.ts';
import { GIB, testHost } from '../testing.ts';
import { mapGrants, unmapGrants } from './foreign-pages.ts';

const PAGE = pfnOf(physAddr(GIB));

describe('a kernel\u2019s grant table', () => {
  test('has an entry of real bytes for each grant, after those that are reserved', () => {
    const { xen, hardware, grants: table } = testHost();
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

  test('grows by a frame of Xen\u2019s when there is no entry left', () => {
    const { xen, grants } = testHost();
    const refs = Array.from({ length: 600 }, () => grants.grant(0, PAGE, false));
    expect(refs.at(-1)).toBe(607);
    expect(xen.grantFrames(1)).toHaveLength(2);
  });

  test('is full when Xen gives it no more: 64 frames', () => {
    const { xen, grants } = testHost();
    const refs = Array.from({ length: 64 * 512 - 8 }, () => grants.grant(0, PAGE, false));
    expect([refs.at(-1), grants.grant(0, PAGE, false)]).toEqual([64 * 512 - 1, undefined]);
    expect(xen.grantFrames(1)).toHaveLength(64);
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
