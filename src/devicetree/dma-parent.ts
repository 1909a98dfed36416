/**
 * The way that DMA takes up the tree.
 *
 * Linux (__of_get_dma_parent, drivers/of/address.c of 7.3): where a device's `interconnect-names` has "dma-mem",
 * its memory accesses go to that interconnect; otherwise to its parent node.
 */

import { readPhandles, readStrings } from './properties.ts';
import type { DeviceNode } from './tree.ts';

/** Where the device's memory accesses go next; null above the root. */
export function dmaParent(node: DeviceNode): DeviceNode | null {
  if (!node.has('interconnect-names')) return node.parent;
  const index = readStrings(node, 'interconnect-names').indexOf('dma-mem');
  if (index < 0) return node.parent;
  // Linux takes the index of the name for that of the phandle, though an interconnect path may have two.
  return readPhandles(node, 'interconnects', '#interconnect-cells')[index]?.node ?? node.parent;
}

/**
 * Steps that a walk upwards may take. Trees are at most 63 deep, but interconnects can lead back to where one was
 * (Linux would go round for ever), and then the walk ends here.
 */
export const MAX_STEPS = 128;

/** The node itself and everything its DMA passes on its way up. */
export function* dmaPath(node: DeviceNode): Generator<DeviceNode> {
  let at: DeviceNode | null = node;
  for (let steps = 0; at !== null && steps < MAX_STEPS; steps += 1) {
    yield at;
    at = dmaParent(at);
  }
}
