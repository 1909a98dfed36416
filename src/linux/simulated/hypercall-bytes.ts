/** Structures of hypercalls as bytes, from what the kernel means and back. Source: xen/include/public/grant_table.h, 4.20. */
import { type MachineAddr, mfnOf, physAddrOf } from '../../address/index.ts';
import {
  DOMID_SELF,
  GNTCOPY,
  GNTMAP,
  GNTST,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_unmap_grant_ref,
} from '../../xen/index.ts';
import type { CacheFlush } from '../kernel.ts';
import type { CopyEnd, GrantCopy, GrantMapping, GrantUnmapping, MappedGrant } from './world.ts';

/** Fill of a status before the hypercall: not yet written (drivers/xen/grant-table.c). */
const UNWRITTEN = 1;

type FlushArguments = Omit<CacheFlush, 'op'> & { readonly op: number };

/** The 16 bytes. All ones, as a DMA address outside all windows translates to, are all ones here too. */
export function flushBytes({ devBusAddr, offset, length, op }: FlushArguments): Uint8Array {
  const dev_bus_addr = devBusAddr < 0 ? BigInt.asUintN(64, BigInt(devBusAddr)) : devBusAddr;
  return gnttab_cache_flush.write({ dev_bus_addr, offset, length, op });
}

export function mapBytes({ at, domain, ref, readonly }: GrantMapping): Uint8Array {
  const flags = GNTMAP.host_map + (readonly ? GNTMAP.readonly : 0);
  return gnttab_map_grant_ref.write({
    host_addr: physAddrOf(at),
    flags,
    ref,
    dom: domain,
    status: UNWRITTEN,
  });
}

export function mappedGrant(bytes: Uint8Array): MappedGrant {
  const { status, handle, dev_bus_addr } = gnttab_map_grant_ref.read(bytes);
  if (status === GNTST.okay && dev_bus_addr === undefined)
    throw new RangeError('GNTTABOP_map_grant_ref: dev_bus_addr is no address of this machine');
  return { status, handle, frame: mfnOf((dev_bus_addr ?? 0) as MachineAddr) };
}

export function unmapBytes({ at, handle }: GrantUnmapping): Uint8Array {
  return gnttab_unmap_grant_ref.write({ host_addr: physAddrOf(at), handle, status: UNWRITTEN });
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function copyBytes({ source, target, length }: GrantCopy): Uint8Array {
  const flags = ('ref' in source ? GNTCOPY.source_gref : 0) + ('ref' in target ? GNTCOPY.dest_gref : 0);
  return gnttab_copy.write({
    ...('ref' in source ? { 'source.u.ref': source.ref } : { 'source.u.gmfn': source.page }),
    'source.domid': domainOf(source),
    'source.offset': source.offset,
    ...('ref' in target ? { 'dest.u.ref': target.ref } : { 'dest.u.gmfn': target.page }),
    'dest.domid': domainOf(target),
    'dest.offset': target.offset,
    len: length,
    flags,
    status: UNWRITTEN,
  });
}

function domainOf(end: CopyEnd): number {
  return 'ref' in end ? end.domain : DOMID_SELF;
}
