/**
 * Names of properties that walks ask every node for. The reader notes which of them a node has, a bit each, so that "no" costs
 * nothing: nearly all nodes have nearly none of them.
 */
import { WordTable } from './words.ts';

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
  'dma-masters',
  'no-map',
  'linux,usable-memory',
  'xen,passthrough',
] as const;
export type NotedName = (typeof NOTED)[number];

/** The bit of each; a node's `noted` is the union of those that it has. */
export const BIT = Object.fromEntries(NOTED.map((name, i) => [name, 1 << i])) as Readonly<
  Record<NotedName, number>
>;

/** A bit of `noted` that is no name's: the node's `status` is neither "okay" nor "ok". */
export const UNAVAILABLE = 1 << 28;

/** What else a name can be. Never together with a bit, and never 0. */
export const OTHER = 1 << 29;
export const PHANDLE = 1 << 30;

/** What is known of a name: its bit, or PHANDLE; of all others nothing. */
export const KINDS = new WordTable<number>([
  ...Object.entries(BIT),
  ['phandle', PHANDLE],
  ['linux,phandle', PHANDLE],
]);

const BITS: ReadonlyMap<string, number> = new Map(Object.entries(BIT));

/** The name's bit; 0 for a name that is not noted. */
export function bitOf(name: string): number {
  return BITS.get(name) ?? 0;
}
