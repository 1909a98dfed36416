/** The network: what is sent and received, and that a hostile frontend does no harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { offsetBy, type Pfn, pfn, physAddrOf } from '../../address/index.ts';
import type { DomId } from '../../xen/index.ts';
import {
  NETIF_RSP,
  NETTXF,
  netif_rx_request,
  netif_rx_response,
  netif_tx_request,
  netif_tx_response,
  RX_ENTRY,
  TX_ENTRY,
} from '../abi/netif.ts';
import { EventPort } from '../agenda.ts';
import { GUEST_FIRST, type Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';
import { FrontRing } from '../ring.ts';
import { makeHost } from '../run/platform.ts';
import type { RunSpec } from '../run/spec.ts';
import { frameOf, PLAIN, watchDevices } from '../testing.ts';
import { Netback } from './netback.ts';
import { Netfront } from './netfront.ts';
import { Nic } from './nic.ts';

const DOM0 = 0 as DomId;
const page = (n: number): Pfn => pfn(GUEST_FIRST + n);
type Slot = Parameters<typeof netif_tx_request.write>[0];

/** A frontend that writes what it likes. */
class RawNetfront {
  readonly back: Netback;
  readonly tx: FrontRing;
  readonly rx: FrontRing;
  readonly sent: { id: number; status: number }[] = [];
  readonly received: { id: number; status: number; offset: number; flags: number }[] = [];
  readonly #host: Host;
  readonly #guest: Party;

  constructor(host: Host, guest: Party, nic: Nic) {
    this.#host = host;
    this.#guest = guest;
    const [tx, rx] = [guest.takePage() as Pfn, guest.takePage() as Pfn];
    this.tx = new FrontRing(guest.shared(tx), TX_ENTRY, netif_tx_response.size);
    this.rx = new FrontRing(guest.shared(rx), RX_ENTRY, netif_rx_response.size);
    const port = new EventPort(host.agenda, () => this.take());
    const rings = { tx: this.grant(tx, false), rx: this.grant(rx, false) };
    this.back = new Netback(host, guest, nic, rings, () => port.notify());
  }
  grant(at: Pfn, readonly: boolean): number {
    return this.#guest.grants.grant(DOM0, at, readonly) as number;
  }
  send(...slots: readonly Slot[]): void {
    for (const slot of slots) this.tx.put(netif_tx_request.write(slot));
    this.tx.push();
    this.back.port.notify();
    this.#host.agenda.run();
    this.take();
  }
  take(): void {
    for (let one = this.tx.take(); one; one = this.tx.take()) this.sent.push(netif_tx_response.read(one));
    for (let one = this.rx.take(); one; one = this.rx.take()) this.received.push(netif_rx_response.read(one));
    this.tx.finalCheck();
    this.rx.finalCheck();
  }
}

function setUp(run: Partial<RunSpec> = {}) {
  const spec = { ...PLAIN, ...run };
  const guests = ['mallory', 'alice'].map((name) => ({
    name,
    pages: 24,
    contiguous: Number.POSITIVE_INFINITY,
  }));
  const host = makeHost(spec, guests);
  const nic = new Nic(host, { name: 'nic', coherent: spec.coherent }, 4);
  const guest = host.guest('mallory');
  return { host, nic, guest, front: new RawNetfront(host, guest, nic), touched: watchDevices(host) };
}

