/** Cache maintenance as Xen's helpers do it, right or (by quirk) wrong. */
import { type MachineAddr, mfnOf, PAGE_SIZE, pageOffset } from '../address/index.ts';
import type { MaintenanceOptions, XenMaintenance } from './hardware.ts';
import type { XenPlatform } from './platform.ts';
import type { XenState } from './state.ts';

/**
 * clean_dcache_va_range() and its two sisters: barrier, lines, barrier.
 * @param size bytes; [at, at + size) lies in one page.
 */
export function maintainDcache(xen: XenState, op: XenMaintenance, at: MachineAddr, size: number): void {
  if (size === 0) return;
  const { hardware, platform } = xen;
  hardware.barrier();
  const reached = bytesReached(platform, op, at, size);
  if (reached > 0) hardware.maintain(op, at, reached, options(platform));
  hardware.barrier();
}

/** How much of the range the loop gets to see, from its start. */
function bytesReached(platform: XenPlatform, op: XenMaintenance, at: MachineAddr, size: number): number {
  const line = platform.cacheLineBytes;
  const unaligned = at % line !== 0;
  if (platform.quirks.has('cache-flush-range-wraps') && endsAtTop(platform, at, size))
    // The loop condition p < end fails at once; only invalidate has dealt with a partial first line before it.
    return op === 'invalidate' && unaligned ? 1 : 0;
  if (platform.quirks.has('clean-misses-unaligned-tail') && op !== 'invalidate')
    // One instruction every line from `at` itself: the last is at the start plus a whole number of lines.
    return (Math.ceil(size / line) - 1) * line + 1;
  return size;
}

/**
 * Does the range end at the top of the 32-bit address space in Xen's mapping of it. map_domain_page() maps 2 MiB slots
 * at DOMHEAP_VIRT_START, chosen by frame number modulo their number (xen/arch/arm/domain_page.c, 4.17): 2 GiB up to the
 * very top.
 */
function endsAtTop(platform: XenPlatform, at: MachineAddr, size: number): boolean {
  if (platform.arch !== 'arm32') return false;
  const slots = 2 ** 31 / PAGE_SIZE;
  const virtual = 2 ** 31 + (mfnOf(at) % slots) * PAGE_SIZE + pageOffset(at);
  return (virtual + size) % 2 ** 32 === 0;
}

function options(platform: XenPlatform): MaintenanceOptions {
  return {
    ...(platform.quirks.has('range-op-steps-by-own-line-size') && { stride: platform.cacheLineBytes }),
    ...(platform.quirks.has('maintenance-on-local-cpu-only') && { localOnly: true as const }),
  };
}
