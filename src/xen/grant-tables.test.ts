/** setup_table, query_size, versions, status frames, transfer, swap: by the bytes of their structures. */
import { describe, expect, test } from 'vitest';
import { gfn, physAddr } from '../address/index.ts';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host, s16, struct } from './testing.ts';

const [SETUP, DUMP, TRANSFER, QUERY, SET_VERSION, STATUS_FRAMES, GET_VERSION, SWAP] = [
  2, 3, 4, 6, 8, 9, 10, 11,
];
const SELF = 0x7ff0;
const [EPERM, ESRCH, EFAULT, EINVAL, ENOSYS] = [1, 3, 14, 22, 38];
const u32 = (bytes: Uint8Array, offset: number) => new DataView(bytes.buffer).getUint32(offset, true);
const u64 = (bytes: Uint8Array, offset: number) => new DataView(bytes.buffer).getBigUint64(offset, true);
const nowhere = physAddr(0);

describe('setup_table', () => {
  const LIST = ARGUMENTS + 64;
  /** dom u16@0, nr_frames u32@4, status s16@8, frame_list u64@16: 24 bytes. */
  const setup = (frames: number, dom = SELF, list: number | bigint = LIST) =>
    struct(24, [0, 2, dom], [4, 4, frames], [8, 2, 77], [16, 8, list]);

  test('grows the table and tells where each frame is; not placed yet: all ones', () => {
    const host = new Host();
    expect(host.grantTableOp(1, SETUP, setup(3))).toBe(0);
    const bytes = host.peek(1, ARGUMENTS, 64 + 24);
    expect(s16(bytes, 8)).toBe(0);
    expect([64, 72, 80].map((offset) => u64(bytes, offset))).toEqual([
      2n ** 64n - 1n,
      2n ** 64n - 1n,
      2n ** 64n - 1n,
    ]);
    expect(new Set(host.xen.grantFrames(1)).size).toBe(3);
    // XENMEM_add_to_physmap: domid u16@0, space u32@4 (1: grant table), idx u64@8, gpfn u64@16.
    expect(host.memoryOp(1, 7, struct(24, [0, 2, SELF], [4, 4, 1], [8, 8, 1], [16, 8, 0x60000]))).toBe(0);
    expect(host.grantTableOp(1, SETUP, setup(3))).toBe(0);
    expect(u64(host.peek(1, ARGUMENTS, 80), 72)).toBe(0x60000n);
  });

  test.each<[string, number, Uint8Array, number]>([
    ['more frames than the domain may have', 1, setup(65), -1],
    ['no such domain', 1, setup(1, 99), -2],
    ["another domain's table", 1, setup(1, 2), -8],
    ["another domain's table, by dom0", 0, setup(1, 2), 0],
    ['a list that is not accessible', 1, setup(1, SELF, 16), -5],
    ['a list beyond 2^53', 1, setup(1, SELF, 2n ** 60n), -5],
  ])('%s', (_name, by, argument, status) => {
    const host = new Host();
    expect(host.grantTableOp(by, SETUP, argument)).toBe(0);
    expect(s16(host.peek(by, ARGUMENTS, 24), 8)).toBe(status);
  });

  test('is for one table at a time', () => {
    const host = new Host();
    for (const count of [0, 2]) expect(host.grantTableOp(1, SETUP, setup(1), count)).toBe(-EINVAL);
    expect(host.xen.hypercall(1, 'grant_table_op', SETUP, nowhere)).toBe(-EFAULT);
  });
});

describe('query_size', () => {
  /** dom u16@0, nr_frames u32@4, max_nr_frames u32@8, status s16@12: 16 bytes. */
  const query = (dom: number) => struct(16, [0, 2, dom], [4, 4, 9], [8, 4, 9], [12, 2, 77]);
  test.each([
    [1, SELF, 0, 1, 64],
    [0, 2, 0, 1, 64],
    [1, 2, -8, 9, 9],
    [1, 99, -2, 9, 9],
  ])('domain %i asks about %i', (by, dom, status, frames, most) => {
    const host = new Host();
    expect(host.grantTableOp(by, QUERY, query(dom))).toBe(0);
    const bytes = host.peek(by, ARGUMENTS, 16);
    expect([s16(bytes, 12), u32(bytes, 4), u32(bytes, 8)]).toEqual([status, frames, most]);
  });
  test('one at a time, from accessible memory', () => {
    const host = new Host();
    expect(host.grantTableOp(1, QUERY, query(SELF), 2)).toBe(-EINVAL);
    expect(host.xen.hypercall(1, 'grant_table_op', QUERY, nowhere)).toBe(-EFAULT);
  });
});

