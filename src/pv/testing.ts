/** For this room's tests: hosts with a disk or a card, frontends that write what they like into their rings. */
import { type Mfn, mfn, type Pfn, physAddrOf } from '../address/index.ts';
import { repaired } from '../designs/repaired.ts';
import type { DomId } from '../xen/index.ts';
import { BLKIF_ENTRY_SIZE, blkif_response } from './abi/blkif.ts';
import { EventPort } from './agenda.ts';
import { Blkback } from './block/blkback.ts';
import { Disk } from './block/disk.ts';
import { ForeignPool } from './block/foreign-pool.ts';
import { NvmeDriver } from './block/nvme.ts';
import type { Host, HostSpec } from './host/host.ts';
import type { Party } from './host/party.ts';
import { FrontRing } from './ring.ts';
import { makeHost } from './run/platform.ts';
import type { RunSpec } from './run/spec.ts';

const DOM0 = 0 as DomId;
/** Of dom0's disk. */
export const DISK_SECTORS = 4096;

/** A run that nothing special is asked of. */
export const PLAIN: RunSpec = {
  design: repaired,
  linux: [6, 12],
  machine: 'adversarial',
  lineSize: 64,
  seed: 1,
  coherent: false,
};

export interface DiskHost {
  readonly host: Host;
  readonly disk: Disk;
  readonly driver: NvmeDriver;
  readonly pool: ForeignPool;
}

/** A host with a disk, and guests of so many pages of data, by name. */
export function diskHost(
  guests: Readonly<Record<string, number>>,
  run: Partial<RunSpec> = {},
  more: Partial<HostSpec> = {},
): DiskHost {
  const spec = { ...PLAIN, ...run };
  const list = Object.entries(guests).map(([name, pages]) => ({
    name,
    pages,
    contiguous: Number.POSITIVE_INFINITY,
  }));
  const host = makeHost(spec, list, more);
  const disk = new Disk(host, { name: 'nvme', coherent: spec.coherent, sectors: DISK_SECTORS });
  return { host, disk, driver: new NvmeDriver(host, disk), pool: new ForeignPool(host.dom0) };
}

export interface BlockResponse {
  /** 2^53 or more: undefined. */
  readonly id: number | undefined;
  readonly operation: number;
  readonly status: number;
}

/** A frontend that writes what it likes, and the backend that serves it. */
export class RawBlkfront {
  readonly guest: Party;
  readonly back: Blkback;
  readonly ring: FrontRing;
  readonly responses: BlockResponse[] = [];
  readonly #host: Host;

  constructor({ host, driver, pool }: DiskHost, guest: Party, sectors: number, readonly = false) {
    this.#host = host;
    this.guest = guest;
    const page = guest.takePage() as Pfn;
    this.ring = new FrontRing(guest.shared(page), BLKIF_ENTRY_SIZE, blkif_response.size);
    const port = new EventPort(host.agenda, () => this.#take());
    const spec = { guest, driver, pool, first: 0, sectors, readonly, persistent: false };
    this.back = new Blkback(host, spec, this.grant(page, false), () => port.notify());
  }

  grant(page: Pfn, readonly: boolean): number {
    const ref = this.guest.grants.grant(DOM0, page, readonly);
    if (ref === undefined) throw new Error('the grant table is full');
    return ref;
  }

  /** Put messages as they are, notify, and wait until nothing happens any more. */
  send(...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.ring.put(message);
    this.ring.push();
    this.back.port.notify();
    this.#host.agenda.run();
    this.#take();
  }

  #take(): void {
    for (let bytes = this.ring.take(); bytes !== undefined; bytes = this.ring.take())
      this.responses.push(blkif_response.read(bytes));
    this.ring.finalCheck();
  }
}

/** Frames that devices have touched, by way, in order. */
export interface Touched {
  readonly reads: Set<Mfn>;
  readonly writes: Set<Mfn>;
}

/** What devices touch is written down. */
export function watchDevices(host: Host): Touched {
  const touched: Touched = { reads: new Set(), writes: new Set() };
  const { machine } = host;
  const note = (frames: Set<Mfn>, from: number, to: number) => {
    for (let frame = Math.floor(from / 4096); frame * 4096 < to; frame++) frames.add(mfn(frame));
  };
  const { deviceRead, deviceWrite } = machine;
  machine.deviceRead = (port, from, to) => {
    note(touched.reads, from, to);
    return deviceRead(port, from, to);
  };
  machine.deviceWrite = (port, from, to, content) => {
    note(touched.writes, from, to);
    deviceWrite(port, from, to, content);
  };
  return touched;
}

/** The machine frame behind a guest's page. */
export function frameOf(guest: Party, page: Pfn): Mfn {
  const at = guest.machineAddrOf(physAddrOf(page));
  if (at === undefined) throw new Error('no memory there');
  return mfn(at / 4096);
}
