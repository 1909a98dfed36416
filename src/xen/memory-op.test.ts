/** memory_op, by the bytes of its structures, and the life of a frame. */
import { describe, expect, test } from 'vitest';
import { gfn, mfn, physAddr } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import type { XenQuirk } from './quirks.ts';
import {
  ARGUMENTS,
  GUEST_FRAMES,
  GUEST_MFN,
  GUEST_RAM_GFN,
  Host,
  NotingHardware,
  struct,
} from './testing.ts';
import { Xen } from './xen.ts';

const [DECREASE, POPULATE, ADD_TO_PHYSMAP, REMOVE_FROM_PHYSMAP] = [1, 6, 7, 15];
const SELF = 0x7ff0;
const [EPERM, ENOENT, ESRCH, EFAULT, EINVAL, ENOSYS] = [1, 2, 3, 14, 22, 38];

/** xen_memory_reservation, 32 bytes: extent_start u64@0, nr_extents u64@8, extent_order u32@16, mem_flags u32@20, domid u16@24. */
function reservation(
  extents: number | bigint,
  options: { order?: number; domid?: number; list?: number | bigint } = {},
) {
  const { order = 0, domid = SELF, list = ARGUMENTS + 64 } = options;
  return struct(32, [0, 8, list], [8, 8, extents], [16, 4, order], [24, 2, domid]);
}
function reserve(
  host: Host,
  by: number,
  op: number,
  frames: readonly (number | bigint)[],
  options: Parameters<typeof reservation>[1] = {},
) {
  host.poke(
    by,
    physAddr(ARGUMENTS + 64),
    Uint8Array.from(frames.flatMap((frame) => [...struct(8, [0, 8, frame])])),
  );
  return host.memoryOp(by, op, reservation(frames.length, options));
}
const withQuirks = (...quirks: XenQuirk[]) => new Host({ platform: xenPlatform({ quirks }) });
const at = (host: Host, domid: number, frame: number) => host.xen.translate(domid, gfn(frame))?.mfn;
const addr = (frame: number) => (frame * 4096).toString(16);
const OWN = 0x40200;

describe('a direct-mapped domain', () => {
  test('ballooning out takes the page out of the p2m and keeps it allocated', () => {
    const host = new Host();
    expect(reserve(host, 0, DECREASE, [OWN])).toBe(1);
    expect(at(host, 0, OWN)).toBeUndefined();
    expect(host.xen.frame(mfn(OWN))).toMatchObject({ owner: 0, allocated: true, count: 1 });
    expect(host.takeLog()).toEqual(['tlb 0']);
  });

  test('ballooning in gives the same frame back, as it is', () => {
    const host = new Host();
    reserve(host, 0, DECREASE, [OWN]);
    host.takeLog();
    expect(reserve(host, 0, POPULATE, [OWN])).toBe(1);
    expect(at(host, 0, OWN)).toBe(OWN);
    expect(host.takeLog()).toEqual([]);
  });

  test("nobody else's frames: not in use, not RAM, another's", () => {
    const host = new Host();
    for (const frame of [0x70000, 0x10, GUEST_MFN[1]]) {
      expect(reserve(host, 0, POPULATE, [frame])).toBe(0);
      expect(at(host, 0, frame)).toBeUndefined();
    }
  });

  test('a foreign page mapped there is replaced by its own on the way in', () => {
    const host = new Host();
    host.writeGrant(1, 9, struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 5]));
    reserve(host, 0, DECREASE, [OWN]);
    expect(host.grantTableOp(0, 0, struct(32, [0, 8, OWN * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]))).toBe(
      0,
    );
    expect(at(host, 0, OWN)).toBe(GUEST_MFN[1] + 5);
    // A foreign page cannot be ballooned out.
    expect(reserve(host, 0, DECREASE, [OWN])).toBe(0);
    expect(reserve(host, 0, POPULATE, [OWN])).toBe(1);
    expect(at(host, 0, OWN)).toBe(OWN);
  });

  test('without the keep-allocated rule the frame becomes another domain’s', () => {
    for (const broken of [true, false]) {
      const host = withQuirks(...(broken ? (['no-keep-allocated'] as const) : []));
      reserve(host, 0, DECREASE, [OWN]);
      expect(reserve(host, 1, POPULATE, [0x60000])).toBe(1);
      expect(at(host, 1, 0x60000) === OWN).toBe(broken);
      // And dom0 does not get it back.
      expect(reserve(host, 0, POPULATE, [OWN])).toBe(broken ? 0 : 1);
    }
  });
});

