/**
 * The block frontend in a guest: grants the pages of its buffers, asks for sectors in a ring.
 * Source: drivers/block/xen-blkfront.c, Linux 6.12 (blkif_queue_rw_req, blkif_setup_rw_req_grant, blkif_completion).
 */
import { offsetBy, type Pfn, type PhysAddr, pageOffset, pfnOf, physAddrOf } from '../../address/index.ts';
import type { DomId } from '../../xen/index.ts';
import {
  BLKIF_ENTRY_SIZE,
  BLKIF_OP,
  BLKIF_RSP,
  blkif_response,
  indirectBytes,
  MAX_DIRECT_SEGMENTS,
  requestBytes,
  SECTOR,
  SEGMENTS_PER_INDIRECT_PAGE,
  type Segment,
  segmentsToBytes,
} from '../abi/blkif.ts';
import { EventPort } from '../agenda.ts';
import type { Host } from '../host/host.ts';
import type { Party } from '../host/party.ts';
import { FrontRing } from '../ring.ts';
import { pageParts } from './bio.ts';

const DOM0 = 0 as DomId;
/** xen_blkif_max_segments: pages of one request, where the backend takes indirect ones. */
export const MAX_SEGMENTS = 32;

/** Pages that stay granted, at most: of those that the guest has for itself some are left for pages of segments. */
const MAX_KEPT = 192;

/** Bytes of the guest's memory, whole sectors; pieces in order. */
export interface GuestPiece {
  readonly phys: PhysAddr;
  readonly size: number;
}

interface Part {
  readonly phys: PhysAddr;
  readonly size: number;
}

interface Shadow {
  readonly write: boolean;
  readonly parts: readonly Part[];
  readonly grants: readonly Granted[];
  readonly pagesOfSegments: readonly Granted[];
  readonly done: (ok: boolean) => void;
}
interface Granted {
  readonly ref: number;
  readonly page: Pfn;
}

export interface BlkfrontOptions {
  /** Copy through pages that stay granted (feature-persistent). */
  readonly persistent: boolean;
}

export class Blkfront {
  readonly ringRef: number;
  readonly #guest: Party;
  readonly #ring: FrontRing;
  readonly #options: BlkfrontOptions;
  readonly #waiting: (() => boolean)[] = [];
  readonly #shadows = new Map<number, Shadow>();
  readonly #idle: Granted[] = [];
  /** Pages that stay granted. */
  #kept = 0;
  #nextId = 1;
  #notifyBack: () => void = () => {};
  /** The backend's end of the event channel notifies this. */
  readonly port: EventPort;

