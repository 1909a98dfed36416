/**
 * Where dom0 may map foreign pages without giving up RAM of its own: the regions in the hypervisor node of its device
 * tree since 4.16 (make_hypervisor_node(), xen/arch/arm/domain_build.c).
 */
import { gfn as asGfn, type Gfn } from '../address/index.ts';
import { p2mFrames, since } from './platform.ts';
import type { Domain, FrameRange, XenState } from './state.ts';

/** Guest frames [from, to). */
export interface GfnRange {
  readonly from: Gfn;
  readonly to: Gfn;
}

/** Regions are whole 2 MiB blocks, and at least 64 MiB. In frames. */
const ALIGNMENT = 512;
const MINIMUM = 64 * 256;

/**
 * With an IOMMU: holes in the host's map. Without one: host RAM that is not dom0's, so that no device address of dom0 is
 * hidden by a region. None before 4.16, on 32-bit Arm, and for other domains.
 * @param mmio frames of devices, which are no holes.
 */
export function extendedRegions(
  xen: XenState,
  domain: Domain,
  mmio: readonly FrameRange[],
): readonly GfnRange[] {
  if (!since(xen.platform, [4, 16]) || xen.platform.arch === 'arm32' || !domain.hardware) return [];
  if (!domain.iommu && !domain.directMapped) return [];
  const everything = [{ from: 0, to: p2mFrames(xen.platform) }];
  const own = xen.memory.given.filter(({ owner }) => owner === domain.domid).map(({ range }) => range);
  const regions = domain.iommu
    ? subtract(everything, [...xen.memory.ram, ...mmio])
    : subtract(xen.memory.ram, own);
  return regions
    .map(({ from, to }) => ({
      from: asGfn(Math.ceil(from / ALIGNMENT) * ALIGNMENT),
      to: asGfn(Math.floor(to / ALIGNMENT) * ALIGNMENT),
    }))
    .filter(({ from, to }) => to - from >= MINIMUM);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What of `ranges` is in none of `others`, in ascending order within each range. */
function subtract(ranges: readonly Range[], others: readonly Range[]): readonly Range[] {
  const sorted = [...others].sort((a, b) => a.from - b.from);
  return ranges.flatMap(({ from, to }) => {
    const left: Range[] = [];
    let at = from;
    for (const other of sorted) {
      if (other.to <= at || other.from >= to) continue;
      if (other.from > at) left.push({ from: at, to: other.from });
      at = Math.max(at, other.to);
    }
    if (at < to) left.push({ from: at, to });
    return left;
  });
}