describe('another domain', () => {
  const GFN = GUEST_RAM_GFN + 0x20;
  const FRAME = GUEST_MFN[1] + 0x20;

  test('ballooning out frees the frame, and the next one who asks gets it, flushed', () => {
    const host = new Host();
    expect(reserve(host, 1, DECREASE, [GFN])).toBe(1);
    expect(host.xen.frame(mfn(FRAME))).toMatchObject({ owner: undefined, count: 0 });
    host.takeLog();
    expect(reserve(host, 2, POPULATE, [0x60000])).toBe(1);
    expect(at(host, 2, 0x60000)).toBe(FRAME);
    expect(host.xen.frame(mfn(FRAME))).toMatchObject({ owner: 2, count: 1 });
    // A living domain has to clear what it frees: Xen does not.
    expect(host.takeLog()).toEqual([
      `owner ${FRAME.toString(16)}`,
      'barrier',
      `cleanInvalidate ${addr(FRAME)} 4096`,
      'barrier',
    ]);
  });

  test('with scrub-domheap it is scrubbed first, and by quirk flushed before that', () => {
    const flush = ['barrier', `cleanInvalidate ${addr(FRAME)} 4096`, 'barrier'];
    const scrub = [`scrub ${FRAME.toString(16)}`];
    for (const [quirks, expected] of [
      [[], [...scrub, ...flush]],
      [['flush-before-scrub'], [...flush, ...scrub]],
    ] as const) {
      const host = new Host({ platform: xenPlatform({ scrubDomheap: true, quirks }) });
      reserve(host, 1, DECREASE, [GFN]);
      host.takeLog();
      reserve(host, 2, POPULATE, [0x60000]);
      expect(host.takeLog()).toEqual([`owner ${FRAME.toString(16)}`, ...expected]);
    }
  });

  test('a frame that goes back to its last owner has not changed hands', () => {
    const host = new Host();
    reserve(host, 1, DECREASE, [GFN]);
    host.takeLog();
    reserve(host, 1, POPULATE, [GFN]);
    expect(host.takeLog().some((line) => line.startsWith('owner'))).toBe(false);
  });

  test('a granted frame stays until it is unmapped', () => {
    const host = new Host();
    host.writeGrant(1, 9, struct(8, [0, 2, 1], [4, 4, GFN]));
    host.grantTableOp(0, 0, struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]));
    expect(reserve(host, 1, DECREASE, [GFN])).toBe(1);
    expect(at(host, 1, GFN)).toBeUndefined();
    expect(host.xen.frame(mfn(FRAME))).toMatchObject({ owner: 1, allocated: false, count: 1 });
    reserve(host, 2, POPULATE, [0x60000]);
    expect(at(host, 2, 0x60000)).not.toBe(FRAME);
    host.grantTableOp(0, 1, struct(24, [0, 8, 0x90000 * 4096]));
    expect(host.xen.frame(mfn(FRAME))).toMatchObject({ owner: undefined, count: 0 });
    reserve(host, 2, POPULATE, [0x60001]);
    expect(at(host, 2, 0x60001)).toBe(FRAME);
  });

  test('free-before-tlb-flush: the page is another’s while a TLB still has it', () => {
    for (const broken of [true, false]) {
      const host = withQuirks(...(broken ? (['free-before-tlb-flush'] as const) : []));
      host.poke(1, physAddr(ARGUMENTS + 64), struct(8, [0, 8, GFN]));
      host.poke(1, ARGUMENTS, reservation(1));
      const call = host.xen.hypercallSteps(1, 'memory_op', DECREASE, ARGUMENTS);
      const step = call.next();
      expect(step.done).toBe(!broken);
      if (!broken) continue;
      expect(step.value).toEqual({ at: 'freed-before-tlb-flush' });
      reserve(host, 2, POPULATE, [0x60000]);
      expect(at(host, 2, 0x60000)).toBe(FRAME);
      expect(host.xen.staleTranslations(1, gfn(GFN))).toMatchObject([{ mfn: FRAME, writable: true }]);
      expect(call.next()).toEqual({ done: true, value: 1 });
      expect(host.xen.staleTranslations(1, gfn(GFN))).toEqual([]);
    }
  });

  test('p2m-entry-survives-removal: an entry never used stays, and reaches the freed frame', () => {
    for (const [quirks, touched, stays] of [
      [['p2m-entry-survives-removal'], false, true],
      [['p2m-entry-survives-removal'], true, false],
      [[], false, false],
    ] as const) {
      const host = withQuirks(...quirks);
      if (touched) host.xen.translate(1, gfn(GFN));
      expect(reserve(host, 1, DECREASE, [GFN])).toBe(1);
      expect(at(host, 1, GFN)).toBe(stays ? FRAME : undefined);
      expect(host.xen.frame(mfn(FRAME))?.owner).toBeUndefined();
    }
  });

  test('p2m-entry-survives-removal is not for domains with an IOMMU', () => {
    const host = new Host({
      platform: xenPlatform({ quirks: ['p2m-entry-survives-removal'] }),
      dom0: { iommu: true },
    });
    reserve(host, 0, DECREASE, [OWN]);
    expect(at(host, 0, OWN)).toBeUndefined();
  });
});

