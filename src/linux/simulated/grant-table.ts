/**
 * The granting side: a kernel's own grant table, in which it lets other domains have its pages.
 * Source: drivers/xen/grant-table.c (gnttab_grant_foreign_access, gnttab_end_foreign_access_ref), Linux 6.12.
 */
import { type Mfn, PAGE_SIZE, type Pfn } from '../../address/index.ts';
import type { Footprint, Scheduler } from '../../machine/index.ts';
import { type DomId, GTF, grant_entry_v1, type Xen, type XenHardware } from '../../xen/index.ts';

export interface GrantTableSpec {
  readonly xen: Xen;
  readonly domid: DomId;
  /** Bytes of control structures, by machine frame: the same that Xen uses. */
  readonly hardware: Pick<XenHardware, 'readBytes' | 'writeBytes'>;
  readonly scheduler: Scheduler;
  readonly footprint: Footprint;
  /** GNTTABOP_setup_table with so many frames. False: Xen refuses. */
  readonly setUp: (frames: number) => boolean;
}

/** GNTTAB_NR_RESERVED_ENTRIES: console, xenstore and the toolstack's. */
const RESERVED = 8;
const PER_FRAME = PAGE_SIZE / grant_entry_v1.size;

export class GrantTable {
  readonly #spec: GrantTableSpec;
  /** References given back, the last one first, and the first that was never used. */
  readonly #free: number[] = [];
  #next = RESERVED;

  constructor(spec: GrantTableSpec) {
    this.#spec = spec;
  }

  /**
   * gnttab_grant_foreign_access(): let a domain map or copy one of this kernel's pages.
   * @returns the grant reference; undefined where the table is full.
   */
  grant(to: DomId, frame: Pfn, readonly: boolean): number | undefined {
    const { scheduler, footprint, domid } = this.#spec;
    const take = () =>
      scheduler.atomic('take a grant reference', () => {
        footprint.touch(`grant refs:${domid}`, true);
        return this.#free.pop() ?? (this.#next < this.#frames() * PER_FRAME ? this.#next++ : undefined);
      });
    // gnttab_expand(): a frame more where there is none left.
    const ref = take() ?? (this.#grow() ? take() : undefined);
    if (ref === undefined) return undefined;
    scheduler.atomic(`grant ${ref}`, () => {
      const flags = GTF.permit_access + (readonly ? GTF.readonly : 0);
      this.#write(ref, grant_entry_v1.write({ flags, domid: to, frame }));
    });
    return ref;
  }

  /**
   * gnttab_end_foreign_access_ref(): no new use of the grant from now on.
   * @returns false, and nothing done, while it is in use.
   */
  endAccess(ref: number): boolean {
    const { scheduler, footprint, domid } = this.#spec;
    const ended = scheduler.atomic(`end grant ${ref}`, () => {
      const { flags } = grant_entry_v1.read(this.#read(ref));
      if (has(flags, GTF.reading) || has(flags, GTF.writing)) return false;
      this.#write(ref, grant_entry_v1.write({}));
      return true;
    });
    if (ended)
      scheduler.atomic(`give back grant reference ${ref}`, () => {
        footprint.touch(`grant refs:${domid}`, true);
        this.#free.push(ref);
      });
    return ended;
  }

  #grow(): boolean {
    const { scheduler, setUp } = this.#spec;
    const frames = scheduler.atomic('count the frames of the grant table', () => this.#frames());
    return setUp(frames + 1);
  }

  /** Frames that the table has. */
  #frames(): number {
    const { xen, domid, footprint } = this.#spec;
    footprint.touch(`grant-frames:${domid}`, false);
    return xen.grantFrames(domid).length;
  }

  #read(ref: number): Uint8Array {
    const [frame, offset] = this.#place(ref, false);
    return this.#spec.hardware.readBytes(frame, offset, grant_entry_v1.size);
  }
  #write(ref: number, bytes: Uint8Array): void {
    const [frame, offset] = this.#place(ref, true);
    this.#spec.hardware.writeBytes(frame, offset, bytes);
  }

  /** The cell is Xen's own, for it reads and writes the same entry. */
  #place(ref: number, write: boolean): [Mfn, number] {
    const { xen, domid, footprint } = this.#spec;
    footprint.touch(`grant:${domid}:${ref}`, write);
    const frame = xen.grantFrames(domid)[Math.floor(ref / PER_FRAME)];
    if (frame === undefined) throw new RangeError(`domain ${domid} has no grant ${ref}`);
    return [frame, (ref % PER_FRAME) * grant_entry_v1.size];
  }
}

/** Is this power of two in the flags. */
function has(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1;
}
