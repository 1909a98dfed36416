/** do_grant_table_op() (xen/common/grant_table.c, 4.20): from the registers of a hypercall to its operations. */
import type { Gfn } from '../address/index.ts';
import { machineAddrOf } from '../address/index.ts';
import { Errno } from './abi/errno.ts';
import {
  GNTST,
  GNTTABOP,
  GNTTABOP_CONTINUATION_ARG_UNIT,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_swap_grant_ref,
  gnttab_transfer,
  gnttab_unmap_and_replace,
  gnttab_unmap_grant_ref,
} from './abi/grant-table.ts';
import { type Batch, type BatchOutcome, DONE, eachElement, FAULT } from './batch.ts';
import { flushOnce } from './cache-flush.ts';
import { copyGrants } from './copy-grant.ts';
import {
  getStatusFrames,
  getVersion,
  querySize,
  setupTable,
  setVersion,
  swapGrantRef,
} from './grant-tables.ts';
import { copyFromGuest, copyToGuest } from './guest-memory.ts';
import { mapGrantRef } from './map-grant.ts';
import { flushTlb, p2mLookup } from './p2m.ts';
import { since } from './platform.ts';
import type { Domain, XenState } from './state.ts';
import { atomic, type Steps } from './steps.ts';
import { type Unmapped, type UnmapRequest, unmapCommon, unmapComplete } from './unmap-grant.ts';

/** Unmap operations between two TLB flushes. */
const GNTTAB_UNMAP_BATCH_SIZE = 32;

/**
 * The hypercall, continuations included: whenever it is preempted it stops, and goes on with the arguments with which
 * the guest issues it again.
 * @param cmd 32 bits: the operation and, above bit 12, a continuation's reference.
 * @param count 32 bits; negative as an int is refused.
 */
export function* grantTableOp(
  xen: XenState,
  caller: Domain,
  cmd: number,
  uop: number,
  count: number,
): Steps<number> {
  let [command, at, left] = [cmd, uop, count];
  for (;;) {
    const outcome = yield* once(xen, caller, command, at, left);
    if ('rc' in outcome) return outcome.rc;
    const op = command % GNTTABOP_CONTINUATION_ARG_UNIT;
    command = op + (outcome.continueAt ?? 0);
    at += outcome.done * (ELEMENT_SIZE[op] ?? 0);
    left -= outcome.done;
    yield { at: 'preempted', cmd: command, arg: at, count: left };
  }
}

/** Bytes from one element to the next, of the operations that can be preempted between two. */
const ELEMENT_SIZE: Readonly<Record<number, number>> = {
  [GNTTABOP.map_grant_ref]: gnttab_map_grant_ref.size,
  [GNTTABOP.unmap_grant_ref]: gnttab_unmap_grant_ref.size,
  [GNTTABOP.unmap_and_replace]: gnttab_unmap_and_replace.size,
  [GNTTABOP.transfer]: gnttab_transfer.size,
  [GNTTABOP.copy]: gnttab_copy.size,
  [GNTTABOP.swap_grant_ref]: gnttab_swap_grant_ref.size,
  [GNTTABOP.cache_flush]: gnttab_cache_flush.size,
};

/** The hypercall up to where it ends or is preempted. */
function* once(xen: XenState, caller: Domain, cmd: number, at: number, count: number): Steps<BatchOutcome> {
  if (count >= 2 ** 31) return { rc: -Errno.EINVAL };
  const op = cmd % GNTTABOP_CONTINUATION_ARG_UNIT;
  const continued = cmd - op;
  if (op !== GNTTABOP.cache_flush && continued !== 0) return { rc: -Errno.EINVAL };
  const batch: Batch = { caller, at, count };
  switch (op) {
    case GNTTABOP.map_grant_ref:
      return yield* mapGrants(xen, batch);
    case GNTTABOP.unmap_grant_ref:
      return yield* unmapGrants(xen, batch, gnttab_unmap_grant_ref.size, (bytes) => ({
        ...gnttab_unmap_grant_ref.read(bytes),
        new_addr: 0,
      }));
    case GNTTABOP.unmap_and_replace:
      return yield* unmapGrants(xen, batch, gnttab_unmap_and_replace.size, (bytes) => ({
        ...gnttab_unmap_and_replace.read(bytes),
        dev_bus_addr: 0,
      }));
    case GNTTABOP.setup_table:
      return setupTable(xen, batch);
    case GNTTABOP.transfer:
      return yield* transfer(xen, batch);
    case GNTTABOP.copy:
      return yield* copyGrants(xen, batch);
    case GNTTABOP.query_size:
      return querySize(xen, batch);
    case GNTTABOP.set_version:
      return setVersion(xen, batch);
    case GNTTABOP.get_status_frames:
      return getStatusFrames(xen, batch);
    case GNTTABOP.get_version:
      return getVersion(xen, batch);
    case GNTTABOP.swap_grant_ref:
      return yield* swapGrants(xen, batch);
    case GNTTABOP.cache_flush:
      // Introduced with 4.5.
      return since(xen.platform, [4, 5]) ? yield* flushCaches(xen, batch, continued) : { rc: -Errno.ENOSYS };
    default:
      return { rc: -Errno.ENOSYS };
  }
}