describe('a packet of the guest', () => {
  /** Sizes and offsets of DMA mappings of the card, but for its receive buffers. */
  function sentAs(parts: readonly (readonly [offset: number, size: number])[]) {
    const system = setUp({ machine: 'concrete' });
    const { host, nic } = system;
    const front = new Netfront(host, host.guest('alice'));
    const alice = host.guest('alice');
    const back = new Netback(host, alice, nic, front.rings, () => front.port.notify());
    front.connect(() => back.port.notify());
    const before = host.journal.mappings.length;
    const data = Uint8Array.from(
      { length: parts.reduce((sum, [, size]) => sum + size, 0) },
      (_, i) => (i * 7) % 256,
    );
    let done = 0;
    const packet = parts.map(([offset, size], i) => {
      const phys = offsetBy(physAddrOf(page(2 * i)), offset);
      alice.write(phys, data.subarray(done, done + size), 'packet');
      done += size;
      return { phys, size };
    });
    let ok: boolean | undefined;
    expect(
      front.send(packet, (worked) => {
        ok = worked;
      }),
    ).toBe(true);
    host.agenda.run();
    expect(ok).toBe(true);
    expect(nic.wire.map(({ content }) => content.bytes)).toEqual([data]);
    return host.journal.mappings.slice(before).map(({ phys, size }) => [phys % 4096, size]);
  }

  test('of up to 128 bytes is copied, and no page of it is mapped', () => {
    expect(sentAs([[100, 128]])).toEqual([[66, 128]]);
  });
  test('that is longer: the rest is sent from where it is, at whatever offset', () => {
    expect(sentAs([[101, 1000]])).toEqual([
      [66, 128],
      [229, 872],
    ]);
  });
  test('across a page: two slots, two fragments', () => {
    expect(sentAs([[3900, 1000]])).toEqual([
      [66, 128],
      [4028, 68],
      [0, 804],
    ]);
  });
  test('whose first slots are short: the 128 bytes come from several of them', () => {
    expect(
      sentAs([
        [10, 50],
        [20, 50],
        [30, 500],
      ]),
    ).toEqual([
      [66, 128],
      [58, 472],
    ]);
  });
});

test('a packet from the wire is copied to where the guest has posted a page', () => {
  const { host, nic } = setUp({ machine: 'concrete' });
  const alice = host.guest('alice');
  const front = new Netfront(host, alice);
  const back = new Netback(host, alice, nic, front.rings, () => front.port.notify());
  front.connect(() => back.port.notify());
  nic.onReceive = (at, size) => expect(back.deliver(at, size)).toBe(true);
  const got: Uint8Array[] = [];
  front.onReceive = (parts) => {
    for (const { phys, size } of parts) got.push(alice.read(phys, size, 'packet').bytes);
  };
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  nic.receive({ content: { bytes, marks: new Uint32Array(1000) }, faults: new Uint32Array(1000) });
  host.agenda.run();
  expect(got).toEqual([bytes]);
});

describe('refused with an error response, and the backend goes on', () => {
  const good = (front: RawNetfront, id: number): Slot => ({
    gref: front.grant(page(0), true),
    size: 200,
    id,
  });
  const cases: readonly (readonly [string, (front: RawNetfront) => Slot[]])[] = [
    ['packet too short', (front) => [{ gref: front.grant(page(0), true), size: 13, id: 7 }]],
    ['a grant that cannot be used', () => [{ gref: 400, size: 60, id: 7 }]],
    ['a grant that cannot be used', () => [{ gref: 0xffffffff, size: 2000, id: 7 }]],
    [
      'too many slots',
      (front) => {
        const gref = front.grant(page(0), true);
        return Array.from({ length: 19 }, (_, i) => ({
          gref,
          flags: i < 18 ? NETTXF.more_data : 0,
          size: i === 0 ? 1900 : 100,
          id: 7,
        }));
      },
    ],
  ];
  test.each(cases)('%s', (why, slots) => {
    const { front, nic } = setUp();
    front.send(...slots(front));
    expect(front.back.refused).toEqual([why]);
    expect(front.back.fatal).toBeUndefined();
    expect(new Set(front.sent.map(({ id, status }) => `${id} ${status}`))).toEqual(
      new Set([`7 ${NETIF_RSP.error}`]),
    );
    expect(nic.wire).toEqual([]);
    front.send(good(front, 8));
    expect(front.sent.at(-1)).toEqual({ id: 8, status: NETIF_RSP.okay });
  });

  test('a page granted to another domain', () => {
    const { front, guest } = setUp();
    front.send({ gref: guest.grants.grant(2 as DomId, page(0), true) as number, size: 600, id: 1 });
    expect(front.sent).toEqual([{ id: 1, status: NETIF_RSP.error }]);
  });

  test('a page posted for receiving that is granted for reading only', () => {
    const { front, nic, host } = setUp();
    nic.onReceive = (at, size) => front.back.deliver(at, size);
    front.rx.put(netif_rx_request.write({ id: 3, gref: front.grant(page(1), true) }));
    front.rx.put(netif_rx_request.write({ id: 4, gref: front.grant(page(2), false) }));
    front.rx.push();
    const frame = {
      content: { bytes: new Uint8Array(60), marks: new Uint32Array(60) },
      faults: new Uint32Array(60),
    };
    nic.receive(frame);
    nic.receive(frame);
    host.agenda.run();
    front.take();
    expect(front.received.map(({ id, status }) => [id, status])).toEqual([
      [3, NETIF_RSP.error],
      [4, 60],
    ]);
  });
});

