/** The block backend takes its frontend for hostile: what is checked, and that whatever is wrong does no harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { offsetBy, PAGE_SIZE, type Pfn, pfn, physAddrOf } from '../../address/index.ts';
import type { DomId } from '../../xen/index.ts';
import {
  BLKIF_OP,
  BLKIF_RSP,
  blkif_discard,
  indirectBytes,
  requestBytes,
  type Segment,
  segmentsToBytes,
} from '../abi/blkif.ts';
import { GUEST_FIRST } from '../host/host.ts';
import { DISK_SECTORS, diskHost, frameOf, RawBlkfront, type Touched, watchDevices } from '../testing.ts';
import { connectDisk } from './disk-stack.ts';

const SECTORS = 1024;
const FULL = { first_sect: 0, last_sect: 7 };
const page = (n: number): Pfn => pfn(GUEST_FIRST + n);

/** A guest with a raw ring, another one whose pages nobody has granted, and what devices touch. */
function setUp(readonly = false) {
  const disk = diskHost({ mallory: 40, alice: 4 });
  const guest = disk.host.guest('mallory');
  const front = new RawBlkfront(disk, guest, SECTORS, readonly);
  return { ...disk, guest, front, touched: watchDevices(disk.host) };
}
type SetUp = ReturnType<typeof setUp>;

/** The backend still serves: a sector written is a sector read. */
function expectAlive({ front }: SetUp): void {
  const before = front.responses.length;
  const gref = front.grant(page(0), false);
  front.send(
    requestBytes({ operation: BLKIF_OP.write, id: 1001, sector_number: 8 }, [{ gref, ...FULL }]),
    requestBytes({ operation: BLKIF_OP.read, id: 1002, sector_number: 8 }, [{ gref, ...FULL }]),
  );
  const answers = front.responses.slice(before).map(({ id, status }) => [id, status]);
  expect(answers.toSorted()).toEqual([
    [1001, BLKIF_RSP.okay],
    [1002, BLKIF_RSP.okay],
  ]);
}

function expectRefused(system: SetUp, message: Uint8Array, why: string, status: number = BLKIF_RSP.error) {
  system.front.send(message);
  expect(system.front.back.refused).toEqual([why]);
  expect(system.front.responses.map((response) => response.status)).toEqual([status]);
  expect(system.touched.reads.size + system.touched.writes.size).toBe(0);
  expectAlive(system);
}