describe('reservations return how many extents were done', () => {
  test.each<[string, readonly (number | bigint)[], Parameters<typeof reservation>[1], number]>([
    ['all', [GUEST_RAM_GFN + 0x20, GUEST_RAM_GFN + 0x21], {}, 2],
    ['up to a frame that is not there', [GUEST_RAM_GFN + 0x20, 0x12345, GUEST_RAM_GFN + 0x21], {}, 1],
    ['up to a frame number of 2^53', [GUEST_RAM_GFN + 0x20, 2n ** 53n], {}, 1],
    ['blocks of four', [GUEST_RAM_GFN + 0x20], { order: 2 }, 1],
    ['none: a block that is only partly there', [GUEST_RAM_GFN + GUEST_FRAMES - 2], { order: 2 }, 0],
    ['none: blocks above 2 MiB', [GUEST_RAM_GFN], { order: 10 }, 0],
    ['none: an order far above', [GUEST_RAM_GFN], { order: 2 ** 32 - 1 }, 0],
    ['none: no such domain', [GUEST_RAM_GFN + 0x20], { domid: 99 }, 0],
    ['none: another domain', [GUEST_RAM_GFN + 0x20], { domid: 2 }, 0],
    ['none: a list that is not accessible', [GUEST_RAM_GFN + 0x20], { list: 16 }, 0],
    ['none: a list at 2^53', [GUEST_RAM_GFN + 0x20], { list: 2n ** 53n }, 0],
  ])('%s', (_name, frames, options, done) => {
    expect(reserve(new Host(), 1, DECREASE, frames, options)).toBe(done);
  });

  test.each([2 ** 26, 2n ** 40n, 2n ** 64n - 1n])(
    'none: %s extents are too many to be continued',
    (extents) => {
      expect(new Host().memoryOp(1, DECREASE, reservation(extents))).toBe(0);
    },
  );

  test('none: an argument that is not accessible', () => {
    expect(new Host().xen.hypercall(1, 'memory_op', DECREASE, physAddr(0))).toBe(0);
    // The extent at which a continuation would go on.
    expect(new Host().xen.hypercall(1, 'memory_op', 64 * 5 + DECREASE, physAddr(0))).toBe(5);
  });

  test('dom0 may do it for others', () => {
    const host = new Host();
    expect(reserve(host, 0, DECREASE, [GUEST_RAM_GFN + 0x20], { domid: 1 })).toBe(1);
    expect(at(host, 1, GUEST_RAM_GFN + 0x20)).toBeUndefined();
  });

  test('preempted it goes on with the next extent: its number is in the command above bit 6', () => {
    let asked = 0;
    const host = new Host({ preempt: () => ++asked === 1 });
    const frames = [0x20, 0x21, 0x22].map((i) => GUEST_RAM_GFN + i);
    host.poke(
      1,
      physAddr(ARGUMENTS + 64),
      Uint8Array.from(frames.flatMap((frame) => [...struct(8, [0, 8, frame])])),
    );
    host.poke(1, ARGUMENTS, reservation(3));
    const call = host.xen.hypercallSteps(1, 'memory_op', DECREASE, ARGUMENTS);
    expect(call.next().value).toEqual({ at: 'preempted', cmd: 64 + DECREASE, arg: ARGUMENTS, count: 1 });
    expect(call.next().value).toEqual({ at: 'next-element' });
    expect(call.next()).toEqual({ done: true, value: 3 });
  });

  test('blocks are contiguous and aligned', () => {
    const host = new Host();
    expect(reserve(host, 1, POPULATE, [0x60000], { order: 3 })).toBe(1);
    const first = at(host, 1, 0x60000) ?? Number.NaN;
    expect(first % 8).toBe(0);
    for (let i = 0; i < 8; i += 1) expect(at(host, 1, 0x60000 + i)).toBe(first + i);
  });

  test('memory ends', () => {
    const hardware = new NotingHardware();
    const xen = new Xen({ platform: xenPlatform(), hardware, ram: [{ from: mfn(0x100), to: mfn(0x120) }] });
    xen.createDomain({ domid: 1, ram: [{ gfn: gfn(0), mfn: mfn(0x100), frames: 4 }] });
    const arguments_ = hardware.page(mfn(0x100));
    arguments_.set(struct(32, [0, 8, 64], [8, 8, 40], [24, 2, SELF]));
    for (let i = 0; i < 40; i += 1) arguments_.set(struct(8, [0, 8, 0x1000 + i]), 64 + 8 * i);
    // 32 frames less 4 of its own and one of its grant table.
    expect(xen.hypercall(1, 'memory_op', POPULATE, physAddr(0))).toBe(27);
    expect(new Set(Array.from({ length: 27 }, (_, i) => xen.translate(1, gfn(0x1000 + i))?.mfn)).size).toBe(
      27,
    );
    expect(xen.translate(1, gfn(0x1000 + 27))).toBeUndefined();
  });
});

