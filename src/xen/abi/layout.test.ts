import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as grant from './grant-table.ts';
import type { Layout } from './layout.ts';
import * as memory from './memory.ts';
import { xen_feature_info } from './version.ts';

/** sizeof and offsetof on Arm (LP64), from xen/include/public, 4.20; [offset, width] by field. */
const EXPECTED: readonly (readonly [
  string,
  Layout<never>,
  number,
  Readonly<Record<string, readonly [number, number]>>,
])[] = (
  [
    ['grant_entry_v1', grant.grant_entry_v1, 8, { flags: [0, 2], domid: [2, 2], frame: [4, 4] }],
    [
      'gnttab_map_grant_ref',
      grant.gnttab_map_grant_ref,
      32,
      {
        host_addr: [0, 8],
        flags: [8, 4],
        ref: [12, 4],
        dom: [16, 2],
        status: [18, 2],
        handle: [20, 4],
        dev_bus_addr: [24, 8],
      },
    ],
    [
      'gnttab_unmap_grant_ref',
      grant.gnttab_unmap_grant_ref,
      24,
      { host_addr: [0, 8], dev_bus_addr: [8, 8], handle: [16, 4], status: [20, 2] },
    ],
    [
      'gnttab_unmap_and_replace',
      grant.gnttab_unmap_and_replace,
      24,
      { host_addr: [0, 8], new_addr: [8, 8], handle: [16, 4], status: [20, 2] },
    ],
    [
      'gnttab_setup_table',
      grant.gnttab_setup_table,
      24,
      { dom: [0, 2], nr_frames: [4, 4], status: [8, 2], frame_list: [16, 8] },
    ],
    [
      'gnttab_transfer',
      grant.gnttab_transfer,
      24,
      { mfn: [0, 8], domid: [8, 2], ref: [12, 4], status: [16, 2] },
    ],
    [
      'gnttab_copy',
      grant.gnttab_copy,
      40,
      {
        'source.u.gmfn': [0, 8],
        'source.u.ref': [0, 4],
        'source.domid': [8, 2],
        'source.offset': [10, 2],
        'dest.u.gmfn': [16, 8],
        'dest.u.ref': [16, 4],
        'dest.domid': [24, 2],
        'dest.offset': [26, 2],
        len: [32, 2],
        flags: [34, 2],
        status: [36, 2],
      },
    ],
    [
      'gnttab_query_size',
      grant.gnttab_query_size,
      16,
      { dom: [0, 2], nr_frames: [4, 4], max_nr_frames: [8, 4], status: [12, 2] },
    ],
    ['gnttab_set_version', grant.gnttab_set_version, 4, { version: [0, 4] }],
    ['gnttab_get_version', grant.gnttab_get_version, 8, { dom: [0, 2], version: [4, 4] }],
    [
      'gnttab_get_status_frames',
      grant.gnttab_get_status_frames,
      16,
      { nr_frames: [0, 4], dom: [4, 2], status: [6, 2], frame_list: [8, 8] },
    ],
    [
      'gnttab_swap_grant_ref',
      grant.gnttab_swap_grant_ref,
      12,
      { ref_a: [0, 4], ref_b: [4, 4], status: [8, 2] },
    ],
    [
      'gnttab_cache_flush',
      grant.gnttab_cache_flush,
      16,
      { dev_bus_addr: [0, 8], offset: [8, 2], length: [10, 2], op: [12, 4] },
    ],
    [
      'xen_memory_reservation',
      memory.xen_memory_reservation,
      32,
      { extent_start: [0, 8], nr_extents: [8, 8], extent_order: [16, 4], mem_flags: [20, 4], domid: [24, 2] },
    ],
    [
      'xen_add_to_physmap',
      memory.xen_add_to_physmap,
      24,
      { domid: [0, 2], size: [2, 2], space: [4, 4], idx: [8, 8], gpfn: [16, 8] },
    ],
    ['xen_remove_from_physmap', memory.xen_remove_from_physmap, 16, { domid: [0, 2], gpfn: [8, 8] }],
    ['xen_feature_info', xen_feature_info, 8, { submap_idx: [0, 4], submap: [4, 4] }],
  ] as const
).map(([name, codec, size, fields]) => [name, codec as unknown as Layout<never>, size, fields]);

describe.each(EXPECTED)('%s', (_name, codec, size, fields) => {
  type Record_ = Record<string, number | undefined>;
  const read = (bytes: Uint8Array) => codec.read(bytes) as Record_;

  test(`has ${size} bytes and no other fields`, () => {
    expect(codec.size).toBe(size);
    expect(Object.keys(read(new Uint8Array(size))).sort()).toEqual(Object.keys(fields).sort());
  });

  test.each(Object.entries(fields))('%s is where the header has it', (field, [offset, width]) => {
    const bytes = new Uint8Array(size);
    bytes[offset] = 0x34;
    bytes[offset + width - 1] = width === 8 ? 0 : 0x12;
    expect(read(bytes)[field]).toBe(
      width === 1 ? 0x12 : 0x34 + (width === 8 ? 0 : 0x12 * 256 ** (width - 1)),
    );
    const written = codec.write({ [field]: 0x12 } as never);
    expect([...written].map((byte, i) => (byte ? i : -1)).filter((i) => i >= 0)).toEqual([offset]);
    expect(codec.field(field as never, 0x12)).toEqual({
      offset,
      bytes: written.slice(offset, offset + width),
    });
  });
});

test('reading is little endian and does not depend on alignment', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(8), (bytes, shift) => {
      const padded = new Uint8Array(32 + shift);
      padded.set(bytes, shift);
      const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
      const got = grant.gnttab_map_grant_ref.read(padded.subarray(shift));
      const host = view.getBigUint64(0, true);
      expect(got.host_addr).toBe(host < 2n ** 53n ? Number(host) : undefined);
      expect(got.flags).toBe(view.getUint32(8, true));
      expect(got.status).toBe(view.getInt16(18, true));
    }),
  );
});

test.each([
  [2n ** 53n - 1n, 2 ** 53 - 1],
  [2n ** 53n, undefined],
  [2n ** 53n + 1n, undefined],
  [2n ** 64n - 1n, undefined],
])('a 64-bit field of %s is %s: never rounded', (value, expected) => {
  const bytes = grant.gnttab_cache_flush.write({ dev_bus_addr: value });
  expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(value);
  expect(grant.gnttab_cache_flush.read(bytes).dev_bus_addr).toBe(expected);
});
