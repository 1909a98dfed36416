/**
 * Data through a PV disk: written from buffers of a guest, read back into them, compared. As direct I/O does it: the disk works on the
 * guest's own pages, each request on a buffer of its own.
 */
import { offsetBy, PAGE_SIZE, type PhysAddr, pfn, physAddrOf } from '../../address/index.ts';
import type { ReadContent } from '../../machine/concrete/index.ts';
import { SECTOR } from '../abi/blkif.ts';
import type { Blkfront, GuestPiece } from '../block/blkfront.ts';
import type { Disk } from '../block/disk.ts';
import { GUEST_FIRST, type Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';

/** Part of a buffer, in the guest's memory. */
export interface BufferPiece {
  /** Byte of the guest's memory, from its beginning. */
  readonly at: number;
  /** Bytes, whole sectors. */
  readonly size: number;
}

export interface BlockJob {
  /** A name for whoever asks where bytes come from. */
  readonly name: string;
  readonly way: 'write' | 'verify';
  /** First sector of the guest's disk. */
  readonly sector: number;
  /** Sector of dom0's disk that is the guest's first. */
  readonly base: number;
  readonly requests: number;
  /** Buffers that requests go through, in turn; as many are under way at once. */
  readonly buffers: readonly (readonly BufferPiece[])[];
  /** What belongs at [at, at + size) of the data. */
  readonly data: (at: number, size: number) => Uint8Array;
}

/** Bytes of the data that are not what was sent: old ones, which may happen to be equal. */
export interface WrongBytes {
  /** [from, to) of the job's data. */
  readonly from: number;
  readonly to: number;
  /** How many of them differ. */
  readonly differing: number;
  readonly request: number;
  /** The fault that made them so; undefined: none is known. */
  readonly fault: number | undefined;
}

export interface JobResult {
  readonly bytes: number;
  /** Requests that were answered with an error, or not at all. */
  readonly errors: number;
  readonly wrong: readonly WrongBytes[];
  /** What arrived: the job's data as it was read; empty of a write. */
  readonly arrived: Uint8Array;
}

interface Parties {
  readonly host: Host;
  readonly guest: Party;
  readonly front: Blkfront;
  readonly disk: Disk;
}

/** Fill of a buffer before it is read into, so that what does not arrive shows. */
const STALE = 0xa5;

export function runBlockJob(parties: Parties, job: BlockJob): JobResult {
  const { host, guest, front } = parties;
  const size = (job.buffers[0] ?? []).reduce((sum, piece) => sum + piece.size, 0);
  const arrived = new Uint8Array(job.way === 'verify' ? size * job.requests : 0);
  const wrong: WrongBytes[] = [];
  let errors = 0;
  let answered = 0;
  let next = 0;
  const start = (pieces: readonly BufferPiece[]): void => {
    const request = next++;
    if (request >= job.requests) return;
    const at = request * size;
    const label = `${job.name}, request ${request}`;
    for (const { piece, done } of inOrder(pieces)) {
      const bytes =
        job.way === 'write' ? job.data(at + done, piece.size) : new Uint8Array(piece.size).fill(STALE);
      const what = job.way === 'write' ? `data of ${label}` : `fill before ${label}`;
      for (const [phys, from, to] of pagesOf(piece)) guest.write(phys, bytes.subarray(from, to), what);
    }
    const faultsBefore = host.journal.faults.length;
    front.submit(job.way === 'write', job.sector + at / SECTOR, pieces.map(guestPiece), (ok) => {
      answered++;
      if (!ok) errors++;
      else if (job.way === 'verify')
        for (const { piece, done } of inOrder(pieces)) {
          const content = readPiece(guest, piece, `what ${label} has read`);
          arrived.set(content.bytes, at + done);
          if (host.hasBytes)
            wrong.push(...compare(parties, job, { request, at: at + done, piece, content, faultsBefore }));
        }
      start(pieces);
    });
  };
  for (const pieces of job.buffers) start(pieces);
  host.agenda.run();
  errors += job.requests - answered;
  return { bytes: size * job.requests, errors, wrong, arrived };
}

/** Pieces, and how many bytes lie before each. */
function inOrder(pieces: readonly BufferPiece[]): { readonly piece: BufferPiece; readonly done: number }[] {
  let done = 0;
  return pieces.map((piece) => {
    const before = done;
    done += piece.size;
    return { piece, done: before };
  });
}

function guestPiece({ at, size }: BufferPiece): GuestPiece {
  return { phys: physOf(at), size };
}
/** A byte of the guest's memory, from its beginning, as the guest addresses it. */
export function physOf(at: number): PhysAddr {
  return offsetBy(physAddrOf(pfn(GUEST_FIRST)), at);
}

/** The piece page by page: where, and which of its bytes. */
function pagesOf({ at, size }: BufferPiece): [phys: PhysAddr, from: number, to: number][] {
  const pages: [PhysAddr, number, number][] = [];
  for (let done = 0; done < size; ) {
    const length = Math.min(size - done, PAGE_SIZE - ((at + done) % PAGE_SIZE));
    pages.push([physOf(at + done), done, done + length]);
    done += length;
  }
  return pages;
}

function readPiece(guest: Party, piece: BufferPiece, what: string): ReadContent {
  const content = {
    bytes: new Uint8Array(piece.size),
    marks: new Uint32Array(piece.size),
    wrong: new Uint8Array(piece.size),
  };
  for (const [phys, from, to] of pagesOf(piece)) {
    const page = guest.read(phys, to - from, what);
    content.bytes.set(page.bytes, from);
    content.marks.set(page.marks, from);
    content.wrong.set(page.wrong, from);
  }
  return content;
}

interface Comparison {
  readonly request: number;
  /** First byte of the piece in the job's data. */
  readonly at: number;
  readonly piece: BufferPiece;
  readonly content: ReadContent;
  readonly faultsBefore: number;
}

/** Ranges of wrong bytes, one for each run with one cause. */
function compare(parties: Parties, job: BlockJob, comparison: Comparison): WrongBytes[] {
  const { request, at, piece, content } = comparison;
  const should = job.data(at, piece.size);
  const found: WrongBytes[] = [];
  for (let i = 0; i < piece.size; i++) {
    const place = at + i;
    const differs = content.bytes[i] === should[i] ? 0 : 1;
    if (differs === 0 && content.wrong[i] === 0 && faultOnDisk(parties, job, place) === undefined) continue;
    const fault = faultOf(parties, job, comparison, i);
    const last = found.at(-1);
    if (last && last.to === place && last.fault === fault)
      found[found.length - 1] = { ...last, to: place + 1, differing: last.differing + differs };
    else found.push({ from: place, to: place + 1, differing: differs, request, fault });
  }
  return found;
}

/** Which fault made the byte wrong: seen in this very read, or when it was copied on the way, or when the disk got it. */
function faultOf(
  parties: Parties,
  job: BlockJob,
  { at, piece, faultsBefore }: Comparison,
  i: number,
): number | undefined {
  const { host, guest } = parties;
  const machine = guest.machineAddrOf(physOf(piece.at + i));
  const seen = machine === undefined ? undefined : host.journal.faultAt(machine, faultsBefore);
  return seen ?? faultOnDisk(parties, job, at + i);
}

/** @param place byte of the job's data. */
function faultOnDisk({ disk }: Parties, { base, sector }: BlockJob, place: number): number | undefined {
  return disk.faultAt(base + sector + Math.floor(place / SECTOR), place % SECTOR);
}
