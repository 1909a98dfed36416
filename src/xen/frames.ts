/** Machine frames: who owns each, how many references it has, and the heap. */
import { mfn as asMfn, type Mfn, machineAddrOf, PAGE_SIZE } from '../address/index.ts';
import { DOMID_XEN, type DomId } from './abi/domid.ts';
import { maintainDcache } from './dcache.ts';
import type { Frame, FrameRange, Memory, XenState } from './state.ts';

const inRange = (frame: Mfn, range: FrameRange) => range.from <= frame && frame < range.to;

/** mfn_valid(): RAM that Xen knows. */
export function mfnValid(memory: Memory, frame: Mfn): boolean {
  return memory.ram.some((range) => inRange(frame, range));
}

/** mfn_to_page(); undefined for a frame that is not valid. */
export function frameOf(memory: Memory, mfn: Mfn): Frame | undefined {
  const known = memory.frames.get(mfn);
  if (known) return known;
  if (!mfnValid(memory, mfn)) return undefined;
  const owner = memory.given.find(({ range }) => inRange(mfn, range))?.owner;
  const allocated = owner !== undefined;
  const frame: Frame = {
    owner,
    allocated,
    count: allocated ? 1 : 0,
    needScrub: false,
    lastOwner: undefined,
  };
  memory.frames.set(mfn, frame);
  return frame;
}

/** get_page(): take a reference if the frame is that domain's. */
export function getPage(xen: XenState, mfn: Mfn, owner: DomId): boolean {
  const frame = frameOf(xen.memory, mfn);
  xen.footprint.touch(`frame:${mfn}`, true);
  if (!frame || frame.owner !== owner) return false;
  frame.count += 1;
  return true;
}

/** page_get_owner() of a frame in use, without taking a reference. */
export function ownerOf(xen: XenState, mfn: Mfn): DomId | undefined {
  xen.footprint.touch(`frame:${mfn}`, false);
  return frameOf(xen.memory, mfn)?.owner;
}

/** put_page(): drop a reference; the last one frees the frame. */
export function putPage(xen: XenState, mfn: Mfn): void {
  const frame = frameOf(xen.memory, mfn);
  xen.footprint.touch(`frame:${mfn}`, true);
  if (!frame || frame.count === 0) {
    xen.bugs.push(`put_page: frame ${mfn} has no references`);
    return;
  }
  frame.count -= 1;
  if (frame.count === 0) freeFrame(xen, mfn, frame);
}

/** put_page_alloc_ref(): the owner frees the page, once. */
export function putAllocRef(xen: XenState, mfn: Mfn): void {
  const frame = frameOf(xen.memory, mfn);
  xen.footprint.touch(`frame:${mfn}`, true);
  if (!frame?.allocated) return;
  frame.allocated = false;
  putPage(xen, mfn);
}

/**
 * free_domheap_pages() (xen/common/page_alloc.c, 4.20): a living domain is expected to have cleared what it frees;
 * Xen erases after a dead one, or always with scrub-domheap.
 */
function freeFrame(xen: XenState, mfn: Mfn, frame: Frame): void {
  xen.footprint.touch('domains', false);
  const dead = frame.owner === undefined || (xen.domains.get(frame.owner)?.dying ?? true);
  frame.needScrub ||= dead || xen.platform.scrubDomheap;
  frame.lastOwner = frame.owner;
  frame.owner = undefined;
  frame.allocated = false;
  xen.footprint.touch('heap', true);
  xen.memory.free.push(mfn);
}

/**
 * Memory of boot modules goes to the heap once dom0 is built (discard_initial_modules(), xen/arch/arm/setup.c).
 * The frames are DOMID_XEN's until then.
 */
export function discardBootModules(xen: XenState, range: FrameRange): void {
  xen.footprint.touch('heap', true);
  const scrub = !xen.platform.quirks.has('boot-modules-not-scrubbed');
  for (let at = range.from; at < range.to; at = asMfn(at + 1)) {
    const frame = frameOf(xen.memory, at);
    xen.footprint.touch(`frame:${at}`, true);
    if (frame?.owner !== DOMID_XEN || !frame.allocated) continue;
    frame.owner = undefined;
    frame.allocated = false;
    frame.count = 0;
    frame.needScrub = scrub;
    frame.lastOwner = DOMID_XEN;
    xen.memory.free.push(at);
  }
}

/**
 * alloc_domheap_pages() (xen/common/page_alloc.c, 4.20): 2^order frames, aligned and contiguous, scrubbed if they need
 * it, and flushed so that a guest with its caches off sees what was scrubbed. undefined: no memory.
 * @returns the first frame.
 */
export function allocFrames(xen: XenState, owner: DomId, order: number): Mfn | undefined {
  xen.footprint.touch('heap', true);
  const first =
    order === 0 ? (xen.memory.free.pop() ?? neverGiven(xen.memory, 1)) : neverGiven(xen.memory, 2 ** order);
  if (first === undefined) return undefined;
  for (let i = 0; i < 2 ** order; i += 1) assign(xen, asMfn(first + i), owner);
  return first;
}

function assign(xen: XenState, mfn: Mfn, owner: DomId): void {
  const frame = frameOf(xen.memory, mfn);
  if (!frame) return;
  xen.footprint.touch(`frame:${mfn}`, true);
  const early = xen.platform.quirks.has('flush-before-scrub');
  if (frame.lastOwner !== undefined && frame.lastOwner !== owner) xen.hardware.ownerChanged(mfn);
  if (early) flushPageToRam(xen, mfn);
  if (frame.needScrub) xen.hardware.scrub(mfn);
  if (!early) flushPageToRam(xen, mfn);
  frame.owner = owner;
  frame.allocated = true;
  frame.count = 1;
  frame.needScrub = false;
  frame.lastOwner = undefined;
}

/** flush_page_to_ram() (xen/arch/arm/mm.c). */
function flushPageToRam(xen: XenState, mfn: Mfn): void {
  maintainDcache(xen, 'cleanInvalidate', machineAddrOf(mfn), PAGE_SIZE);
}

/** `frames` contiguous frames, aligned to their number: the highest of what the heap has never given out. */
function neverGiven(memory: Memory, frames: number): Mfn | undefined {
  let top: number = memory.heapTop;
  while (top >= frames) {
    const at = Math.floor(top / frames) * frames - frames;
    const to = at + frames;
    const taken = memory.given.find(({ range }) => range.from < to && at < range.to);
    if (taken) {
      top = taken.range.from;
    } else if (memory.ram.some((range) => range.from <= at && to <= range.to)) {
      memory.heapTop = asMfn(at);
      return memory.heapTop;
    } else {
      top = Math.max(0, ...memory.ram.map((range) => range.to).filter((end) => end < to));
    }
  }
  return undefined;
}