function mapGrants(xen: XenState, batch: Batch): Steps<BatchOutcome> {
  return eachElement(xen, batch, gnttab_map_grant_ref, function* (bytes) {
    const op = gnttab_map_grant_ref.read(bytes);
    const result = yield* mapGrantRef(xen, batch.caller, op);
    // The whole element is written back as it was read, but for the results.
    const written = bytes.slice();
    const put = (name: 'status' | 'handle' | 'dev_bus_addr', value: number) => {
      const field = gnttab_map_grant_ref.field(name, value);
      written.set(field.bytes, field.offset);
    };
    put('status', result.status);
    if ('mfn' in result) {
      put('handle', result.handle);
      put('dev_bus_addr', machineAddrOf(result.mfn));
    }
    return { offset: 0, bytes: written };
  });
}

function swapGrants(xen: XenState, batch: Batch): Steps<BatchOutcome> {
  return eachElement(xen, batch, gnttab_swap_grant_ref, (bytes) =>
    atomic(() => {
      const { ref_a, ref_b } = gnttab_swap_grant_ref.read(bytes);
      return gnttab_swap_grant_ref.field('status', swapGrantRef(xen, batch.caller, ref_a, ref_b));
    }),
  );
}

/** Pages cannot be given away on Arm: steal_page() fails (xen/arch/arm/mm.c). */
function transfer(xen: XenState, batch: Batch): Steps<BatchOutcome> {
  return eachElement(xen, batch, gnttab_transfer, (bytes) =>
    atomic(() => {
      const { mfn } = gnttab_transfer.read(bytes);
      const mapped = mfn !== undefined && p2mLookup(xen, batch.caller, mfn as Gfn) !== undefined;
      return gnttab_transfer.field('status', mapped ? GNTST.general_error : GNTST.bad_page);
    }),
  );
}

function* unmapGrants(
  xen: XenState,
  { caller, at, count }: Batch,
  size: number,
  read: (bytes: Uint8Array) => UnmapRequest,
): Steps<BatchOutcome> {
  for (let done = 0; done < count; ) {
    const to = Math.min(count, done + GNTTAB_UNMAP_BATCH_SIZE);
    const unmapped: Unmapped[] = [];
    let fault = false;
    for (let i = done; i < to && !fault; i += 1) {
      const bytes = copyFromGuest(xen, caller, at + i * size, size);
      if (bytes) {
        const result = unmapCommon(xen, caller, read(bytes));
        if (result.unmapped) unmapped.push(result.unmapped);
        // The status is at the same place in both structures.
        const status = gnttab_unmap_grant_ref.field('status', result.status);
        fault = !copyToGuest(xen, caller, at + i * size + status.offset, status.bytes);
      } else {
        fault = true;
      }
    }
    yield { at: 'tlb-flush-pending' };
    flushTlb(xen, caller);
    yield { at: 'unpin-pending' };
    for (const one of unmapped) unmapComplete(xen, one);
    if (fault) return FAULT;
    done = to;
    if (done < count && xen.preempt()) return { done };
  }
  return DONE;
}

function* flushCaches(xen: XenState, { caller, at, count }: Batch, continued: number): Steps<BatchOutcome> {
  let from = continued;
  for (let i = 0; i < count; i += 1) {
    if (i > 0) {
      if (xen.preempt()) return { done: i };
      yield { at: 'next-element' };
    }
    const bytes = copyFromGuest(xen, caller, at + i * gnttab_cache_flush.size, gnttab_cache_flush.size);
    if (!bytes) return FAULT;
    const op = gnttab_cache_flush.read(bytes);
    for (;;) {
      const outcome = yield* flushOnce(xen, caller, op, from);
      if ('continueAt' in outcome) {
        from = outcome.continueAt;
        if (xen.preempt()) return { done: i, continueAt: from };
        yield { at: 'pass-done' };
        continue;
      }
      if (outcome.rc < 0) return outcome;
      break;
    }
    from = 0;
  }
  return DONE;
}