describe('versions', () => {
  test.each([
    [1, 0],
    [2, -ENOSYS],
    [0, -EINVAL],
    [3, -EINVAL],
  ])('set_version(%i) gives %i and leaves 1', (version, rc) => {
    const host = new Host();
    expect(host.grantTableOp(1, SET_VERSION, struct(4, [0, 4, version]))).toBe(rc);
    expect(u32(host.peek(1, ARGUMENTS, 4), 0)).toBe(1);
  });

  /** dom u16@0, version u32@4: 8 bytes. */
  test.each([
    [1, SELF, 0, 1],
    [0, 2, 0, 1],
    [1, 2, -EPERM, 9],
    [1, 99, -ESRCH, 9],
  ])('get_version by %i of %i gives %i', (by, dom, rc, version) => {
    const host = new Host();
    expect(host.grantTableOp(by, GET_VERSION, struct(8, [0, 2, dom], [4, 4, 9]))).toBe(rc);
    expect(u32(host.peek(by, ARGUMENTS, 8), 4)).toBe(version);
  });

  /** nr_frames u32@0, dom u16@4, status s16@6, frame_list u64@8: 16 bytes. */
  test.each([
    [0, SELF, 0],
    [1, SELF, -1],
    [0, 99, -2],
    [0, 2, -8],
  ])('%i status frames of %i: status %i', (frames, dom, status) => {
    const host = new Host();
    expect(host.grantTableOp(1, STATUS_FRAMES, struct(16, [0, 4, frames], [4, 2, dom], [6, 2, 77]))).toBe(0);
    expect(s16(host.peek(1, ARGUMENTS, 16), 6)).toBe(status);
  });

  test.each([SET_VERSION, GET_VERSION, STATUS_FRAMES])('operation %i needs accessible memory', (op) => {
    expect(new Host().xen.hypercall(1, 'grant_table_op', op, nowhere)).toBe(-EFAULT);
  });
});

describe('swap_grant_ref', () => {
  /** ref_a u32@0, ref_b u32@4, status s16@8: 12 bytes. */
  const swap = (a: number, b: number) => struct(12, [0, 4, a], [4, 4, b], [8, 2, 77]);
  const [first, second] = [
    struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 5]),
    struct(8, [0, 2, 5], [4, 4, GUEST_RAM_GFN + 6]),
  ];
  const host = () => {
    const made = new Host();
    made.writeGrant(1, 9, first);
    made.writeGrant(1, 11, second);
    return made;
  };
  const status = (on: Host, argument: Uint8Array) => {
    expect(on.grantTableOp(1, SWAP, argument)).toBe(0);
    return s16(on.peek(1, ARGUMENTS, 12), 8);
  };

  test('exchanges two entries', () => {
    const on = host();
    expect(status(on, swap(9, 11))).toBe(0);
    expect([on.readGrant(1, 9), on.readGrant(1, 11)]).toEqual([second, first]);
  });

  test('of an entry with itself is nothing', () => {
    const on = host();
    expect(status(on, swap(9, 9))).toBe(0);
    expect(on.readGrant(1, 9)).toEqual(first);
  });

  test.each([
    [512, 9],
    [9, 512],
  ])('%i and %i: beyond the table', (a, b) => {
    expect(status(host(), swap(a, b))).toBe(-3);
  });

  test('of a pinned entry has to be tried again', () => {
    const on = host();
    on.grantTableOp(0, 0, struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]));
    expect([status(on, swap(9, 11)), status(on, swap(11, 9))]).toEqual([-12, -12]);
    expect(on.readGrant(1, 11)).toEqual(second);
  });
});

describe('what Arm does not do', () => {
  test('transfer: no page is given away', () => {
    // mfn u64@0, domid u16@8, ref u32@12, status s16@16: 24 bytes.
    const host = new Host();
    for (const [frame, status] of [
      [GUEST_RAM_GFN + 5, -1],
      [0x12345, -9],
      [2n ** 60n, -9],
    ] as const) {
      expect(
        host.grantTableOp(1, TRANSFER, struct(24, [0, 8, frame], [8, 2, 2], [12, 4, 9], [16, 2, 77])),
      ).toBe(0);
      expect(s16(host.peek(1, ARGUMENTS, 24), 16)).toBe(status);
    }
    expect(host.xen.translate(1, gfn(GUEST_RAM_GFN + 5))?.mfn).toBe(GUEST_MFN[1] + 5);
  });

  test.each([DUMP, 13, 4095])('operation %i does not exist', (op) => {
    expect(new Host().xen.hypercall(1, 'grant_table_op', op, ARGUMENTS)).toBe(-ENOSYS);
  });
});
