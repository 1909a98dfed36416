/** A guest's disk, both ends of it connected. */
import type { Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';
import { Blkback } from './blkback.ts';
import { Blkfront } from './blkfront.ts';
import type { ForeignPool } from './foreign-pool.ts';
import type { NvmeDriver } from './nvme.ts';

export interface PvDiskSpec {
  readonly guest: Party;
  readonly driver: NvmeDriver;
  readonly pool: ForeignPool;
  readonly first: number;
  readonly sectors: number;
  readonly persistent?: boolean;
}

export function connectDisk(
  host: Host,
  { persistent = false, ...spec }: PvDiskSpec,
): { readonly front: Blkfront; readonly back: Blkback } {
  const front = new Blkfront(host, spec.guest, { persistent });
  const back = new Blkback(host, { ...spec, persistent }, front.ringRef, () => front.port.notify());
  front.connect(() => back.port.notify());
  return { front, back };
}
