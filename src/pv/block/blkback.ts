/**
 * The block backend in dom0: takes requests off a ring that it does not trust, maps the pages they name, and lets the disk's driver
 * work on them in place.
 *
 * Source: drivers/block/xen-blkback/blkback.c, Linux 6.12 (dispatch_rw_block_io, xen_blkbk_map, xen_blkbk_parse_indirect,
 * do_block_io_op).
 */
import { type Mfn, offsetBy, type Pfn, physAddrOf } from '../../address/index.ts';
import { type MappedGrant, mapGrants, unmapGrants } from '../../linux/simulated/index.ts';
import { GNTST } from '../../xen/index.ts';
import {
  BLKIF_ENTRY_SIZE,
  BLKIF_OP,
  BLKIF_RSP,
  blkif_discard,
  blkif_indirect,
  blkif_request,
  blkif_response,
  directSegments,
  indirectGrefs,
  MAX_DIRECT_SEGMENTS,
  SECTOR,
  SECTORS_PER_PAGE,
  SEGMENTS_PER_INDIRECT_PAGE,
  type Segment,
  segmentsOf,
} from '../abi/blkif.ts';
import { EventPort } from '../agenda.ts';
import type { Host } from '../host/host.ts';
import { mapRing } from '../host/map-ring.ts';
import type { Party } from '../host/party.ts';
import { BackRing } from '../ring.ts';
import { joinPages, type PagePart } from './bio.ts';
import type { ForeignPool } from './foreign-pool.ts';
import type { NvmeDriver } from './nvme.ts';

/** MAX_INDIRECT_SEGMENTS of the backend. */
export const MAX_INDIRECT_SEGMENTS = 256;
/** xen_blkif_max_pgrants: grants that stay mapped. */
const MAX_PERSISTENT = 1056;

export interface BlkbackSpec {
  readonly guest: Party;
  readonly driver: NvmeDriver;
  readonly pool: ForeignPool;
  /** Sectors of the guest's disk: [first, first + sectors) of dom0's. */
  readonly first: number;
  readonly sectors: number;
  readonly readonly?: boolean;
  /** Keep grants mapped (feature-persistent). */
  readonly persistent: boolean;
}

/** A page of the guest that is mapped. */
interface MappedPage {
  readonly at: Pfn;
  readonly frame: Mfn;
  readonly handle: number;
  readonly ref: number;
  readonly persistent: boolean;
}

/** A request as the backend has copied it out of the ring. */
interface Request {
  readonly operation: number;
  /** What is to be done, of an indirect one too. */
  readonly what: number;
  /** The frontend's own business: 8 bytes that go back as they came. */
  readonly cookie: Uint8Array;
  readonly sector: number | undefined;
  readonly segments: number;
  readonly bytes: Uint8Array;
}

export class Blkback {
  readonly #host: Host;
  readonly #spec: BlkbackSpec;
  readonly #ring: BackRing;
  readonly #notifyFront: () => void;
  readonly #persistent = new Map<number, MappedPage>();
  /** The frontend's end of the event channel notifies this. */
  readonly port: EventPort;
  /** The ring's indices make no sense: nothing is taken from it any more. */
  halted = false;
  /** Requests that were refused, by reason. */
  readonly refused: string[] = [];

