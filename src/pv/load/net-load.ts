/** Packets out of a guest and into it. */
import { offsetBy, PAGE_SIZE, type PhysAddr, pfn, physAddrOf } from '../../address/index.ts';
import { GUEST_FIRST, type Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';
import type { Netback } from '../net/netback.ts';
import type { Netfront } from '../net/netfront.ts';
import type { Nic } from '../net/nic.ts';
import type { PacketPart } from '../net/packet.ts';
import type { WrongBytes } from './block-load.ts';

export interface NetJob {
  /** Bytes of a packet, 14 to 65535. */
  readonly size: number;
  readonly packets: number;
  /** Offset of a packet in its first page. */
  readonly align: number;
  /** Packets under way at once. */
  readonly depth: number;
  /** What belongs at [at, at + size) of all packets, one after the other. */
  readonly data: (at: number, size: number) => Uint8Array;
}

export interface NetJobResult {
  readonly errors: number;
  readonly wrong: readonly WrongBytes[];
  /** All packets as they arrived, one after the other. */
  readonly arrived: Uint8Array;
}

interface Parties {
  readonly host: Host;
  readonly guest: Party;
  readonly front: Netfront;
  readonly back: Netback;
  readonly nic: Nic;
}

/** Packets that the guest sends, as they are on the wire. */
export function sendPackets({ host, guest, front, nic }: Parties, job: NetJob): NetJobResult {
  const { size, packets, align, depth, data } = job;
  const pages = Math.ceil((align + size) / PAGE_SIZE);
  const arrived = new Uint8Array(size * packets);
  const wrong: WrongBytes[] = [];
  let errors = 0;
  let answered = 0;
  let next = 0;
  const sent: number[] = [];
  const start = (slot: number): void => {
    const packet = next;
    if (packet >= packets) return;
    const phys = offsetBy(physAddrOf(pfn(GUEST_FIRST)), slot * pages * PAGE_SIZE + align);
    guest.write(phys, data(packet * size, size), `packet ${packet}`);
    const done = (ok: boolean) => {
      answered++;
      if (!ok) errors++;
      start(slot);
    };
    if (!front.send([{ phys, size }], done))
      throw new RangeError(`a packet of ${size} bytes does not fit into the ring`);
    next++;
    sent.push(packet);
  };
  const first = nic.wire.length;
  for (let slot = 0; slot < Math.min(depth, packets); slot++) start(slot);
  host.agenda.run();
  errors += packets - answered;
  // They are on the wire in the order in which the guest sent them.
  for (const [i, frame] of nic.wire.slice(first).entries()) {
    const packet = sent[i] ?? 0;
    arrived.set(frame.content.bytes, packet * size);
    const fault = (byte: number) => (frame.faults[byte] === 0 ? undefined : (frame.faults[byte] ?? 0) - 1);
    if (host.hasBytes) wrong.push(...differences(job, packet, frame.content.bytes, fault));
  }
  return { errors, wrong, arrived };
}

/** Packets from the wire, as the guest reads them. */
export function receivePackets({ host, guest, front, back, nic }: Parties, job: NetJob): NetJobResult {
  const { size, packets, depth, data } = job;
  const arrived = new Uint8Array(size * packets);
  const wrong: WrongBytes[] = [];
  let received = 0;
  let came = 0;
  const mark = host.journal.mark('a packet from the wire', 'wire');
  const put = () => {
    const bytes = data(came * size, size);
    came++;
    nic.receive({
      content: { bytes, marks: new Uint32Array(size).fill(mark) },
      faults: new Uint32Array(size),
    });
  };
  nic.onReceive = (at: PhysAddr, length: number) => {
    if (!back.deliver(at, length)) nic.dropped++;
  };
  front.onReceive = (parts) => {
    const packet = received;
    received++;
    const bytes = new Uint8Array(size);
    const places: (number | undefined)[] = [];
    let done = 0;
    for (const part of parts) {
      const content = guest.read(part.phys, part.size, `packet ${packet}`);
      bytes.set(content.bytes.subarray(0, size - done), done);
      for (let i = 0; i < part.size; i++) places.push(faultBehind(host, guest, part, i));
      done += part.size;
    }
    arrived.set(bytes, packet * size);
    if (host.hasBytes) wrong.push(...differences(job, packet, bytes, (byte) => places[byte]));
    if (came < packets) put();
  };
  // No more than the card has buffers for: what it has not is lost, as on any network.
  for (let i = 0; i < Math.min(depth, packets, nic.bufferCount); i++) put();
  host.agenda.run();
  return { errors: packets - received, wrong, arrived };
}

function faultBehind(host: Host, guest: Party, { phys }: PacketPart, i: number): number | undefined {
  const machine = guest.machineAddrOf(offsetBy(phys, i));
  return machine === undefined ? undefined : host.journal.faultAt(machine, 0);
}

/** Ranges of a packet that are not what was sent. */
function differences(
  { data, size }: NetJob,
  packet: number,
  bytes: Uint8Array,
  faultAt: (byte: number) => number | undefined,
): WrongBytes[] {
  const should = data(packet * size, size);
  const found: WrongBytes[] = [];
  for (let i = 0; i < size; i++) {
    const fault = faultAt(i);
    const differs = bytes[i] === should[i] ? 0 : 1;
    if (differs === 0 && fault === undefined) continue;
    const at = packet * size + i;
    const last = found.at(-1);
    if (last && last.to === at && last.fault === fault)
      found[found.length - 1] = { ...last, to: at + 1, differing: last.differing + differs };
    else found.push({ from: at, to: at + 1, differing: differs, request: packet, fault });
  }
  return found;
}
