/**
 * A cache beyond the inner ones that the CPU's own maintenance instructions do not reach: it takes physical addresses
 * through registers of its own.
 *
 * Which: those that Linux drives as such (l2x0_ids, arch/arm/mm/cache-l2x0.c of 6.1). Marvell's
 * aurora-system-cache is on that list for its set-up alone: it needs no outer maintenance.
 */
import { architecture, cpuNodes } from './architecture.ts';
import { isAvailable } from './properties.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

const OUTER = [
  'arm,l210-cache',
  'arm,l220-cache',
  'arm,pl310-cache',
  'brcm,bcm11351-a2-pl310-cache',
  'bcm,bcm11351-a2-pl310-cache',
  'marvell,aurora-outer-cache',
  'marvell,tauros3-cache',
];

/** The outer cache of a board. */
export interface OuterCache {
  readonly node: DeviceNode;
  /** The `compatible` by which it is one. */
  readonly compatible: string;
  /** `arm,io-coherent`: devices snoop it too, and Linux does no maintenance of it for DMA. Linux adds it on Armada 375 and 38x. */
  readonly ioCoherent: boolean;
}

/** The first one that is enabled, or null. CPUs with a 64-bit state have none. */
export function outerCache(tree: DeviceTree): OuterCache | null {
  if (architecture(tree).name === 'arm64') return null;
  const found: { readonly node: DeviceNode; readonly compatible: string }[] = [];
  for (const compatible of OUTER)
    for (const node of tree.byCompatible(compatible)) if (isAvailable(node)) found.push({ node, compatible });
  const [first] = found.sort((a, b) => a.node.offset - b.node.offset);
  if (first === undefined) return null;
  return { ...first, ioCoherent: first.node.has('arm,io-coherent') || markedByKernel(tree) };
}

/** armada_375_380_coherency_init (arch/arm/mach-mvebu/coherency.c of 6.1), with more than one CPU. */
function markedByKernel(tree: DeviceTree): boolean {
  return cpuNodes(tree).length > 1 && FABRICS.some((text) => tree.byCompatible(text).some(isAvailable));
}

const FABRICS = ['marvell,armada-375-coherency-fabric', 'marvell,armada-380-coherency-fabric'];
