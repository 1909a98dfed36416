/**
 * The network backend in dom0. A packet of the guest: its first 128 bytes are copied, the rest is mapped where it is and handed to the
 * card. A packet for the guest: copied into pages that it has granted.
 *
 * What cannot be a driver's mistake (sizes that do not add up, slots that cross a page) ends the interface for good, as it does there; what can be gets
 * an error response.
 * Source: drivers/net/xen-netback/{netback,rx}.c, Linux 6.12 (xenvif_tx_build_gops, xenvif_count_requests, xenvif_get_requests,
 * xenvif_fatal_tx_err).
 */
import {
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physAddrOf,
} from '../../address/index.ts';
import {
  allocateForeignPages,
  type ForeignPage,
  type GrantCopy,
  mapGrants,
  unmapGrants,
} from '../../linux/simulated/index.ts';
import { GNTST } from '../../xen/index.ts';
import {
  NETIF_RSP,
  NETRXF,
  NETTXF,
  netif_rx_request,
  netif_rx_response,
  netif_tx_request,
  netif_tx_response,
  RX_ENTRY,
  TX_ENTRY,
} from '../abi/netif.ts';
import { EventPort } from '../agenda.ts';
import type { Host } from '../host/host.ts';
import { mapRing } from '../host/map-ring.ts';
import type { Party } from '../host/party.ts';
import { BackRing } from '../ring.ts';
import type { Nic } from './nic.ts';
import { type PacketPart, SHORTEST } from './packet.ts';

/** XEN_NETBACK_TX_COPY_LEN. */
const COPIED = 128;
/** XEN_NETBK_LEGACY_SLOTS_MAX and fatal_skb_slots. */
const SLOTS_MAX = 18;
const FATAL_SLOTS = 20;
/** NET_SKB_PAD + NET_IP_ALIGN: where the copied bytes begin. */
const HEAD_OFFSET = 66;

type TxRequest = ReturnType<typeof netif_tx_request.read>;

/** Bytes of one slot. */
interface Slot {
  readonly gref: number;
  readonly offset: number;
  readonly size: number;
  readonly id: number;
}

export class Netback {
  readonly #host: Host;
  readonly #guest: Party;
  readonly #nic: Nic;
  readonly #tx: BackRing;
  readonly #rx: BackRing;
  readonly #notifyFront: () => void;
  /** Places for foreign pages. */
  readonly #places: Pfn[] = [];
  /** Pages for the copied beginnings of packets. */
  readonly #heads: Pfn[] = [];
  /** The frontend's end of the event channel notifies this. */
  readonly port: EventPort;
  /** The interface is dead, because of this; undefined while it lives. */
  fatal: string | undefined;
  /** Packets refused, by reason. */
  readonly refused: string[] = [];

