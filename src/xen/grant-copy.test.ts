/** GNTTABOP_copy, by the bytes of its structure. */
import { describe, expect, test } from 'vitest';
import { mfn, physAddr } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host, s16, struct } from './testing.ts';

const COPY = 5;
const [SOURCE_GREF, DEST_GREF] = [1, 2];
const SELF = 0x7ff0;
const [okay, general_error, bad_domain, bad_gntref, permission_denied, bad_page, bad_copy_arg] = [
  0, -1, -2, -3, -8, -9, -10,
];

const PAGE = GUEST_MFN[1] + 5;
const OWN = 0x40200;

interface Copy {
  readonly source?: number | bigint;
  readonly sourceDom?: number;
  readonly sourceOffset?: number;
  readonly dest?: number | bigint;
  readonly destDom?: number;
  readonly destOffset?: number;
  readonly len?: number;
  readonly flags?: number;
}
/**
 * gnttab_copy, 40 bytes: source {u u64@0, domid u16@8, offset u16@10}, dest {u@16, domid@24, offset@26}, len u16@32,
 * flags u16@34, status s16@36. By default from reference 9 of domain 1 to the caller's own frame.
 */
function copy(fields: Copy = {}): Uint8Array {
  const { source = 9, sourceDom = 1, sourceOffset = 0, dest = OWN, destDom = SELF, destOffset = 0 } = fields;
  const { len = 64, flags = SOURCE_GREF } = fields;
  return struct(
    40,
    [0, 8, source],
    [8, 2, sourceDom],
    [10, 2, sourceOffset],
    [16, 8, dest],
    [24, 2, destDom],
    [26, 2, destOffset],
    [32, 2, len],
    [34, 2, flags],
    [36, 2, 77],
  );
}
function granting(flags = 1, domid = 0, options: ConstructorParameters<typeof Host>[0] = {}): Host {
  const host = new Host(options);
  host.writeGrant(1, 9, struct(8, [0, 2, flags], [2, 2, domid], [4, 4, GUEST_RAM_GFN + 5]));
  return host;
}
function status(host: Host, argument: Uint8Array, by = 0): number {
  expect(host.grantTableOp(by, COPY, argument)).toBe(0);
  return s16(host.peek(by, ARGUMENTS, 40), 36);
}
const addr = (frame: number, offset = 0) => (frame * 4096 + offset).toString(16);

describe('copying', () => {
  test("from a grant to one's own page", () => {
    const host = granting();
    host.poke(1, physAddr((GUEST_RAM_GFN + 5) * 4096 + 0x100), Uint8Array.of(1, 2, 3));
    expect(status(host, copy({ sourceOffset: 0x100, destOffset: 0x202, len: 3 }))).toBe(okay);
    expect(host.takeLog()).toEqual([`copy ${addr(PAGE, 0x100)} ${addr(OWN, 0x202)} 3`]);
    expect([...host.peek(0, physAddr(OWN * 4096 + 0x200), 6)]).toEqual([0, 0, 1, 2, 3, 0]);
  });

  test("from one's own page to a grant", () => {
    const host = granting();
    const argument = copy({ source: OWN, sourceDom: SELF, dest: 9, destDom: 1, flags: DEST_GREF });
    expect(status(host, argument)).toBe(okay);
    expect(host.takeLog()).toEqual([`copy ${addr(OWN)} ${addr(PAGE)} 64`]);
  });

  test('leaves nothing pinned, held or reported, and maintains no cache', () => {
    const host = granting();
    status(host, copy());
    expect(host.readGrant(1, 9)[0]).toBe(1);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    expect(host.xen.frame(mfn(PAGE))?.count).toBe(1);
    expect(host.xen.frame(mfn(OWN))?.count).toBe(1);
    expect(host.xen.bugs).toEqual([]);
  });

  test('of no bytes is fine', () => {
    const host = granting();
    expect(status(host, copy({ len: 0, sourceOffset: 4096 }))).toBe(okay);
    expect(host.takeLog()).toEqual([]);
  });

  test('from a read-only grant, and of sub-page entries, which a version 1 table does not know', () => {
    expect(status(granting(1 + 4), copy())).toBe(okay);
    expect(status(granting(1 + 256), copy())).toBe(okay);
  });
});

