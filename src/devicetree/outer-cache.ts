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
import { WordTable } from './words.ts';

const OUTER = new WordTable(
  [
    'arm,l210-cache',
    'arm,l220-cache',
    'arm,pl310-cache',
    'brcm,bcm11351-a2-pl310-cache',
    'bcm,bcm11351-a2-pl310-cache',
    'marvell,aurora-outer-cache',
    'marvell,tauros3-cache',
  ].map((word) => [word, word] as const),
);

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
  for (const node of tree.nodes) {
    const compatible = OUTER.ofCompatible(node);
    if (compatible !== undefined && isAvailable(node))
      return { node, compatible, ioCoherent: node.has('arm,io-coherent') || markedByKernel(tree) };
  }
  return null;
}

/** armada_375_380_coherency_init (arch/arm/mach-mvebu/coherency.c of 6.1), with more than one CPU. */
function markedByKernel(tree: DeviceTree): boolean {
  return (
    cpuNodes(tree).length > 1 &&
    tree.nodes.some((node) => FABRIC.ofCompatible(node) === true && isAvailable(node))
  );
}

const FABRIC = new WordTable([
  ['marvell,armada-375-coherency-fabric', true],
  ['marvell,armada-380-coherency-fabric', true],
]);
