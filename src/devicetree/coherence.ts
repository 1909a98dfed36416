/**
 * Is a device's DMA coherent with the CPUs' caches, as the device tree tells Linux?
 *
 * Rule: of_dma_is_coherent (drivers/of/address.c of 6.1 to 7.3). What the hardware does is another question: the
 * property has been forgotten on real boards, and claimed too much on others.
 */
import { architecture } from './architecture.ts';
import { dmaParent, dmaPath } from './dma-parent.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** The answer with its reason, naming node and property. */
export interface Coherence {
  readonly coherent: boolean;
  readonly because: string;
}

/**
 * Coherence of the device at a node: the nearest of itself and its DMA ancestors that has `dma-coherent`
 * (yes, also if it has both) or `dma-noncoherent` (no); if none has, the architecture's default, which is no on
 * arm and arm64.
 * For a PCI function pass its host bridge (findDevice does): Linux asks no other node.
 */
export function coherenceOf(device: DeviceNode): Coherence {
  for (const node of saysAnything(device.tree) ? dmaPath(device) : []) {
    const coherent = node.has('dma-coherent');
    if (!coherent && !node.has('dma-noncoherent')) continue;
    return {
      coherent,
      because: `${node.path} has ${coherent ? 'dma-coherent' : 'dma-noncoherent'}${route(device, node)}`,
    };
  }
  const { name } = architecture(device.tree);
  const whose = name === null ? 'the default of arm and arm64 is' : `${name}'s default is`;
  const where = device.parent === null ? device.path : `${device.path} or above`;
  return { coherent: false, because: `no dma-coherent on ${where}; ${whose} non-coherent` };
}

/** Nine boards in ten have neither name in their tree, and need no walk. */
function saysAnything(tree: DeviceTree): boolean {
  return tree.has('dma-coherent') || tree.has('dma-noncoherent');
}

/** Say how the walk came to a node that is no ancestor. */
function route(device: DeviceNode, found: DeviceNode): string {
  for (let node: DeviceNode | null = device; node !== null; node = node.parent) {
    if (node === found) return '';
    if (dmaParent(node) !== node.parent) return ` (where the dma-mem interconnect of ${node.path} leads)`;
  }
  return '';
}
