/**
 * Names of platform and AMBA devices, "fe300000.mmc": the rule of of_device_make_bus_id (drivers/of/device.c of
 * 7.3; platform.c before 6.5, the same rule).
 */
import { isAvailable, readU32 } from './properties.ts';
import { translatedReg } from './translate.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/**
 * Linux's name for the device of a node: the CPU address of its first `reg` entry and its name; where that does
 * not translate, its full name after a parent's, "soc@0:sound", up to an ancestor with an address.
 */
export function deviceName(device: DeviceNode): string {
  let name = '';
  for (let node: DeviceNode | null = device; node.parent !== null; node = node.parent) {
    const tail = name === '' ? '' : `:${name}`;
    const address = translatedReg(node);
    if (address !== undefined) {
      const mask = readU32(node, 'mask');
      const bit = mask === undefined ? '' : `.${lowestBit(mask).toString(16)}`;
      return `${address.toString(16)}${bit}.${node.baseName}${tail}`;
    }
    name = `${node.name}${tail}`;
  }
  return name;
}

/** ffs(mask) - 1; of 0 that is -1, printed as unsigned. */
function lowestBit(mask: number): number {
  for (let bit = 0; bit < 32; bit += 1) if (Math.floor(mask / 2 ** bit) % 2 === 1) return bit;
  return 0xffffffff;
}

const indexes = new WeakMap<DeviceTree, ReadonlyMap<string, DeviceNode>>();

/**
 * The node of a platform or AMBA device, by the name that Linux gives it. Should several nodes get one name,
 * then the first that Linux would make a device for (with `compatible`, not disabled).
 */
export function nodeOfDevice(tree: DeviceTree, name: string): DeviceNode | undefined {
  let index = indexes.get(tree);
  if (index === undefined) {
    index = buildIndex(tree);
    indexes.set(tree, index);
  }
  return index.get(name);
}

function buildIndex(tree: DeviceTree): Map<string, DeviceNode> {
  const index = new Map<string, DeviceNode>();
  for (const node of tree.nodes) {
    if (node.parent === null) continue;
    const name = deviceName(node);
    const other = index.get(name);
    if (other === undefined || (!becomesDevice(other) && becomesDevice(node))) index.set(name, node);
  }
  return index;
}

function becomesDevice(node: DeviceNode): boolean {
  return node.has('compatible') && isAvailable(node);
}