describe('the place of the grant table', () => {
  /** xen_add_to_physmap, 24 bytes: domid u16@0, size u16@2, space u32@4, idx u64@8, gpfn u64@16. */
  const add = (idx: number | bigint, to: number | bigint, space = 1, domid = SELF) =>
    struct(24, [0, 2, domid], [4, 4, space], [8, 8, idx], [16, 8, to]);

  test('a frame appears where it is wanted, and moves', () => {
    const host = new Host();
    const [table] = host.xen.grantFrames(1);
    expect(host.memoryOp(1, ADD_TO_PHYSMAP, add(0, 0x60000))).toBe(0);
    expect(at(host, 1, 0x60000)).toBe(table);
    expect(host.memoryOp(1, ADD_TO_PHYSMAP, add(0, 0x60001))).toBe(0);
    expect(at(host, 1, 0x60000)).toBeUndefined();
    expect(at(host, 1, 0x60001)).toBe(table);
  });

  test('what the guest writes there is its grant', () => {
    const host = new Host();
    host.memoryOp(1, ADD_TO_PHYSMAP, add(0, 0x60000));
    host.poke(1, physAddr(0x60000 * 4096 + 9 * 8), struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 5]));
    host.grantTableOp(0, 0, struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]));
    expect(at(host, 0, 0x90000)).toBe(GUEST_MFN[1] + 5);
  });

  test('asking for a later frame grows the table', () => {
    const host = new Host();
    expect(host.memoryOp(1, ADD_TO_PHYSMAP, add(2, 0x60000))).toBe(0);
    expect(host.xen.grantFrames(1)).toHaveLength(3);
    expect(at(host, 1, 0x60000)).toBe(host.xen.grantFrames(1)[2]);
  });

  test.each<[string, Uint8Array, number]>([
    ['a frame beyond the limit', add(64, 0x60000), -EINVAL],
    ['an index of 2^60', add(2n ** 60n, 0x60000), -EINVAL],
    ['a place beyond any p2m', add(0, 2 ** 40), -EINVAL],
    ['a place of 2^60', add(0, 2n ** 60n), -EINVAL],
    ['another space', add(0, 0x60000, 0), -ENOSYS],
    ['no such domain', add(0, 0x60000, 1, 99), -ESRCH],
    ['another domain', add(0, 0x60000, 1, 2), -EPERM],
  ])('%s is refused', (_name, argument, rc) => {
    expect(new Host().memoryOp(1, ADD_TO_PHYSMAP, argument)).toBe(rc);
  });

  test('arguments have to be accessible', () => {
    for (const op of [ADD_TO_PHYSMAP, REMOVE_FROM_PHYSMAP])
      expect(new Host().xen.hypercall(1, 'memory_op', op, physAddr(0))).toBe(-EFAULT);
  });
});

describe('remove_from_physmap', () => {
  /** domid u16@0, gpfn u64@8: 16 bytes. */
  const remove = (frame: number | bigint, domid = SELF) => struct(16, [0, 2, domid], [8, 8, frame]);
  test.each<[string, Uint8Array, number]>([
    ["one's own page", remove(GUEST_RAM_GFN + 5), 0],
    ['nothing there', remove(0x12345), -ENOENT],
    ['a frame number of 2^60', remove(2n ** 60n), -ENOENT],
    ['no such domain', remove(GUEST_RAM_GFN, 99), -ESRCH],
    ['another domain', remove(GUEST_RAM_GFN, 2), -EPERM],
  ])('%s', (_name, argument, rc) => {
    expect(new Host().memoryOp(1, REMOVE_FROM_PHYSMAP, argument)).toBe(rc);
  });

  test('unmaps and frees nothing', () => {
    const host = new Host();
    host.memoryOp(1, REMOVE_FROM_PHYSMAP, remove(GUEST_RAM_GFN + 5));
    expect(at(host, 1, GUEST_RAM_GFN + 5)).toBeUndefined();
    expect(host.xen.frame(mfn(GUEST_MFN[1] + 5))).toMatchObject({ owner: 1, count: 1 });
  });
});

test.each([0, 2, 63])('memory operation %i is not here', (op) => {
  expect(new Host().xen.hypercall(1, 'memory_op', op, ARGUMENTS)).toBe(-ENOSYS);
});
