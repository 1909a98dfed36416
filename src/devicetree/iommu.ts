/**
 * Which IOMMU stands between a device and memory, as Linux reads it from the tree: of_iommu_configure
 * (drivers/iommu/of_iommu.c) and of_map_id (drivers/of/base.c), both of 7.3. Whether the kernel uses it, or Xen
 * keeps it for itself, is not in the tree.
 */

import { cellAt, cells, isAvailable, readPhandles, readU32 } from './properties.ts';
import type { DeviceNode } from './tree.ts';

/** IOMMU of a platform device: the first of its `iommus`; null without, or where that node is disabled. */
export function iommuOf(device: DeviceNode): DeviceNode | null {
  const target = readPhandles(device, 'iommus', '#iommu-cells')[0]?.node ?? null;
  return target !== null && isAvailable(target) ? target : null;
}

/** IOMMU of the PCI function with that requester id (bus * 256 + devfn), by the host bridge's `iommu-map`. */
export function iommuOfFunction(bridge: DeviceNode, requesterId: number): DeviceNode | null {
  const target = mapped(bridge, requesterId);
  return target !== null && isAvailable(target) ? target : null;
}

/** IOMMU of what is behind a bridge, whatever its id: the first that `iommu-map` names, else that of the bridge itself. */
export function iommuOfBridge(bridge: DeviceNode): DeviceNode | null {
  const value = bridge.property('iommu-map');
  const phandle = value === undefined || value.length % 4 !== 0 ? undefined : cellAt(value, 1);
  const target = phandle === undefined ? undefined : bridge.tree.byPhandle(phandle);
  return target !== undefined && isAvailable(target) ? target : iommuOf(bridge);
}

function mapped(bridge: DeviceNode, requesterId: number): DeviceNode | null {
  const value = bridge.property('iommu-map');
  if (value === undefined || value.length % 4 !== 0) return null;
  const map = cells(value);
  const mask = readU32(bridge, 'iommu-map-mask') ?? 0xffffffff;
  const id = maskWith(requesterId, mask);
  const single = hasSingleOutputCells(map);
  for (let at = 0; at + 2 <= map.length; ) {
    const base = map[at] ?? 0;
    const node = bridge.tree.byPhandle(map[at + 1] ?? 0);
    if (node === undefined || maskWith(base, mask) !== base) return null;
    const declared = readU32(node, '#iommu-cells') ?? 1;
    const outputs = single && declared === 2 ? 1 : declared;
    const next = at + 3 + outputs;
    if (next > map.length) return null;
    const length = map[next - 1] ?? 0;
    // Linux gives up on a range of ids that it would have to spread over several output cells.
    if (id >= base && id - base < length) return length > 1 && outputs > 1 ? null : node;
    at = next;
  }
  return null;
}

/** Trees that give one output cell though the IOMMU has two: all to one IOMMU, each of length 1. */
function hasSingleOutputCells(map: readonly number[]): boolean {
  if (map.length % 4 !== 0) return false;
  for (let at = 0; at < map.length; at += 4) if (map[at + 1] !== map[1] || map[at + 3] !== 1) return false;
  return true;
}

/** Bitwise and of two 32-bit cells, which are ids and no addresses; >>> makes the result unsigned again. */
function maskWith(id: number, mask: number): number {
  return (id & mask) >>> 0;
}
