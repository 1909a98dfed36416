/**
 * Hypercall arguments in guest memory: copy_from_guest() and copy_to_guest() (xen/arch/arm/guestcopy.c, 4.20).
 *
 * The guest's own page tables are not here: an argument's address is guest physical. It must be the caller's own RAM;
 * a page mapped from another domain will not do (get_page() of get_page_from_gva() fails).
 */
import { type Gfn, type Mfn, PAGE_SIZE } from '../address/index.ts';
import type { Wide } from './abi/layout.ts';
import { ownerOf } from './frames.ts';
import { p2mAccess, writable } from './p2m.ts';
import { p2mFrames } from './platform.ts';
import type { Domain, XenState } from './state.ts';

/** Bytes [at, at + size) of the domain's memory; undefined where any of them is not accessible. */
export function copyFromGuest(xen: XenState, domain: Domain, at: Wide, size: number): Uint8Array | undefined {
  if (at === undefined) return undefined;
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const offset = (at + done) % PAGE_SIZE;
    const part = Math.min(size - done, PAGE_SIZE - offset);
    const frame = argumentFrame(xen, domain, at + done, false);
    if (frame === undefined) return undefined;
    bytes.set(xen.hardware.readBytes(frame, offset, part), done);
    done += part;
  }
  return bytes;
}

/** Write bytes to the domain's memory; false where they are not accessible (those before it may be written). */
export function copyToGuest(xen: XenState, domain: Domain, at: Wide, bytes: Uint8Array): boolean {
  if (at === undefined) return false;
  for (let done = 0; done < bytes.length; ) {
    const offset = (at + done) % PAGE_SIZE;
    const part = Math.min(bytes.length - done, PAGE_SIZE - offset);
    const frame = argumentFrame(xen, domain, at + done, true);
    if (frame === undefined) return false;
    xen.hardware.writeBytes(frame, offset, bytes.subarray(done, done + part));
    done += part;
  }
  return true;
}

function argumentFrame(xen: XenState, domain: Domain, at: number, write: boolean): Mfn | undefined {
  const gfn = Math.floor(at / PAGE_SIZE);
  if (gfn >= p2mFrames(xen.platform)) return undefined;
  const entry = p2mAccess(xen, domain, gfn as Gfn);
  if (!entry || (write && !writable(entry.type))) return undefined;
  return ownerOf(xen, entry.mfn) === domain.domid ? entry.mfn : undefined;
}