  /** @throws RangeError if the rings cannot be mapped. */
  constructor(
    host: Host,
    guest: Party,
    nic: Nic,
    rings: { readonly tx: number; readonly rx: number },
    notifyFront: () => void,
  ) {
    this.#host = host;
    this.#guest = guest;
    this.#nic = nic;
    this.#notifyFront = notifyFront;
    this.#tx = new BackRing(mapRing(host, guest, rings.tx), TX_ENTRY, netif_tx_request.size);
    this.#rx = new BackRing(mapRing(host, guest, rings.rx), RX_ENTRY, netif_rx_request.size);
    this.port = new EventPort(host.agenda, () => this.#transmit());
  }

  // From the guest.

  /** xenvif_tx_build_gops(). */
  #transmit(): void {
    do {
      while (this.fatal === undefined) {
        if (this.#tx.overflows) this.fatal = 'impossible number of requests';
        const bytes = this.fatal === undefined ? this.#tx.take() : undefined;
        if (bytes === undefined) break;
        this.#packet(netif_tx_request.read(bytes));
      }
    } while (this.fatal === undefined && this.#tx.finalCheck());
  }

  #packet(first: TxRequest): void {
    // No extra information is understood here: no offloading, no multicast control.
    const slots = has(first.flags, NETTXF.extra_info)
      ? this.#fatal('unexpected extra information')
      : this.#slotsOf(first);
    if (slots === undefined) return;
    const why =
      slots.length > SLOTS_MAX ? 'too many slots' : first.size < SHORTEST ? 'packet too short' : undefined;
    const refused = why ?? this.#forward(slots);
    if (refused === undefined) return;
    this.refused.push(refused);
    this.#respond(slots, NETIF_RSP.error);
  }

  /** To the card. @returns why not; undefined: it is on its way. */
  #forward(slots: readonly Slot[]): string | undefined {
    const page = this.#heads.pop() ?? this.#host.dom0.takePage();
    if (page === undefined) return 'no memory';
    const head = offsetBy(physAddrOf(page), HEAD_OFFSET);
    const copies = copiesOf(slots, head, this.#guest.domid);
    const statuses = this.#copy(copies, 'the beginning of a packet');
    const rest = restOf(slots);
    const mapped = statuses.every((status) => status === GNTST.okay) ? this.#map(rest) : undefined;
    if (mapped === undefined) {
      this.#heads.push(page);
      return 'a grant that cannot be used';
    }
    const copied = copies.reduce((sum, { length }) => sum + length, 0);
    const fragments = mapped.map(({ at }, i): PacketPart => {
      const { offset = 0, size = 0 } = rest[i] ?? {};
      return { phys: offsetBy(physAddrOf(at), offset), size };
    });
    this.#nic.send([{ phys: head, size: copied }, ...fragments], () => {
      this.#unmap(mapped);
      this.#heads.push(page);
      this.#respond(slots, NETIF_RSP.okay);
    });
    return undefined;
  }

  /** xenvif_count_requests(): the slots of a packet; undefined: it was the end of the interface. */
  #slotsOf(first: TxRequest): Slot[] | undefined {
    const rest: Slot[] = [];
    let left = first.size;
    for (let { flags } = first; has(flags, NETTXF.more_data); ) {
      if (rest.length + 1 >= FATAL_SLOTS) return this.#fatal('malicious number of slots');
      const bytes = this.#tx.take();
      if (bytes === undefined) return this.#fatal('a packet that does not end');
      const slot = netif_tx_request.read(bytes);
      if (slot.size > left) return this.#fatal('a slot bigger than what is left of the packet');
      if (slot.offset + slot.size > PAGE_SIZE) return this.#fatal('a slot across a page');
      left -= slot.size;
      rest.push(slot);
      flags = slot.flags;
    }
    if (first.offset + left > PAGE_SIZE) return this.#fatal('a slot across a page');
    return [{ ...first, size: left }, ...rest];
  }

  #map(slots: readonly Slot[]): ForeignPage[] | undefined {
    const { dom0, design, trace } = this.#host;
    if (slots.length === 0) return [];
    const places = slots.map(() => this.#place());
    const wanted = slots.map(({ gref }, i) => ({
      at: places[i] as Pfn,
      domain: this.#guest.domid,
      ref: gref,
      readonly: true,
    }));
    const pages: ForeignPage[] = [];
    for (const [i, { status, frame, handle }] of mapGrants(dom0.kernel, design, wanted).entries()) {
      const at = places[i] as Pfn;
      if (status === GNTST.okay) {
        trace.p2m?.(at, frame);
        pages.push({ at, frame, handle });
      } else this.#places.push(at);
    }
    if (pages.length === slots.length) return pages;
    this.#unmap(pages);
    return undefined;
  }
  #unmap(pages: readonly ForeignPage[]): void {
    const { dom0, design, trace } = this.#host;
    if (pages.length === 0) return;
    unmapGrants(dom0.kernel, design, pages);
    for (const { at } of pages) {
      trace.p2m?.(at, undefined);
      this.#places.push(at);
    }
  }
  /** @throws RangeError if dom0 has no room. */
  #place(): Pfn {
    const place = this.#places.pop() ?? allocateForeignPages(this.#host.dom0.kernel, 1);
    if (place === undefined) throw new RangeError('dom0 has no room for foreign pages');
    return place;
  }

  #respond(slots: readonly Slot[], status: number): void {
    for (const { id } of slots) this.#tx.put(netif_tx_response.write({ id, status }));
    if (this.#tx.push()) this.#notifyFront();
  }
  /** xenvif_fatal_tx_err(): nothing is taken from this frontend any more. */
  #fatal(why: string): undefined {
    this.fatal = why;
    return undefined;
  }

  // To the guest.

  /** A packet in dom0's memory is copied into pages that the guest has posted. False: it is dropped. */
  deliver(at: PhysAddr, size: number): boolean {
    if (this.fatal !== undefined || this.#rx.overflows) return false;
    const needed = Math.ceil(size / PAGE_SIZE);
    if (this.#rx.unconsumed < needed) return false;
    for (let done = 0; done < size; ) {
      const bytes = this.#rx.take();
      if (bytes === undefined) return false;
      const { id, gref } = netif_rx_request.read(bytes);
      const length = Math.min(size - done, PAGE_SIZE);
      const copies = copiesInto(offsetBy(at, done), length, this.#guest.domid, gref);
      const ok = this.#copy(copies, 'a received packet').every((status) => status === GNTST.okay);
      done += length;
      const flags = done < size ? NETRXF.more_data : 0;
      if (!ok) this.refused.push('a grant that cannot be copied to');
      this.#rx.put(netif_rx_response.write({ id, offset: 0, flags, status: ok ? length : NETIF_RSP.error }));
    }
    if (this.#rx.push()) this.#notifyFront();
    return true;
  }

  #copy(copies: readonly GrantCopy[], what: string): readonly number[] {
    const { dom0, journal } = this.#host;
    return journal.during(
      `Xen copies: ${what}`,
      () => dom0.kernel.world.hypervisor?.copyGrants(copies) ?? [],
    );
  }
}

/** Is this power of two in the flags. */
function has(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1;
}

/** Copies of the first 128 bytes of a packet, from as many slots as they are in. */
function copiesOf(slots: readonly Slot[], head: PhysAddr, domain: number): GrantCopy[] {
  const copies: GrantCopy[] = [];
  let done = 0;
  for (const slot of slots) {
    const length = Math.min(slot.size, COPIED - done);
    if (length === 0) continue;
    const target = { page: pfnOf(head), offset: pageOffset(offsetBy(head, done)) };
    copies.push({ source: { domain, ref: slot.gref, offset: slot.offset }, target, length });
    done += length;
  }
  return copies;
}

/** What is left of the slots after the first 128 bytes. */
function restOf(slots: readonly Slot[]): Slot[] {
  let skipped = COPIED;
  return slots.flatMap((slot) => {
    const gone = Math.min(slot.size, skipped);
    skipped -= gone;
    return slot.size > gone ? [{ ...slot, offset: slot.offset + gone, size: slot.size - gone }] : [];
  });
}

/** Copies of dom0's bytes into one granted page. */
function copiesInto(at: PhysAddr, size: number, domain: number, ref: number): GrantCopy[] {
  const copies: GrantCopy[] = [];
  for (let done = 0; done < size; ) {
    const from = offsetBy(at, done);
    const length = Math.min(size - done, PAGE_SIZE - pageOffset(from));
    copies.push({
      source: { page: pfnOf(from), offset: pageOffset(from) },
      target: { domain, ref, offset: done },
      length,
    });
    done += length;
  }
  return copies;
}
