/** Grant tables as such: setting up, sizes, versions, swapping entries (xen/common/grant_table.c, 4.20). */
import type { Gfn, Mfn } from '../address/index.ts';
import { Errno } from './abi/errno.ts';
import {
  GNTST,
  gnttab_get_status_frames,
  gnttab_get_version,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
} from './abi/grant-table.ts';
import { xen_pfn } from './abi/memory.ts';
import { type Batch, type BatchOutcome, DONE, FAULT } from './batch.ts';
import { domainByAnyId, mayControl } from './domains.ts';
import { allocFrames } from './frames.ts';
import { activeEntry, grantEntries, sharedBytes, writeSharedBytes } from './grant-entry.ts';
import { copyFromGuest, copyToGuest } from './guest-memory.ts';
import { p2mRemove, p2mSet } from './p2m.ts';
import type { Domain, XenState } from './state.ts';

/** INVALID_GFN as a xen_pfn_t. */
const INVALID_GFN = 2n ** 64n - 1n;
const GRANT_TABLE_VERSION = 1;

/** gnttab_grow_table(): frames of Xen's heap, zeroed, shared with the domain. @returns false without memory. */
export function growTable(xen: XenState, domain: Domain, frames: number): boolean {
  const { grants } = domain;
  xen.footprint.touch(`grant-frames:${domain.domid}`, grants.frames.length < frames);
  while (grants.frames.length < frames) {
    const mfn = allocFrames(xen, domain.domid, 0);
    if (mfn === undefined) return false;
    xen.hardware.scrub(mfn);
    grants.frames.push({ mfn, gfn: undefined });
  }
  return true;
}

/** gnttab_map_frame(): frame `idx` of the caller's table appears at the guest frame, and nowhere else. */
export function mapTableFrame(xen: XenState, domain: Domain, idx: number, gfn: Gfn): number {
  const { grants } = domain;
  xen.footprint.touch(`grant-frames:${domain.domid}`, true);
  if (idx >= grants.frames.length && (idx >= grants.maxFrames || !growTable(xen, domain, idx + 1)))
    return -Errno.EINVAL;
  const frame = grants.frames[idx];
  if (!frame) return -Errno.EINVAL;
  if (frame.gfn !== undefined) p2mRemove(xen, domain, frame.gfn, frame.mfn);
  frame.gfn = undefined;
  if (!p2mSet(xen, domain, gfn, frame.mfn, 'p2m_ram_rw')) return -Errno.EINVAL;
  frame.gfn = gfn;
  return 0;
}

/** Where the domain has its table's frame, as setup_table tells. */
function frameNumber(
  frame: { readonly mfn: Mfn; readonly gfn: Gfn | undefined } | undefined,
): number | bigint {
  return frame?.gfn ?? INVALID_GFN;
}

export function setupTable(xen: XenState, { caller, at, count }: Batch): BatchOutcome {
  if (count !== 1) return { rc: -Errno.EINVAL };
  const bytes = copyFromGuest(xen, caller, at, gnttab_setup_table.size);
  if (!bytes) return FAULT;
  const op = gnttab_setup_table.read(bytes);
  return writeField(xen, caller, at, gnttab_setup_table.field('status', status()));

  function status(): number {
    const domain = domainByAnyId(xen, caller, op.dom);
    if (!domain) return GNTST.bad_domain;
    if (!mayControl(caller, domain)) return GNTST.permission_denied;
    const { grants } = domain;
    if (op.nr_frames > grants.maxFrames || !growTable(xen, domain, op.nr_frames)) return GNTST.general_error;
    let result: number = GNTST.okay;
    for (let i = 0; i < op.nr_frames; i += 1) {
      const to = op.frame_list === undefined ? undefined : op.frame_list + i * xen_pfn.size;
      if (!copyToGuest(xen, caller, to, xen_pfn.write({ pfn: frameNumber(grants.frames[i]) })))
        result = GNTST.bad_virt_addr;
    }
    return result;
  }
}