describe('refused, with an error response, and the backend goes on', () => {
  const write = (segments: readonly Segment[], more = {}) =>
    requestBytes({ operation: BLKIF_OP.write, id: 5, sector_number: 0, ...more }, segments);

  test('an operation that there is not', () => {
    const system = setUp();
    const message = requestBytes({ operation: 77, id: 5 }, []);
    expectRefused(system, message, 'unknown operation', BLKIF_RSP.eopnotsupp);
    expect(system.front.responses[0]).toEqual({ id: 5, operation: 77, status: BLKIF_RSP.eopnotsupp });
  });

  test('a read or write of nothing', () => {
    expectRefused(setUp(), write([]), 'no segments');
  });

  test('more segments than a message holds', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), false);
    const message = write(Array.from({ length: 11 }, () => ({ gref, ...FULL })));
    message[1] = 12;
    expectRefused(system, message, 'too many segments');
  });

  test('sectors beyond the end of a page', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), false);
    expectRefused(system, write([{ gref, first_sect: 0, last_sect: 8 }]), 'a segment of no page');
  });

  test('a segment that ends before it begins', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), false);
    expectRefused(system, write([{ gref, first_sect: 5, last_sect: 4 }]), 'a segment of no page');
  });

  test('sectors beyond the guest\u2019s disk, though dom0\u2019s has them', () => {
    const system = setUp();
    expect(DISK_SECTORS).toBeGreaterThan(SECTORS);
    const gref = system.front.grant(page(0), false);
    expectRefused(system, write([{ gref, ...FULL }], { sector_number: SECTORS - 7 }), 'beyond the disk');
  });

  test('a sector number so big that adding wraps around', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), false);
    expectRefused(system, write([{ gref, ...FULL }], { sector_number: 2n ** 64n - 4n }), 'beyond the disk');
  });

  test('a write to a disk that is read-only', () => {
    const system = setUp(true);
    const gref = system.front.grant(page(0), false);
    system.front.send(write([{ gref, ...FULL }]));
    expect(system.front.back.refused).toEqual(['beyond the disk']);
    expect(system.touched.reads.size).toBe(0);
  });

  test('a reference that grants nothing', () => {
    expectRefused(setUp(), write([{ gref: 500, ...FULL }]), 'a grant that cannot be mapped');
  });

  test('a reference beyond the table', () => {
    expectRefused(setUp(), write([{ gref: 0xffffffff, ...FULL }]), 'a grant that cannot be mapped');
  });

  test('a page granted to another domain', () => {
    const system = setUp();
    const gref = system.guest.grants.grant(2 as DomId, page(0), false) as number;
    expectRefused(system, write([{ gref, ...FULL }]), 'a grant that cannot be mapped');
  });

  test('a read into a page that is granted for reading', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), true);
    const message = requestBytes({ operation: BLKIF_OP.read, id: 5 }, [{ gref, ...FULL }]);
    expectRefused(system, message, 'a grant that cannot be mapped');
  });

  test('one bad reference among good ones: none of them stays mapped', () => {
    const system = setUp();
    const good = system.front.grant(page(0), false);
    expectRefused(
      system,
      write([
        { gref: good, ...FULL },
        { gref: 500, ...FULL },
      ]),
      'a grant that cannot be mapped',
    );
    expect(system.host.xen.activeGrant(system.guest.domid, good)).toBeUndefined();
  });

  test('an indirect request for anything but reading and writing', () => {
    const message = indirectBytes({ indirect_op: BLKIF_OP.flush, nr_segments: 1, id: 5 }, [500]);
    expectRefused(setUp(), message, 'invalid indirect operation');
  });

  test('an indirect request of more segments than the backend takes', () => {
    const message = indirectBytes({ indirect_op: BLKIF_OP.read, nr_segments: 257, id: 5 }, [500]);
    expectRefused(setUp(), message, 'too many segments');
  });

  test('an indirect request whose page of segments is not granted', () => {
    const message = indirectBytes({ indirect_op: BLKIF_OP.read, nr_segments: 12, id: 5 }, [500]);
    expectRefused(setUp(), message, 'the pages of segments cannot be mapped');
  });

  test('a bad segment in an indirect page', () => {
    const system = setUp();
    const gref = system.front.grant(page(0), false);
    system.guest.shared(page(1)).write(0, segmentsToBytes([{ gref, first_sect: 3, last_sect: 9 }]));
    const message = indirectBytes({ indirect_op: BLKIF_OP.read, nr_segments: 1, id: 5 }, [
      system.front.grant(page(1), true),
    ]);
    expectRefused(system, message, 'a segment of no page');
  });

  test('a discard beyond the disk', () => {
    const message = blkif_discard.write({
      operation: BLKIF_OP.discard,
      id: 5,
      sector_number: 1,
      nr_sectors: SECTORS,
    });
    expectRefused(setUp(), message, 'discard beyond the disk');
  });
});

test('a discard within the disk, a flush without data and one with are carried out', () => {
  const system = setUp();
  const gref = system.front.grant(page(0), false);
  system.front.send(
    blkif_discard.write({ operation: BLKIF_OP.discard, id: 1, sector_number: 0, nr_sectors: SECTORS }),
    requestBytes({ operation: BLKIF_OP.flush, id: 2 }, []),
    requestBytes({ operation: BLKIF_OP.barrier, id: 3, sector_number: 0 }, [{ gref, ...FULL }]),
  );
  expect(system.front.responses.map(({ id, status }) => [id, status]).toSorted()).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
});

test('ring indices that make no sense end this ring, and no other one', () => {
  const system = setUp();
  const other = new RawBlkfront(system, system.host.guest('alice'), SECTORS);
  system.front.ring.put(requestBytes({ operation: BLKIF_OP.flush, id: 1 }, []));
  system.front.ring.push();
  const ringPage = pfn(GUEST_FIRST + 40 + 1);
  system.guest.shared(ringPage).write(0, Uint8Array.of(0xff, 0xff, 0, 0));
  system.front.back.port.notify();
  system.host.agenda.run();
  expect(system.front.back.halted).toBe(true);
  other.send(requestBytes({ operation: BLKIF_OP.flush, id: 2 }, []));
  expect(other.responses).toEqual([{ id: 2, operation: BLKIF_OP.flush, status: 0 }]);
});

