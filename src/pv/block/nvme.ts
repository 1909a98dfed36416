/**
 * dom0's driver of the disk: what it maps for a command, and how.
 * Source: nvme_map_data(), nvme_setup_prp_simple(), nvme_setup_sgl_simple() of drivers/nvme/host/pci.c, Linux 6.12.
 */
import { pageOffset } from '../../address/index.ts';
import { Direction } from '../../linux/index.ts';
import { SECTOR } from '../abi/blkif.ts';
import type { Host } from '../host/host.ts';
import type { MappingRecord } from '../host/journal.ts';
import { bytesOf, type QueueLimits, scatterlist, splitForQueue, type Vector } from './bio.ts';
import { CONTROLLER_PAGE, type Disk } from './disk.ts';

/** Limits of the queue where nothing else is said: those of QEMU's controller (MDTS 7), as in the recordings. */
export const NVME_LIMITS: QueueLimits = {
  maxBytes: 512 * 1024,
  maxSegments: 127,
  maxSegmentSize: 2 ** 32 - SECTOR,
  virtBoundary: CONTROLLER_PAGE,
};

export interface DriverOptions {
  readonly limits?: QueueLimits;
  /** The controller takes SGLs: one segment of more than two of its pages needs no list. Default true, as QEMU's. */
  readonly sgl?: boolean;
}

/** A bio: bytes to or from consecutive sectors. */
export interface Bio {
  readonly write: boolean;
  readonly sector: number;
  readonly vectors: readonly Vector[];
  /** False: an error. */
  readonly done: (ok: boolean) => void;
}

export class NvmeDriver {
  readonly #host: Host;
  readonly #disk: Disk;
  readonly #limits: QueueLimits;
  readonly #sgl: boolean;
  /** Told of each command. */
  onCommand: ((command: 'read' | 'write' | 'flush', sector: number, sectors: number) => void) | undefined;

  constructor(host: Host, disk: Disk, { limits = NVME_LIMITS, sgl = true }: DriverOptions = {}) {
    this.#host = host;
    this.#disk = disk;
    this.#limits = limits;
    this.#sgl = sgl;
  }

  get disk(): Disk {
    return this.#disk;
  }

  /** submit_bio(). */
  submit({ write, sector, vectors, done }: Bio): void {
    const requests = splitForQueue(vectors, this.#limits);
    let left = requests.length;
    let ok = true;
    let at = sector;
    for (const request of requests) {
      this.#queue(write, at, request, (worked) => {
        ok &&= worked;
        left--;
        if (left === 0) done(ok);
      });
      at += bytesOf(request) / SECTOR;
    }
  }

  /** A flush has no data: the disk has nothing that is not written. */
  flush(done: (ok: boolean) => void): void {
    this.onCommand?.('flush', 0, 0);
    this.#host.agenda.later(() => done(true));
  }

  /** nvme_queue_rq(), and the interrupt when it is done. */
  #queue(write: boolean, sector: number, request: readonly Vector[], done: (ok: boolean) => void): void {
    this.onCommand?.(write ? 'write' : 'read', sector, bytesOf(request) / SECTOR);
    const { dma, agenda } = this.#host;
    const device = this.#disk.device.kernelDevice;
    const direction = write ? Direction.toDevice : Direction.fromDevice;
    const entries = scatterlist(request, this.#limits);
    const [only] = entries;
    const single = only !== undefined && entries.length === 1 && this.#isSimple(only) ? only : undefined;
    let mappings: readonly MappingRecord[] | undefined;
    if (single) {
      const mapping = dma.map(device, single.phys, single.size, direction);
      mappings = mapping && [mapping];
    } else mappings = dma.mapSg(device, entries, direction);
    if (mappings === undefined) {
      agenda.later(() => done(false));
      return;
    }
    const mapped = mappings;
    agenda.later(() => {
      const ok = this.#disk.execute({ write, sector, mappings: mapped });
      agenda.later(() => {
        if (single) for (const mapping of mapped) dma.unmap(mapping);
        else dma.unmapSg(mapped);
        done(ok);
      });
    });
  }

  /** One segment that two entries of the command can name, or a controller that takes any. */
  #isSimple({ phys, size }: { readonly phys: Vector['phys']; readonly size: number }): boolean {
    return this.#sgl || (pageOffset(phys) % CONTROLLER_PAGE) + size <= 2 * CONTROLLER_PAGE;
  }
}
