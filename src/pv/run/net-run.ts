/** `dmalab run --packets`: packets out of a guest, onto the wire, and the same back in. */
import { PAGE_SIZE } from '../../address/index.ts';
import { receivePackets, sendPackets } from '../load/net-load.ts';
import { Netback } from '../net/netback.ts';
import { Netfront } from '../net/netfront.ts';
import { Nic, RX_BUFFER } from '../net/nic.ts';
import { findingsOf } from './findings.ts';
import { makeHost } from './platform.ts';
import { joinedWrong, type LoadResult, padded } from './result.ts';
import type { NetLoad, RunSpec } from './spec.ts';

/** Packets bigger than a receive buffer are sent only. @throws RangeError where the memory map has no room. */
export function runNet(run: RunSpec, { data, packet, align, contiguous, depth }: NetLoad): LoadResult {
  const pages = Math.ceil((align + packet) / PAGE_SIZE);
  const host = makeHost(run, [{ name: 'dom1', pages: pages * depth, contiguous }]);
  const guest = host.guest('dom1');
  const { coherent, believedCoherent = coherent, maskBits = 64, busOffset = 0 } = run;
  const nic = new Nic(host, { name: 'nic', coherent, believedCoherent, maskBits, busOffset });
  const front = new Netfront(host, guest);
  const back = new Netback(host, guest, nic, front.rings, () => front.port.notify());
  front.connect(() => back.port.notify());
  const packets = Math.max(1, Math.ceil(data.length / packet));
  const job = {
    size: packet,
    packets,
    align,
    depth,
    data: (at: number, size: number) => padded(data, at, size),
  };
  host.journal.startCounting();
  const parties = { host, guest, front, back, nic };
  const sent = sendPackets(parties, job);
  const received = packet <= RX_BUFFER ? receivePackets(parties, job) : undefined;
  const { findings, ofFault } = findingsOf(host.journal, run.lineSize);
  return {
    errors: sent.errors + (received?.errors ?? 0),
    arrived: host.hasBytes ? (received ?? sent).arrived.slice(0, data.length) : undefined,
    wrong: joinedWrong([...sent.wrong, ...(received?.wrong ?? [])], ofFault),
    findings,
    costs: host.journal.costs,
    mappings: host.journal.mappings.length,
  };
}