test('a page of segments that changes after it was read changes nothing', () => {
  const system = setUp();
  const good = system.front.grant(page(0), false);
  const segments = Array.from({ length: 12 }, () => ({ gref: good, ...FULL }));
  system.guest.shared(page(1)).write(0, segmentsToBytes(segments));
  const list = system.front.grant(page(1), true);
  system.front.ring.put(indirectBytes({ indirect_op: BLKIF_OP.write, nr_segments: 12, id: 5 }, [list]));
  system.front.ring.push();
  system.front.back.port.notify();
  // The backend has looked; the disk has not done anything yet.
  system.host.agenda.step();
  system.guest.shared(page(1)).write(0, segmentsToBytes(segments.map(() => ({ gref: 500, ...FULL }))));
  system.front.send();
  expect(system.front.responses.map(({ status }) => status)).toEqual([BLKIF_RSP.okay]);
});

// Fuzzing: every field of every message.

/** What the guest has granted to dom0 for reading, for writing. */
interface Given {
  readonly readable: number[];
  readonly writable: number[];
}

function giveSome(front: RawBlkfront): Given {
  return {
    readable: [2, 3].map((n) => front.grant(page(n), true)),
    writable: [4, 5, 6, 7].map((n) => front.grant(page(n), false)),
  };
}

const edge = (bits: number) =>
  fc.oneof(
    fc.constantFrom(0n, 1n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits - 1)),
    fc.bigInt(0n, 2n ** BigInt(bits) - 1n),
  );

/** Bytes of a message to overwrite, field by field of both kinds of request and beyond. */
const FIELDS = [
  [0, 1],
  [1, 1],
  [2, 2],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 2],
  [24, 4],
  [26, 2],
  [28, 1],
  [28, 4],
  [29, 1],
  [30, 2],
  [32, 4],
  [36, 1],
  [37, 1],
  [40, 4],
  [104, 4],
  [108, 4],
] as const;
const mutation = fc
  .constantFrom(...FIELDS)
  .chain(([at, size]) => edge(size * 8).map((value) => ({ at, size, value })));

const kind = fc.constantFrom('read', 'write', 'flush', 'discard', 'indirect read', 'indirect write');

function messageOf(what: string, system: SetUp, { writable, readable }: Given): Uint8Array {
  const segments = [...writable, ...(what.endsWith('write') ? readable : [])].map((gref) => ({
    gref,
    ...FULL,
  }));
  const head = { id: 9, sector_number: 16 };
  if (what === 'discard') return blkif_discard.write({ ...head, operation: BLKIF_OP.discard, nr_sectors: 8 });
  if (what === 'flush') return requestBytes({ ...head, operation: BLKIF_OP.flush }, []);
  const operation = what.endsWith('read') ? BLKIF_OP.read : BLKIF_OP.write;
  if (!what.startsWith('indirect')) return requestBytes({ ...head, operation }, segments);
  system.guest.shared(page(8)).write(0, segmentsToBytes(segments));
  const list = system.front.grant(page(8), true);
  return indirectBytes({ ...head, indirect_op: operation, nr_segments: segments.length }, [list]);
}

function expectHarmless(
  { host, guest, front }: SetUp,
  touched: Touched,
  { readable, writable }: Given,
): void {
  const frames = (refs: readonly number[], first: number) =>
    refs.map((_, i) => frameOf(guest, page(first + i)));
  // The ring is granted for writing, and a page of segments for reading.
  const ring = frameOf(guest, page(40 + 1));
  const mayRead = new Set([...frames(readable, 2), ...frames(writable, 4), frameOf(guest, page(8)), ring]);
  const mayWrite = new Set([...frames(writable, 4), ring]);
  expect([...touched.reads].filter((frame) => !mayRead.has(frame))).toEqual([]);
  expect([...touched.writes].filter((frame) => !mayWrite.has(frame))).toEqual([]);
  for (const ref of [...readable, ...writable])
    expect(host.xen.activeGrant(guest.domid, ref)).toBeUndefined();
  expect(host.journal.faults.filter(({ rule }) => rule === 'fault' || rule === 'wrong-frame')).toEqual([]);
  expect(host.xen.bugs).toEqual([]);
  expect(front.back.halted).toBe(false);
}