  /** @param ringRef grant of the ring's page. @throws RangeError if it cannot be mapped. */
  constructor(host: Host, spec: BlkbackSpec, ringRef: number, notifyFront: () => void) {
    this.#host = host;
    this.#spec = spec;
    this.#notifyFront = notifyFront;
    this.#ring = new BackRing(mapRing(host, spec.guest, ringRef), BLKIF_ENTRY_SIZE, BLKIF_ENTRY_SIZE);
    this.port = new EventPort(host.agenda, () => this.#work());
  }

  /** do_block_io_op(). */
  #work(): void {
    do {
      if (this.halted) return;
      if (this.#ring.overflows) {
        this.halted = true;
        this.refused.push('bogus ring indices');
        return;
      }
      for (let bytes = this.#ring.take(); bytes !== undefined; bytes = this.#ring.take())
        this.#dispatch(bytes);
    } while (this.#ring.finalCheck());
  }

  #dispatch(bytes: Uint8Array): void {
    const request = requestOf(bytes);
    switch (request.operation) {
      case BLKIF_OP.read:
      case BLKIF_OP.write:
      case BLKIF_OP.flush:
      case BLKIF_OP.barrier:
      case BLKIF_OP.indirect:
        this.#readOrWrite(request);
        return;
      case BLKIF_OP.discard:
        this.#discard(bytes);
        return;
      default:
        this.#refuse(request, 'unknown operation', BLKIF_RSP.eopnotsupp);
    }
  }

  /** dispatch_rw_block_io(). */
  #readOrWrite(request: Request): void {
    const segments = this.#segmentsOf(request);
    if (typeof segments === 'string') {
      this.#refuse(request, segments);
      return;
    }
    const { driver, first, persistent } = this.#spec;
    const write = request.what !== BLKIF_OP.read;
    const refs = segments.map(({ gref }) => gref);
    const pages = this.#map(refs, write && !persistent, persistent);
    if (pages === undefined) {
      this.#refuse(request, 'a grant that cannot be mapped');
      return;
    }
    const done = (ok: boolean) => {
      this.#unmap(pages);
      this.#respond(request, ok ? BLKIF_RSP.okay : BLKIF_RSP.error);
    };
    const start = () => {
      const sector = first + (request.sector ?? 0);
      const parts = segments.map((segment, i) => partOf(segment, pages[i] as MappedPage));
      if (parts.length === 0) done(true);
      else driver.submit({ write, sector, vectors: joinPages(parts), done });
    };
    if (isFlush(request)) driver.flush(start);
    else start();
  }

