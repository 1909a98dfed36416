/**
 * The network frontend in a guest.
 * Source: drivers/net/xen-netfront.c, Linux 6.12 (xennet_make_txreqs, xennet_alloc_rx_buffers, xennet_get_responses).
 */
import { type Pfn, type PhysAddr, pageOffset, pfnOf, physAddrOf } from '../../address/index.ts';
import type { DomId } from '../../xen/index.ts';
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
import { pageParts } from '../block/bio.ts';
import type { Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';
import { FrontRing } from '../ring.ts';
import type { PacketPart } from './packet.ts';

const DOM0 = 0 as DomId;

interface Posted {
  readonly page: Pfn;
  readonly ref: number;
}
interface Sent {
  readonly refs: readonly number[];
  left: number;
  ok: boolean;
  readonly done: (ok: boolean) => void;
}

export class Netfront {
  readonly rings: { readonly tx: number; readonly rx: number };
  readonly #guest: Party;
  readonly #tx: FrontRing;
  readonly #rx: FrontRing;
  readonly #posted = new Map<number, Posted>();
  readonly #sent = new Map<number, { readonly packet: Sent; readonly ref: number }>();
  /** Pages of a packet that has not come to its end. */
  #pieces: PacketPart[] = [];
  #nextId = 1;
  #notifyBack: () => void = () => {};
  /** The backend's end of the event channel notifies this. */
  readonly port: EventPort;
  /** Told of each packet, in pages that are posted again when this returns. */
  onReceive: (parts: readonly PacketPart[]) => void = () => {};

  /** @throws RangeError if the guest has not enough pages. */
  constructor(host: Host, guest: Party, rxBuffers = 32) {
    this.#guest = guest;
    const tx = this.#ringPage();
    const rx = this.#ringPage();
    this.#tx = new FrontRing(guest.shared(tx.page), TX_ENTRY, netif_tx_response.size);
    this.#rx = new FrontRing(guest.shared(rx.page), RX_ENTRY, netif_rx_response.size);
    this.rings = { tx: tx.ref, rx: rx.ref };
    this.port = new EventPort(host.agenda, () => this.#interrupt());
    for (let i = 0; i < rxBuffers; i++) {
      const page = guest.takePage();
      if (page !== undefined) this.#post(page);
    }
    this.#rx.push();
  }

  connect(notifyBack: () => void): void {
    this.#notifyBack = notifyBack;
  }

  /**
   * Send a packet. @param done the pages are the guest's again; false: it was refused.
   * @returns false, and nothing sent, while the ring or the grant table is full.
   */
  send(packet: readonly PacketPart[], done: (ok: boolean) => void): boolean {
    const slots = packet.flatMap(({ phys, size }) => pageParts(phys, size));
    if (this.#tx.free < slots.length) return false;
    const refs: number[] = [];
    for (const { phys } of slots) {
      const ref = this.#guest.grants.grant(DOM0, pfnOf(phys), true);
      if (ref === undefined) {
        for (const each of refs) this.#guest.grants.endAccess(each);
        return false;
      }
      refs.push(ref);
    }
    const total = slots.reduce((sum, { size }) => sum + size, 0);
    const sent: Sent = { refs, left: slots.length, ok: true, done };
    for (const [i, { phys, size }] of slots.entries()) {
      const id = this.#newId();
      this.#sent.set(id, { packet: sent, ref: refs[i] as number });
      this.#tx.put(
        netif_tx_request.write({
          gref: refs[i] as number,
          offset: pageOffset(phys),
          flags: i + 1 < slots.length ? NETTXF.more_data : 0,
          id,
          size: i === 0 ? total : size,
        }),
      );
    }
    if (this.#tx.push()) this.#notifyBack();
    return true;
  }

  #interrupt(): void {
    do {
      for (let bytes = this.#tx.take(); bytes !== undefined; bytes = this.#tx.take())
        this.#sentSlot(netif_tx_response.read(bytes));
    } while (this.#tx.finalCheck());
    do {
      for (let bytes = this.#rx.take(); bytes !== undefined; bytes = this.#rx.take())
        this.#received(netif_rx_response.read(bytes));
    } while (this.#rx.finalCheck());
  }

  #sentSlot({ id, status }: { readonly id: number; readonly status: number }): void {
    const slot = this.#sent.get(id);
    if (slot === undefined) return;
    this.#sent.delete(id);
    const { packet, ref } = slot;
    this.#guest.grants.endAccess(ref);
    packet.ok &&= status === NETIF_RSP.okay;
    packet.left--;
    if (packet.left === 0) packet.done(packet.ok);
  }

  #received({ id, offset, flags, status }: ReturnType<typeof netif_rx_response.read>): void {
    const posted = this.#posted.get(id);
    if (posted === undefined) return;
    this.#posted.delete(id);
    this.#guest.grants.endAccess(posted.ref);
    if (status > 0) this.#pieces.push({ phys: (physAddrOf(posted.page) + offset) as PhysAddr, size: status });
    if (Math.floor(flags / NETRXF.more_data) % 2 === 0) {
      if (this.#pieces.length > 0) this.onReceive(this.#pieces);
      this.#pieces = [];
    }
    this.#post(posted.page);
    this.#rx.push();
  }

  #post(page: Pfn): void {
    const ref = this.#guest.grants.grant(DOM0, page, false);
    if (ref === undefined) return;
    const id = this.#newId();
    this.#posted.set(id, { page, ref });
    this.#rx.put(netif_rx_request.write({ id, gref: ref }));
  }

  /** 16 bits. */
  #newId(): number {
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 16;
    return id;
  }

  #ringPage(): Posted {
    const page = this.#guest.takePage();
    const ref = page === undefined ? undefined : this.#guest.grants.grant(DOM0, page, false);
    if (page === undefined || ref === undefined)
      throw new RangeError(`${this.#guest.name} has no page for a ring`);
    return { page, ref };
  }
}