test('any field of any message with any value: one response, nothing touched that was not granted, and the backend goes on', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ kind, mutations: fc.array(mutation, { maxLength: 3 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
      (messages) => {
        const system = setUp();
        const given = giveSome(system.front);
        for (const { kind: what, mutations } of messages) {
          const message = messageOf(what, system, given);
          const view = new DataView(message.buffer);
          for (const { at, size, value } of mutations)
            for (let i = 0; i < size; i++) view.setUint8(at + i, Number((value / 256n ** BigInt(i)) % 256n));
          const before = system.front.responses.length;
          system.front.send(message);
          const answers = system.front.responses.slice(before);
          expect(answers).toHaveLength(1);
          expect([BLKIF_RSP.okay, BLKIF_RSP.error, BLKIF_RSP.eopnotsupp]).toContain(answers[0]?.status);
          expect(answers[0]?.operation).toBe(message[0]);
        }
        expectHarmless(system, system.touched, given);
        refused += system.front.back.refused.length;
        expectAlive(system);
      },
    ),
    { numRuns: 250 },
  );
  expect(refused).toBeGreaterThan(250);
});

test('any bytes in a page of segments: the same', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          gref: fc.oneof(fc.nat(20), fc.nat(0xffffffff)),
          first_sect: fc.nat(9),
          last_sect: fc.nat(9),
        }),
        {
          minLength: 1,
          maxLength: 32,
        },
      ),
      fc.constantFrom(BLKIF_OP.read, BLKIF_OP.write),
      (segments, operation) => {
        const system = setUp();
        const given = giveSome(system.front);
        system.guest.shared(page(8)).write(0, segmentsToBytes(segments));
        const list = system.front.grant(page(8), true);
        const head = { indirect_op: operation, nr_segments: segments.length, id: 3, sector_number: 0 };
        system.front.send(indirectBytes(head, [list]));
        expect(system.front.responses).toHaveLength(1);
        expectHarmless(system, system.touched, given);
      },
    ),
    { numRuns: 200 },
  );
});

test('a buffer that begins and ends within pages reaches the disk and comes back', () => {
  const disk = diskHost({ alice: 4 }, { machine: 'concrete' });
  const guest = disk.host.guest('alice');
  const front = new RawBlkfront(disk, guest, SECTORS);
  const data = Uint8Array.from({ length: 1024 }, (_, i) => i % 251);
  guest.write(offsetBy(physAddrOf(page(0)), PAGE_SIZE - 512), data.subarray(0, 512), 'first half');
  guest.write(physAddrOf(page(1)), data.subarray(512), 'second half');
  const segments = [
    { gref: front.grant(page(0), false), first_sect: 7, last_sect: 7 },
    { gref: front.grant(page(1), false), first_sect: 0, last_sect: 0 },
  ];
  front.send(requestBytes({ operation: BLKIF_OP.write, id: 1, sector_number: 3 }, segments));
  expect(disk.disk.contents(3, 2).bytes).toEqual(data);
  const elsewhere = [{ gref: front.grant(page(2), false), first_sect: 2, last_sect: 3 }];
  front.send(requestBytes({ operation: BLKIF_OP.read, id: 2, sector_number: 3 }, elsewhere));
  expect(guest.read(offsetBy(physAddrOf(page(2)), 1024), 1024, 'what came').bytes).toEqual(data);
});

test('persistent grants stay mapped: the second request makes no hypercall for its pages', () => {
  const disk = diskHost({ alice: 4 }, { machine: 'concrete' });
  const guest = disk.host.guest('alice');
  const spec = { guest, driver: disk.driver, pool: disk.pool, first: 0, sectors: SECTORS, persistent: true };
  const { front } = connectDisk(disk.host, spec);
  const data = Uint8Array.from({ length: PAGE_SIZE }, (_, i) => i % 249);
  const { journal, agenda } = disk.host;
  const calls: (number | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    journal.startCounting();
    guest.write(physAddrOf(page(i)), data, 'data');
    front.submit(true, 8 * i, [{ phys: physAddrOf(page(i)), size: PAGE_SIZE }], (ok) =>
      expect(ok).toBe(true),
    );
    agenda.run();
    calls.push(journal.costs.hypercalls['GNTTABOP_map_grant_ref']);
    expect(disk.disk.contents(8 * i, 8).bytes).toEqual(data);
  }
  expect(calls).toEqual([1, undefined, undefined]);
});