  /** The segments of a request that makes sense, or what is wrong with it. */
  #segmentsOf(request: Request): Segment[] | string {
    const { operation, what, sector, segments: count } = request;
    const indirect = operation === BLKIF_OP.indirect;
    if (indirect && what !== BLKIF_OP.read && what !== BLKIF_OP.write) return 'invalid indirect operation';
    if (count === 0 && !isFlush(request)) return 'no segments';
    if (count > (indirect ? MAX_INDIRECT_SEGMENTS : MAX_DIRECT_SEGMENTS)) return 'too many segments';
    const segments = indirect ? this.#indirectSegments(request) : directSegments(request.bytes, count);
    if (segments === undefined) return 'the pages of segments cannot be mapped';
    if (segments.some(({ first_sect, last_sect }) => last_sect >= SECTORS_PER_PAGE || last_sect < first_sect))
      return 'a segment of no page';
    const sectors = segments.reduce((sum, { first_sect, last_sect }) => sum + last_sect - first_sect + 1, 0);
    const write = what !== BLKIF_OP.read;
    return count === 0 || this.#inDisk(sector, sectors, write) ? segments : 'beyond the disk';
  }

  /** xen_vbd_translate(). */
  #inDisk(sector: number | undefined, sectors: number, write: boolean): boolean {
    if (sector === undefined || (write && this.#spec.readonly)) return false;
    return sector + sectors <= this.#spec.sectors;
  }

  /** dispatch_discard_io(): the disk keeps what it has, which is allowed. */
  #discard(bytes: Uint8Array): void {
    const { sector_number, nr_sectors } = blkif_discard.read(bytes);
    const request = requestOf(bytes);
    if (nr_sectors === undefined || !this.#inDisk(sector_number, nr_sectors, true))
      this.#refuse(request, 'discard beyond the disk');
    else this.#respond(request, BLKIF_RSP.okay);
  }

  /** xen_blkbk_parse_indirect(): the pages are mapped only while they are read, and read once. */
  #indirectSegments({ bytes, segments: count }: Request): Segment[] | undefined {
    const refs = indirectGrefs(bytes, Math.ceil(count / SEGMENTS_PER_INDIRECT_PAGE));
    const pages = this.#map(refs, true);
    if (pages === undefined) return undefined;
    const segments = pages.flatMap(({ at }, i) => {
      const here = Math.min(SEGMENTS_PER_INDIRECT_PAGE, count - i * SEGMENTS_PER_INDIRECT_PAGE);
      return segmentsOf(this.#host.dom0.shared(at).read(0, here * 8), here);
    });
    this.#unmap(pages);
    return segments;
  }

  /** xen_blkbk_map(): eleven at a time. undefined, and nothing mapped, if any cannot be. */
  #map(refs: readonly number[], readonly: boolean, keep = false): MappedPage[] | undefined {
    const { pool, guest } = this.#spec;
    const { dom0, trace, design } = this.#host;
    const pages = refs.map((ref) => this.#persistent.get(ref));
    const news = refs.flatMap((ref, i) => (pages[i] === undefined ? [{ ref, i, at: pool.take() }] : []));
    let failed = false;
    for (let from = 0; from < news.length; from += MAX_DIRECT_SEGMENTS) {
      const batch = news.slice(from, from + MAX_DIRECT_SEGMENTS);
      const mapped = mapGrants(
        dom0.kernel,
        design,
        batch.map(({ ref, at }) => ({ at, domain: guest.domid, ref, readonly })),
      );
      for (const [j, { ref, i, at }] of batch.entries()) {
        const { status, frame, handle } = mapped[j] as MappedGrant;
        if (status !== GNTST.okay) {
          failed = true;
          pool.put([at]);
          continue;
        }
        trace.p2m?.(at, frame);
        const persistent = keep && this.#persistent.size < MAX_PERSISTENT && !this.#persistent.has(ref);
        const page = { at, frame, handle, ref, persistent };
        if (persistent) this.#persistent.set(ref, page);
        pages[i] = page;
      }
    }
    const there = pages.filter((page) => page !== undefined);
    if (!failed) return there;
    this.#unmap(there);
    return undefined;
  }

  #unmap(pages: readonly MappedPage[]): void {
    const { dom0, trace, design } = this.#host;
    const ending = pages.filter(({ persistent }) => !persistent);
    for (let from = 0; from < ending.length; from += MAX_DIRECT_SEGMENTS) {
      const batch = ending.slice(from, from + MAX_DIRECT_SEGMENTS);
      unmapGrants(dom0.kernel, design, batch);
      for (const { at } of batch) trace.p2m?.(at, undefined);
    }
    this.#spec.pool.put(ending.map(({ at }) => at));
  }

  #refuse(request: Request, why: string, status: number = BLKIF_RSP.error): void {
    this.refused.push(why);
    this.#respond(request, status);
  }

  #respond({ cookie, operation }: Request, status: number): void {
    const response = blkif_response.write({ operation, status });
    response.set(cookie);
    this.#ring.put(response);
    if (this.#ring.push()) this.#notifyFront();
  }
}

function requestOf(bytes: Uint8Array): Request {
  const { operation, nr_segments, sector_number } = blkif_request.read(bytes);
  const [, at] = blkif_request.fields.id;
  const cookie = bytes.slice(at, at + 8);
  if (operation !== BLKIF_OP.indirect)
    return { operation, what: operation, cookie, sector: sector_number, segments: nr_segments, bytes };
  const indirect = blkif_indirect.read(bytes);
  return {
    operation,
    what: indirect.indirect_op,
    cookie,
    sector: indirect.sector_number,
    segments: indirect.nr_segments,
    bytes,
  };
}

function isFlush({ what }: Request): boolean {
  return what === BLKIF_OP.flush || what === BLKIF_OP.barrier;
}

/** Bytes of a mapped page that a segment names. */
function partOf({ first_sect, last_sect }: Segment, { at, frame }: MappedPage): PagePart {
  return {
    phys: offsetBy(physAddrOf(at), first_sect * SECTOR),
    size: (last_sect - first_sect + 1) * SECTOR,
    frame,
  };
}