export function querySize(xen: XenState, { caller, at, count }: Batch): BatchOutcome {
  if (count !== 1) return { rc: -Errno.EINVAL };
  const bytes = copyFromGuest(xen, caller, at, gnttab_query_size.size);
  if (!bytes) return FAULT;
  const op = gnttab_query_size.read(bytes);
  const domain = domainByAnyId(xen, caller, op.dom);
  if (domain) xen.footprint.touch(`grant-frames:${domain.domid}`, false);
  const result = !domain
    ? { ...op, status: GNTST.bad_domain }
    : !mayControl(caller, domain)
      ? { ...op, status: GNTST.permission_denied }
      : {
          dom: op.dom,
          nr_frames: domain.grants.frames.length,
          max_nr_frames: domain.grants.maxFrames,
          status: GNTST.okay,
        };
  return copyToGuest(xen, caller, at, gnttab_query_size.write(result)) ? DONE : FAULT;
}

/** Version 2 does not exist on Arm (GNTTAB_MAX_VERSION, xen/arch/arm/include/asm/grant_table.h). */
export function setVersion(xen: XenState, { caller, at }: Batch): BatchOutcome {
  const bytes = copyFromGuest(xen, caller, at, gnttab_set_version.size);
  if (!bytes) return FAULT;
  const { version } = gnttab_set_version.read(bytes);
  const rc = version === 1 ? 0 : version === 2 ? -Errno.ENOSYS : -Errno.EINVAL;
  const written = copyToGuest(xen, caller, at, gnttab_set_version.write({ version: GRANT_TABLE_VERSION }));
  return written ? { rc } : FAULT;
}

export function getVersion(xen: XenState, { caller, at }: Batch): BatchOutcome {
  const bytes = copyFromGuest(xen, caller, at, gnttab_get_version.size);
  if (!bytes) return FAULT;
  const domain = domainByAnyId(xen, caller, gnttab_get_version.read(bytes).dom);
  if (!domain) return { rc: -Errno.ESRCH };
  if (!mayControl(caller, domain)) return { rc: -Errno.EPERM };
  return writeField(xen, caller, at, gnttab_get_version.field('version', GRANT_TABLE_VERSION));
}

/** A version 1 table has no status frames. */
export function getStatusFrames(xen: XenState, { caller, at, count }: Batch): BatchOutcome {
  if (count !== 1) return { rc: -Errno.EINVAL };
  const bytes = copyFromGuest(xen, caller, at, gnttab_get_status_frames.size);
  if (!bytes) return FAULT;
  const op = gnttab_get_status_frames.read(bytes);
  const domain = domainByAnyId(xen, caller, op.dom);
  const status = !domain
    ? GNTST.bad_domain
    : !mayControl(caller, domain)
      ? GNTST.permission_denied
      : op.nr_frames > 0
        ? GNTST.general_error
        : GNTST.okay;
  return writeField(xen, caller, at, gnttab_get_status_frames.field('status', status));
}

/** swap_grant_ref(): exchange two shared entries of the caller, neither of them in use. */
export function swapGrantRef(xen: XenState, caller: Domain, a: number, b: number): number {
  const entries = grantEntries(xen, caller);
  if (a >= entries || b >= entries) return GNTST.bad_gntref;
  if (a === b) return GNTST.okay;
  if (activeEntry(xen, caller, a) || activeEntry(xen, caller, b)) return GNTST.eagain;
  const [first, second] = [sharedBytes(xen, caller, a), sharedBytes(xen, caller, b)];
  writeSharedBytes(xen, caller, a, second);
  writeSharedBytes(xen, caller, b, first);
  return GNTST.okay;
}

function writeField(
  xen: XenState,
  caller: Domain,
  at: number,
  { offset, bytes }: { readonly offset: number; readonly bytes: Uint8Array },
): BatchOutcome {
  return copyToGuest(xen, caller, at + offset, bytes) ? DONE : FAULT;
}
