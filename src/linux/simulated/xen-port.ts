/**
 * Hypercalls with real structures: arguments are bytes in the kernel's own memory, read and written by Xen there.
 *
 * A hypercall is as many scheduling points as Xen has places where it holds no lock.
 * Sources: xen/include/public/{grant_table,memory}.h, 4.20; arch/arm/xen/mm.c, drivers/xen/{grant-table,mem-reservation}.c,
 * Linux 6.12.
 */
import {
  gfn,
  hex,
  type MachineAddr,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../../address/index.ts';
import type { Scheduler } from '../../machine/index.ts';
import {
  DOMID_SELF,
  type DomId,
  Errno,
  GNTST,
  GNTTABOP,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_setup_table,
  gnttab_unmap_grant_ref,
  type HypercallName,
  type Steps,
  XENMEM,
  type Xen,
  type XenHardware,
  type XenStep,
  xen_memory_reservation,
  xen_pfn,
} from '../../xen/index.ts';
import { type CacheFlush, CacheFlushOp } from '../kernel.ts';
import { copyBytes, flushBytes, joined, mapBytes, mappedGrant, unmapBytes } from './hypercall-bytes.ts';
import type { GrantCopy, GrantMapping, GrantUnmapping, Hypervisor, MappedGrant } from './world.ts';

/** What one domain's kernel makes hypercalls with. */
export interface XenPortSpec {
  readonly xen: Xen;
  readonly domid: DomId;
  /** Bytes of control structures, by machine frame: the same that Xen uses. */
  readonly hardware: Pick<XenHardware, 'readBytes' | 'writeBytes'>;
  readonly scheduler: Scheduler;
  /** Own RAM that holds the arguments of hypercalls: a page. Each call has it to itself, like a stack of its own. */
  readonly argumentPages: PhysAddr;
}

export class XenPort implements Hypervisor {
  readonly #spec: XenPortSpec;

  constructor(spec: XenPortSpec) {
    this.#spec = spec;
  }

  /** Tried with a flush of nothing, as xen_mm_init() does. */
  get hasCacheFlush(): boolean {
    const { xen, domid, argumentPages } = this.#spec;
    this.#write(argumentPages, flushBytes({ devBusAddr: 0 as MachineAddr, offset: 0, length: 0, op: 0 }));
    const result = xen.hypercall(domid, 'grant_table_op', GNTTABOP.cache_flush, argumentPages);
    return result !== -Errno.ENOSYS;
  }
  get hasGrantMapIdentity(): boolean {
    const { xen, domid } = this.#spec;
    return xen.features(domid).has('grant_map_identity');
  }

  cacheFlush(flush: CacheFlush): number {
    const { devBusAddr, offset, length, op } = flush;
    const name = op === CacheFlushOp.clean ? 'CLEAN' : 'INVAL';
    const what = `GNTTABOP_cache_flush ${name} ${hex(devBusAddr)} ${offset}+${length}`;
    return this.#call(what, 'grant_table_op', GNTTABOP.cache_flush, flushBytes(flush), 1, (rc) => rc);
  }

  /** GNTTABOP_setup_table: the own grant table with so many frames. False: Xen refuses. */
  setUpGrantTable(frames: number): boolean {
    const frame_list = offsetBy(this.#spec.argumentPages, gnttab_setup_table.size);
    const setup = gnttab_setup_table.write({ dom: DOMID_SELF, nr_frames: frames, frame_list });
    const bytes = joined([setup, ...Array.from({ length: frames }, () => xen_pfn.write({}))]);
    const read = (rc: number, after: Uint8Array) =>
      rc === 0 && gnttab_setup_table.read(after).status === GNTST.okay;
    return this.#call('GNTTABOP_setup_table', 'grant_table_op', GNTTABOP.setup_table, bytes, 1, read);
  }

  mapGrants(mappings: readonly GrantMapping[]): MappedGrant[] {
    const { size } = gnttab_map_grant_ref;
    return inBatches(mappings, size, (batch) => {
      const bytes = joined(batch.map(mapBytes));
      const read = (_rc: number, after: Uint8Array) =>
        batch.map((_, i) => mappedGrant(after.subarray(i * size)));
      const what = `GNTTABOP_map_grant_ref ${batch.map(({ ref }) => ref).join(' ')}`;
      return this.#call(what, 'grant_table_op', GNTTABOP.map_grant_ref, bytes, batch.length, read);
    });
  }

  unmapGrants(mappings: readonly GrantUnmapping[]): number[] {
    const { size } = gnttab_unmap_grant_ref;
    return inBatches(mappings, size, (batch) => {
      const bytes = joined(batch.map(unmapBytes));
      const read = (_rc: number, after: Uint8Array) =>
        batch.map((_, i) => gnttab_unmap_grant_ref.read(after.subarray(i * size)).status);
      const what = `GNTTABOP_unmap_grant_ref ${batch.map(({ handle }) => handle).join(' ')}`;
      return this.#call(what, 'grant_table_op', GNTTABOP.unmap_grant_ref, bytes, batch.length, read);
    });
  }

  copyGrants(copies: readonly GrantCopy[]): number[] {
    const { size } = gnttab_copy;
    return inBatches(copies, size, (batch) => {
      const read = (_rc: number, after: Uint8Array) =>
        batch.map((_, i) => gnttab_copy.read(after.subarray(i * size)).status);
      const bytes = joined(batch.map(copyBytes));
      const what = `GNTTABOP_copy of ${batch.map(({ length }) => length).join(' ')} bytes`;
      return this.#call(what, 'grant_table_op', GNTTABOP.copy, bytes, batch.length, read);
    });
  }

  decreaseReservation(frames: readonly Pfn[]): number {
    return this.#reservation('XENMEM_decrease_reservation', XENMEM.decrease_reservation, frames);
  }
  populatePhysmap(frames: readonly Pfn[]): number {
    return this.#reservation('XENMEM_populate_physmap', XENMEM.populate_physmap, frames);
  }

  /** The list of frames follows the structure. What stopped Xen short is not told. */
  #reservation(what: string, cmd: number, frames: readonly Pfn[]): number {
    const room = Math.floor((PAGE_SIZE - xen_memory_reservation.size) / xen_pfn.size);
    let done = 0;
    while (done < frames.length) {
      const batch = frames.slice(done, done + room);
      const list = offsetBy(this.#spec.argumentPages, xen_memory_reservation.size);
      const reservation = { extent_start: list, nr_extents: batch.length, domid: DOMID_SELF };
      const bytes = joined([
        xen_memory_reservation.write(reservation),
        ...batch.map((pfn) => xen_pfn.write({ pfn })),
      ]);
      const worked = this.#call(what, 'memory_op', cmd, bytes, 1, (rc) => Math.max(rc, 0));
      done += worked;
      if (worked < batch.length) break;
    }
    return done;
  }

  /**
   * One hypercall. Its arguments are put in their place before each of Xen's steps and taken up again after it, so that calls
   * that run at the same time do not see each other's.
   */
  #call<Answer>(
    what: string,
    name: HypercallName,
    cmd: number,
    bytes: Uint8Array,
    count: number,
    read: (rc: number, after: Uint8Array) => Answer,
  ): Answer {
    const { xen, domid, scheduler, argumentPages } = this.#spec;
    const advance = (steps: Steps<number>, before: Uint8Array) => {
      this.#write(argumentPages, before);
      const step = steps.next();
      const after = this.#read(argumentPages, bytes.length);
      return step.done
        ? { done: true as const, answer: read(step.value, after) }
        : { done: false as const, at: step.value, after };
    };
    const first = scheduler.atomic(what, () => {
      const steps = xen.hypercallSteps(domid, name, cmd, argumentPages, count);
      return { steps, progress: advance(steps, bytes) };
    });
    let { progress } = first;
    while (!progress.done) {
      const { at, after } = progress;
      progress = scheduler.atomic(`${what}, ${words(at)}`, () => advance(first.steps, after));
    }
    return progress.answer;
  }

  #frameOf(at: PhysAddr) {
    const { xen, domid } = this.#spec;
    const translation = xen.translate(domid, gfn(pfnOf(at)));
    if (translation === undefined) throw new RangeError(`domain ${domid}: no memory for arguments at ${at}`);
    return translation.mfn;
  }
  #write(at: PhysAddr, bytes: Uint8Array): void {
    this.#spec.hardware.writeBytes(this.#frameOf(at), pageOffset(at), bytes);
  }
  #read(at: PhysAddr, size: number): Uint8Array {
    return this.#spec.hardware.readBytes(this.#frameOf(at), pageOffset(at), size);
  }
}

function words({ at }: XenStep): string {
  return at.replaceAll('-', ' ');
}

/** As many elements at a time as fit a page. */
function inBatches<Element, Result>(
  elements: readonly Element[],
  size: number,
  call: (batch: readonly Element[]) => readonly Result[],
): Result[] {
  const room = Math.floor(PAGE_SIZE / size);
  const results: Result[] = [];
  for (let at = 0; at < elements.length; at += room) results.push(...call(elements.slice(at, at + room)));
  return results;
}
