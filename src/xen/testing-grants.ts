/** Grants of a page by domain 1 to dom0, mapped and unmapped by the bytes of Xen's structures, for tests. */
import { expect } from 'vitest';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host, type HostOptions, s16, struct } from './testing.ts';

const [MAP, UNMAP] = [0, 1];
const HOST = 2;
const PERMIT = 1;

/** The machine frame that domain 1 grants by reference 9, and where dom0 maps it if nothing else is said. */
export const PAGE = GUEST_MFN[1] + 5;
export const P = 0x90000;

/** What a map or unmap says in its status. */
export const STATUS = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
};

/** gnttab_map_grant_ref, 32 bytes: host_addr u64@0, flags u32@8, ref u32@12, dom u16@16, status s16@18, handle u32@20, dev_bus_addr u64@24. */
export function map(
  fields: { at?: number | bigint; flags?: number; ref?: number; dom?: number } = {},
): Uint8Array {
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
export function unmap(handle: number, at: number | bigint = P * 4096, bus: number | bigint = 0): Uint8Array {
  return struct(24, [0, 8, at], [8, 8, bus], [16, 4, handle], [20, 2, 77]);
}
/** grant_entry_v1, 8 bytes: flags u16@0, domid u16@2, frame u32@4. */
export function entry(flags: number, domid = 0, frame = GUEST_RAM_GFN + 5): Uint8Array {
  return struct(8, [0, 2, flags], [2, 2, domid], [4, 4, frame]);
}

/** Flags of a shared entry of domain 1. */
export const flagsOf = (host: Host, ref = 9) =>
  (host.readGrant(1, ref)[0] ?? 0) + 256 * (host.readGrant(1, ref)[1] ?? 0);

/** Domain 1 grants `PAGE` to dom0 by reference 9. */
export function granting(flags = PERMIT, options: HostOptions = {}): Host {
  const host = new Host(options);
  host.writeGrant(1, 9, entry(flags));
  return host;
}
/** Issue a map, and what it gave. */
export function mapped(host: Host, argument = map(), by = 0) {
  expect(host.grantTableOp(by, MAP, argument)).toBe(0);
  const bytes = host.peek(by, ARGUMENTS, 32);
  const view = new DataView(bytes.buffer);
  return {
    status: s16(bytes, 18),
    handle: view.getUint32(20, true),
    bus: Number(view.getBigUint64(24, true)),
  };
}
/** Issue an unmap, and its status. */
export const unmapped = (host: Host, argument: Uint8Array, by = 0) => {
  expect(host.grantTableOp(by, UNMAP, argument)).toBe(0);
  return s16(host.peek(by, ARGUMENTS, 24), 20);
};
