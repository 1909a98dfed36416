/** `dmalab run`: a file through a PV disk and back. */
import { PAGE_SIZE } from '../../address/index.ts';
import { SECTOR } from '../abi/blkif.ts';
import { Disk } from '../block/disk.ts';
import { connectDisk } from '../block/disk-stack.ts';
import { ForeignPool } from '../block/foreign-pool.ts';
import { NvmeDriver } from '../block/nvme.ts';
import { type BufferPiece, runBlockJob } from '../load/block-load.ts';
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
  const { coherent, believedCoherent = coherent, maskBits = 64 } = run;
  const disk = new Disk(host, { name: 'nvme', coherent, believedCoherent, maskBits, sectors });
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
  const written = runBlockJob(parties, { ...job, way: 'write' });
  const read = runBlockJob(parties, { ...job, way: 'verify' });
  const { findings, ofFault } = findingsOf(host.journal, run.lineSize);
  const concrete = run.machine === 'concrete';
  return {
    errors: written.errors + read.errors,
    arrived: concrete ? read.arrived.slice(0, data.length) : undefined,
    wrong: concrete ? joinedWrong(read.wrong, ofFault) : [],
    findings,
    costs: host.journal.costs,
    mappings: host.journal.mappings.length,
  };
}
