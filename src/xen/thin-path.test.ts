import { expect, test } from 'vitest';
import { gfn } from '../address/index.ts';
import {
  GNTMAP,
  GNTTAB_CACHE,
  GNTTABOP,
  GTF,
  gnttab_cache_flush,
  gnttab_map_grant_ref,
  gnttab_unmap_grant_ref,
  grant_entry_v1,
} from './abi/grant-table.ts';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host } from './testing.ts';

test("a guest's page is granted, mapped, flushed and unmapped", () => {
  const host = new Host();
  const { xen } = host;
  host.writeGrant(
    1,
    9,
    grant_entry_v1.write({ flags: GTF.permit_access, domid: 0, frame: GUEST_RAM_GFN + 5 }),
  );
  const page = GUEST_MFN[1] + 5;
  const host_addr = 0x90000 * 4096;
  expect(
    host.grantTableOp(
      0,
      GNTTABOP.map_grant_ref,
      gnttab_map_grant_ref.write({ host_addr, flags: GNTMAP.host_map, ref: 9, dom: 1 }),
    ),
  ).toBe(0);
  const mapped = gnttab_map_grant_ref.read(host.peek(0, ARGUMENTS, 32));
  expect(mapped).toMatchObject({ status: 0, dev_bus_addr: page * 4096 });
  expect(xen.translate(0, gfn(0x90000))).toEqual({ mfn: page, type: 'p2m_grant_map_rw', writable: true });
  expect(xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
  host.takeLog();
  expect(
    host.grantTableOp(
      0,
      GNTTABOP.cache_flush,
      gnttab_cache_flush.write({
        dev_bus_addr: page * 4096,
        offset: 0x100,
        length: 0x200,
        op: GNTTAB_CACHE.CLEAN,
      }),
    ),
  ).toBe(0);
  expect(host.takeLog()).toEqual(['barrier', `clean ${(page * 4096 + 0x100).toString(16)} 512`, 'barrier']);
  expect(
    host.grantTableOp(
      0,
      GNTTABOP.unmap_grant_ref,
      gnttab_unmap_grant_ref.write({ host_addr, handle: mapped.handle }),
    ),
  ).toBe(0);
  expect(xen.translate(0, gfn(0x90000))).toBeUndefined();
  expect(xen.activeGrant(1, 9)).toBeUndefined();
  expect(grant_entry_v1.read(host.readGrant(1, 9)).flags).toBe(GTF.permit_access);
  expect(xen.bugs).toEqual([]);
});