  constructor(host: Host, guest: Party, options: BlkfrontOptions) {
    this.#guest = guest;
    this.#options = options;
    const page = guest.takePage();
    const ref = page === undefined ? undefined : this.#grant(page, false);
    if (page === undefined || ref === undefined) throw new RangeError(`${guest.name} has no page for a ring`);
    this.#ring = new FrontRing(guest.shared(page), BLKIF_ENTRY_SIZE, blkif_response.size);
    this.ringRef = ref;
    this.port = new EventPort(host.agenda, () => this.#interrupt());
  }

  connect(notifyBack: () => void): void {
    this.#notifyBack = notifyBack;
  }

  /** Read or write consecutive sectors. Requests as big as the ring allows; done when all are. */
  submit(write: boolean, sector: number, pieces: readonly GuestPiece[], done: (ok: boolean) => void): void {
    const parts = pieces.flatMap(({ phys, size }) => pageParts(phys, size));
    let left = Math.ceil(parts.length / MAX_SEGMENTS);
    let ok = true;
    let at = sector;
    for (let from = 0; from < parts.length; from += MAX_SEGMENTS) {
      const some = parts.slice(from, from + MAX_SEGMENTS);
      const start = at;
      this.#whenPossible(() =>
        this.#queue(write, start, some, (worked) => {
          ok &&= worked;
          left--;
          if (left === 0) done(ok);
        }),
      );
      at += some.reduce((sum, { size }) => sum + size, 0) / SECTOR;
    }
  }

  flush(done: (ok: boolean) => void): void {
    this.#whenPossible(() => {
      if (this.#ring.free === 0) return false;
      const id = this.#remember({ write: true, parts: [], grants: [], pagesOfSegments: [], done });
      this.#send(requestBytes({ operation: BLKIF_OP.flush, id }, []));
      return true;
    });
  }

  /** Now, or when the ring and the grant table have room. */
  #whenPossible(go: () => boolean): void {
    if (this.#waiting.length > 0 || !go()) this.#waiting.push(go);
  }

  #queue(write: boolean, sector: number, parts: readonly Part[], done: (ok: boolean) => void): boolean {
    if (this.#ring.free === 0) return false;
    const grants = this.#grantParts(parts, write);
    if (grants === undefined) return false;
    const segments = parts.map(({ phys, size }, i): Segment => {
      const first_sect = pageOffset(phys) / SECTOR;
      return { gref: (grants[i] as Granted).ref, first_sect, last_sect: first_sect + size / SECTOR - 1 };
    });
    const operation = write ? BLKIF_OP.write : BLKIF_OP.read;
    if (segments.length <= MAX_DIRECT_SEGMENTS) {
      const id = this.#remember({ write, parts, grants, pagesOfSegments: [], done });
      this.#send(requestBytes({ operation, id, sector_number: sector }, segments));
      return true;
    }
    const pagesOfSegments = this.#pagesOfSegments(segments);
    if (pagesOfSegments === undefined) {
      this.#giveBack(grants);
      return false;
    }
    const id = this.#remember({ write, parts, grants, pagesOfSegments, done });
    const head = { indirect_op: operation, nr_segments: segments.length, id, sector_number: sector };
    this.#send(
      indirectBytes(
        head,
        pagesOfSegments.map(({ ref }) => ref),
      ),
    );
    return true;
  }

  #grantParts(parts: readonly Part[], write: boolean): Granted[] | undefined {
    const grants: Granted[] = [];
    for (const { phys, size } of parts) {
      const granted = this.#options.persistent ? this.#idlePage() : this.#grantNew(pfnOf(phys));
      if (granted === undefined) {
        this.#giveBack(grants);
        return undefined;
      }
      grants.push(granted);
      if (this.#options.persistent && write) {
        const to = offsetBy(physAddrOf(granted.page), pageOffset(phys));
        this.#guest.copy(phys, to, size, 'its buffer into granted pages');
      }
    }
    return grants;
  }

  #pagesOfSegments(segments: readonly Segment[]): Granted[] | undefined {
    const pages: Granted[] = [];
    for (let from = 0; from < segments.length; from += SEGMENTS_PER_INDIRECT_PAGE) {
      const page = this.#guest.takePage();
      const granted = page === undefined ? undefined : this.#grantNew(page, true);
      if (page === undefined || granted === undefined) {
        if (page !== undefined) this.#guest.givePage(page);
        this.#endPages(pages);
        return undefined;
      }
      this.#guest
        .shared(page)
        .write(0, segmentsToBytes(segments.slice(from, from + SEGMENTS_PER_INDIRECT_PAGE)));
      pages.push(granted);
    }
    return pages;
  }

  #idlePage(): Granted | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#kept === MAX_KEPT) return idle;
    const page = this.#guest.takePage();
    const granted = page === undefined ? undefined : this.#grantNew(page);
    if (granted) this.#kept++;
    return granted;
  }
  /** A request is done with its grants: they end, or are kept for the next one, those used last first. */
  #giveBack(grants: readonly Granted[]): void {
    if (this.#options.persistent) this.#idle.push(...grants.toReversed());
    else this.#end(grants);
  }
  #grantNew(page: Pfn, readonly = false): Granted | undefined {
    const ref = this.#grant(page, readonly);
    return ref === undefined ? undefined : { ref, page };
  }
  #grant(page: Pfn, readonly: boolean): number | undefined {
    return this.#guest.grants.grant(DOM0, page, readonly);
  }

  #remember(shadow: Shadow): number {
    const id = this.#nextId++;
    this.#shadows.set(id, shadow);
    return id;
  }
  #send(bytes: Uint8Array): void {
    this.#ring.put(bytes);
    if (this.#ring.push()) this.#notifyBack();
  }

  /** blkif_interrupt(). */
  #interrupt(): void {
    do {
      for (let bytes = this.#ring.take(); bytes !== undefined; bytes = this.#ring.take()) {
        const { id, status } = blkif_response.read(bytes);
        const shadow = this.#shadows.get(id ?? 0);
        // What answers nothing is ignored.
        if (shadow === undefined) continue;
        this.#shadows.delete(id ?? 0);
        this.#complete(shadow, status === BLKIF_RSP.okay);
      }
    } while (this.#ring.finalCheck());
    while (this.#waiting[0]?.()) this.#waiting.shift();
  }

  #complete({ write, parts, grants, pagesOfSegments, done }: Shadow, ok: boolean): void {
    if (this.#options.persistent) {
      for (const [i, { phys, size }] of parts.entries()) {
        const from = offsetBy(physAddrOf((grants[i] as Granted).page), pageOffset(phys));
        if (!write && ok) this.#guest.copy(from, phys, size, 'granted pages into its buffer');
      }
    }
    this.#giveBack(grants);
    this.#endPages(pagesOfSegments);
    done(ok);
  }

  #endPages(pages: readonly Granted[]): void {
    this.#end(pages);
    for (const { page } of pages) this.#guest.givePage(page);
  }

  #end(grants: readonly Granted[]): void {
    for (const { ref } of grants) this.#guest.grants.endAccess(ref);
  }
}
