/** What can be suspicious about a board: the rules. docs/audit.md has a section on each. */
import type { DeviceNode } from '../devicetree/index.ts';

/** Stable ids. */
export const RULES = {
  'coherent-beside-outer-cache': 'a device is marked coherent beside an outer cache',
  'coherent-alone': 'a device is marked coherent, and nothing else on the board is or makes it so',
  'coherence-differs': 'devices of one kind differ in whether they are coherent',
  'coherence-contradiction': 'a node is marked both coherent and non-coherent',
  'coherence-not-read': 'a node is marked where Linux does not look',
  'coherent-by-kernel': 'the kernel takes every device for coherent, whatever the tree says',
  'outer-cache-unreached': 'devices need maintenance of an outer cache that Xen cannot do',
  'unreachable-memory': 'dma-ranges put foreign pages out of reach: they are bounced',
  'unaddressable-memory': 'a device cannot reach the memory that it would need',
  'odd-dma-ranges': 'dma-ranges say something that Linux leaves out',
  'high-memory-cut': 'a 32-bit dom0 cuts machine addresses above 4 GiB',
  'shared-section': 'dom0\u2019s memory shares a 128 MiB section with other domains',
  'iommu-not-used': 'an IOMMU that Xen does not use stands before devices',
  'iommu-blocks-pci': 'an SMMU that Xen uses faults what comes from PCI functions',
  'hidden-device': 'Xen hides a node from dom0',
  'no-virtualization': 'Xen does not run on these CPUs',
} as const;
export type Rule = keyof typeof RULES;

/**
 * error: DMA does not work, or corrupts data, whatever else is true. hazard: it depends on what the tree does not say, or
 * the tree is probably wrong. note: worth knowing.
 */
export type Severity = 'error' | 'hazard' | 'note';

export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  /** What it is about. */
  readonly node: DeviceNode;
  readonly explanation: string;
}