describe('what is refused', () => {
  test.each<[string, Uint8Array, number, number?, number?]>([
    ["another domain's memory by frame", copy({ source: 5, flags: 0 }), permission_denied],
    ['the same as the destination', copy({ dest: 5, destDom: 1 }), permission_denied],
    ['no such source domain', copy({ sourceDom: 99 }), bad_domain],
    [
      'no such destination domain',
      copy({ dest: 9, destDom: 99, flags: SOURCE_GREF + DEST_GREF }),
      bad_domain,
    ],
    ['a reference beyond the table', copy({ source: 512 }), bad_gntref],
    ['an invalid entry', copy(), general_error, 0],
    ['a grant to another domain', copy(), general_error, 1, 2],
    [
      'writing to a read-only grant',
      copy({ source: OWN, sourceDom: SELF, dest: 9, destDom: 1, flags: DEST_GREF }),
      general_error,
      5,
    ],
    ['a frame that is not mapped', copy({ dest: 0x12345 }), bad_page],
    ['a frame of 2^53', copy({ dest: 2n ** 53n }), bad_page],
    ['past the end of the source page', copy({ sourceOffset: 4033 }), bad_copy_arg],
    ['past the end of the destination page', copy({ destOffset: 4033 }), bad_copy_arg],
    ['more than a page', copy({ len: 4097 }), bad_copy_arg],
  ])('%s', (_name, argument, expected, flags = 1, domid = 0) => {
    const host = granting(flags, domid);
    expect(status(host, argument)).toBe(expected);
    expect(host.takeLog()).toEqual([]);
    expect(host.readGrant(1, 9)[0]).toBe(flags);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    for (const frame of [PAGE, OWN]) expect(host.xen.frame(mfn(frame))?.count).toBe(1);
  });

  test('with SILO between two guests', () => {
    const host = granting(1, 2, { platform: xenPlatform({ xsm: 'silo' }) });
    expect(status(host, copy({ dest: GUEST_RAM_GFN + 9 }), 2)).toBe(permission_denied);
  });

  test('a page mapped by grant is not one’s own', () => {
    const host = granting();
    const map = struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]);
    host.grantTableOp(0, 0, map);
    expect(status(host, copy({ dest: 0x90000 }))).toBe(bad_page);
  });

  test('a failing element does not end the batch: each has its status', () => {
    const host = granting();
    const all = [copy(), copy({ source: 512 }), copy({ sourceOffset: 64, destOffset: 64 })];
    expect(host.grantTableOp(0, COPY, Uint8Array.from(all.flatMap((one) => [...one])), 3)).toBe(0);
    const bytes = host.peek(0, ARGUMENTS, 120);
    expect([36, 76, 116].map((offset) => s16(bytes, offset))).toEqual([okay, bad_gntref, okay]);
    expect(host.takeLog()).toHaveLength(2);
    expect(host.xen.bugs).toEqual([]);
  });
});

test('frames that the next element does not name are let go', () => {
  const host = granting();
  host.writeGrant(1, 10, struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 6]));
  const all = [copy(), copy({ source: 10, dest: OWN + 1 }), copy({ sourceDom: SELF, source: OWN, flags: 0 })];
  expect(host.grantTableOp(0, COPY, Uint8Array.from(all.flatMap((one) => [...one])), 3)).toBe(0);
  expect(host.takeLog()).toHaveLength(3);
  for (const ref of [9, 10]) expect(host.xen.activeGrant(1, ref)).toBeUndefined();
  for (const frame of [PAGE, PAGE + 1, OWN, OWN + 1]) expect(host.xen.frame(mfn(frame))?.count).toBe(1);
});

test('a grant with as many mappings as a pin can count is refused', () => {
  const host = granting();
  const map = (i: number) => struct(32, [0, 8, (0x90000 + i) * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]);
  for (let i = 0; i < 127; i += 1) host.grantTableOp(0, 0, map(i));
  expect(status(host, copy())).toBe(okay);
  host.grantTableOp(0, 0, map(127));
  expect(status(host, copy())).toBe(general_error);
});

test('frames that the next element names again stay claimed: the grant is checked once', () => {
  const host = granting();
  const all = [copy(), copy({ sourceOffset: 64, destOffset: 64 })];
  host.poke(0, ARGUMENTS, Uint8Array.from(all.flatMap((one) => [...one])));
  const call = host.xen.hypercallSteps(0, 'grant_table_op', COPY, ARGUMENTS, 2);
  expect(call.next().value).toEqual({ at: 'next-element' });
  expect(host.xen.activeGrant(1, 9)?.pins.hstr).toBe(1);
  host.writeGrant(1, 9, struct(8, [0, 2, 0]));
  expect(call.next()).toEqual({ done: true, value: 0 });
  expect(host.takeLog()).toHaveLength(2);
  expect(host.xen.activeGrant(1, 9)).toBeUndefined();
});
