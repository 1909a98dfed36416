/**
 * Names of properties that walks ask every node for. The reader notes which of them a node has, a bit each, so that "no" costs
 * nothing: nearly all nodes have nearly none of them.
 */
export const NOTED = [
  'compatible',
  'status',
  'ranges',
  'reg',
  'dmas',
  'dma-coherent',
  'dma-noncoherent',
  'dma-ranges',
  'iommus',
  'iommu-map',
  '#iommu-cells',
  '#dma-cells',
  'interconnect-names',
  'memory-region',
  'device_type',
  '#address-cells',
  '#size-cells',
] as const;
export type NotedName = (typeof NOTED)[number];

/** The bit of each; a node's `noted` is the union of those that it has. */
export const BIT = Object.fromEntries(NOTED.map((name, i) => [name, 1 << i])) as Readonly<
  Record<NotedName, number>
>;

const BITS: ReadonlyMap<string, number> = new Map(Object.entries(BIT));

/** The name's bit; 0 for a name that is not noted. */
export function bitOf(name: string): number {
  return BITS.get(name) ?? 0;
}
