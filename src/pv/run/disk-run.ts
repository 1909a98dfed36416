/** `dmalab run`: a file through a PV disk and back. */
import { PAGE_SIZE } from '../../address/index.ts';
import { SECTOR } from '../abi/blkif.ts';
import { Disk } from '../block/disk.ts';
import { connectDisk } from '../block/disk-stack.ts';
import { ForeignPool } from '../block/foreign-pool.ts';
import { NvmeDriver } from '../block/nvme.ts';
import type { Party } from '../host/party.ts';
import { type BufferPiece, physOf, runBlockJob } from '../load/block-load.ts';
import { findingsOf } from './findings.ts';
import { makeHost } from './platform.ts';
import { joinedWrong, type LoadResult, padded } from './result.ts';
import type { DiskLoad, RunSpec } from './spec.ts';

/** @throws RangeError where the memory map has no room for such a load. */
export function runDisk(run: RunSpec, load: DiskLoad): LoadResult {
  const { request, align, contiguous, depth, persistent, data } = load;
  const pages = Math.ceil((align + request) / PAGE_SIZE);
  const host = makeHost(run, [{ name: 'dom1', pages: pages * depth, contiguous }]);
  const guest = host.guest('dom1');
  const requests = Math.max(1, Math.ceil(data.length / request));
  const sectors = (requests * request) / SECTOR;
  const { coherent, believedCoherent = coherent, maskBits = 64, busOffset = 0 } = run;
  const disk = new Disk(host, { name: 'nvme', coherent, believedCoherent, maskBits, busOffset, sectors });
  const driver = new NvmeDriver(host, disk);
  const pool = new ForeignPool(host.dom0);
  const { front } = connectDisk(host, { guest, driver, pool, first: 0, sectors, persistent });
  const job = {
    name: 'the load',
    sector: 0,
    base: 0,
    requests,
    buffers: Array.from({ length: Math.min(depth, requests) }, (_, i): BufferPiece[] => [
      { at: i * pages * PAGE_SIZE + align, size: request },
    ]),
    data: (at: number, size: number) => padded(data, at, size),
  };
  host.journal.startCounting();
  const parties = { host, guest, front, disk };
  const beside = besides(job.buffers.flat());
  useNeighbours(guest, beside);
  const written = runBlockJob(parties, { ...job, way: 'write' });
  useNeighbours(guest, beside);
  const read = runBlockJob(parties, { ...job, way: 'verify' });
  for (const { at, size } of beside) guest.read(physOf(at), size, NEIGHBOUR);
  const { findings, ofFault } = findingsOf(host.journal, run.lineSize);
  return {
    errors: written.errors + read.errors,
    arrived: host.hasBytes ? read.arrived.slice(0, data.length) : undefined,
    wrong: joinedWrong(read.wrong, ofFault),
    findings,
    costs: host.journal.costs,
    mappings: host.journal.mappings.length,
  };
}

const NEIGHBOUR = 'what lies beside a buffer';

/** What is left of the buffers' first and last pages: somebody else uses it. */
function besides(pieces: readonly BufferPiece[]): BufferPiece[] {
  return pieces
    .flatMap(({ at, size }) => {
      const end = at + size;
      const page = Math.floor(at / PAGE_SIZE) * PAGE_SIZE;
      return [
        { at: page, size: at - page },
        { at: end, size: Math.ceil(end / PAGE_SIZE) * PAGE_SIZE - end },
      ];
    })
    .filter(({ size }) => size > 0);
}

function useNeighbours(guest: Party, pieces: readonly BufferPiece[]): void {
  for (const { at, size } of pieces) guest.write(physOf(at), new Uint8Array(size).fill(0x5a), NEIGHBOUR);
}