describe('the end of the interface, and of no other one', () => {
  const cases: readonly (readonly [string, (gref: number) => Slot[]])[] = [
    ['a slot across a page', (gref) => [{ gref, offset: 4000, size: 200, id: 1 }]],
    [
      'a slot across a page',
      (gref) => [
        { gref, size: 300, flags: NETTXF.more_data, id: 1 },
        { gref, offset: 4090, size: 100, id: 2 },
      ],
    ],
    [
      'a slot bigger than what is left of the packet',
      (gref) => [
        { gref, size: 100, flags: NETTXF.more_data, id: 1 },
        { gref, size: 101, id: 2 },
      ],
    ],
    ['a packet that does not end', (gref) => [{ gref, size: 100, flags: NETTXF.more_data, id: 1 }]],
    [
      'malicious number of slots',
      (gref) =>
        Array.from({ length: 25 }, (_, i) => ({
          gref,
          size: i === 0 ? 2500 : 10,
          flags: NETTXF.more_data,
          id: i,
        })),
    ],
    ['unexpected extra information', (gref) => [{ gref, size: 100, flags: NETTXF.extra_info, id: 1 }]],
  ];
  test.each(cases)('%s', (why, slots) => {
    const { front, host, nic, touched } = setUp();
    const other = new RawNetfront(host, host.guest('alice'), nic);
    front.send(...slots(front.grant(page(0), true)));
    expect(front.back.fatal).toBe(why);
    expect(touched.reads.size).toBe(0);
    other.send({ gref: other.grant(page(0), true), size: 60, id: 5 });
    expect(other.sent).toEqual([{ id: 5, status: NETIF_RSP.okay }]);
  });
});

test('any slots: nothing is sent that was not granted, nothing stays mapped, others are served', () => {
  const word = (bits: number) =>
    fc.oneof(fc.nat(2 ** bits - 1), fc.constantFrom(0, 1, 2 ** bits - 1, 4096, 128));
  const slot = fc.record({
    gref: fc.oneof(fc.constantFrom(0, 1, 2, 3), word(32)),
    offset: fc.oneof(fc.nat(4200), word(16)),
    flags: fc.oneof(fc.constantFrom(0, 0, 0, NETTXF.more_data), word(16)),
    id: word(16),
    size: fc.oneof(fc.nat(4200), fc.nat(300), word(16)),
  });
  let ended = 0;
  let sent = 0;
  fc.assert(
    fc.property(fc.array(slot, { minLength: 1, maxLength: 12 }), (slots) => {
      const { front, host, nic, guest, touched } = setUp();
      const refs = [4, 5, 6, 7].map((n) => front.grant(page(n), true));
      front.send(...slots.map((one) => ({ ...one, gref: refs[one.gref] ?? one.gref })));
      // The rings are granted, too.
      const granted = new Set([4, 5, 6, 7, 24 + 1, 24 + 2].map((n) => frameOf(guest, page(n))));
      // What is copied is sent from dom0's own memory.
      const foreign = [...touched.reads].filter((frame) => host.xen.frame(frame)?.owner !== 0);
      expect(foreign.filter((frame) => !granted.has(frame))).toEqual([]);
      for (const ref of refs) expect(host.xen.activeGrant(guest.domid, ref)).toBeUndefined();
      expect(host.journal.faults.filter(({ rule }) => rule === 'fault' || rule === 'wrong-frame')).toEqual(
        [],
      );
      if (front.back.fatal !== undefined) ended++;
      sent += nic.wire.length;
      const other = new RawNetfront(host, host.guest('alice'), nic);
      other.send({ gref: other.grant(page(0), true), size: 60, id: 5 });
      expect(other.sent).toEqual([{ id: 5, status: NETIF_RSP.okay }]);
    }),
    { numRuns: 300 },
  );
  expect(ended).toBeGreaterThan(50);
  expect(sent).toBeGreaterThan(10);
});
