/** PCI host bridges, and which of them a function "0000:00:01.0" is behind. */
import { cellAt, isAvailable, readU32 } from './properties.ts';
import { isPciBus } from './translate.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** A PCI function's address. */
export interface PciAddress {
  readonly domain: number;
  /** [0, 255]. */
  readonly bus: number;
  /** Device number * 8 + function number, [0, 255]. */
  readonly devfn: number;
}

/** A host bridge and why it is the one. */
export interface BridgeChoice {
  readonly bridge: DeviceNode;
  /** Empty unless the tree leaves it open and Linux's usual order was assumed. */
  readonly assumption: string;
}

const NAME = /^([0-9a-f]{4,8}):([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/;

/** Read Linux's name of a PCI function (pci_setup_device: "%04x:%02x:%02x.%d"); undefined if it is none. */
export function parsePciName(name: string): PciAddress | undefined {
  const [whole, domain = '', bus = '', device = '', fn = ''] = NAME.exec(name) ?? [];
  if (whole === undefined) return undefined;
  return {
    domain: Number.parseInt(domain, 16),
    bus: Number.parseInt(bus, 16),
    devfn: Number.parseInt(device, 16) * 8 + Number.parseInt(fn, 16),
  };
}

/** The host bridges that Linux can have a device for: enabled, with a `compatible`, not below another PCI bus. */
export function hostBridges(tree: DeviceTree): DeviceNode[] {
  return tree.nodes.filter(
    (node) => isPciBus(node) && node.has('compatible') && node.parent !== null && reachable(node),
  );
}

function reachable(bridge: DeviceNode): boolean {
  for (let node: DeviceNode | null = bridge; node !== null; node = node.parent)
    if (!isAvailable(node) || (node !== bridge && isPciBus(node))) return false;
  return true;
}

/**
 * The host bridge of a function.
 *
 * Linux (of_pci_bus_find_domain_nr, drivers/pci/pci.c of 7.3): the low 16 bits of `linux,pci-domain`; a bridge
 * without it gets the lowest number that no node claims, in order of probing, which is nearly always the order
 * of the tree, and that is assumed. `bus-range` must hold the bus.
 */
export function bridgeOf(tree: DeviceTree, address: PciAddress): BridgeChoice | undefined {
  const bridges = hostBridges(tree).filter((bridge) => holdsBus(bridge, address.bus));
  const fixed = bridges.find((bridge) => fixedDomain(bridge) === address.domain);
  if (fixed !== undefined) return { bridge: fixed, assumption: '' };
  const numbered = bridges.filter((bridge) => fixedDomain(bridge) === undefined);
  const [only] = numbered;
  if (only === undefined) return undefined;
  if (numbered.length === 1) return { bridge: only, assumption: '' };
  const bridge = domainsInOrder(tree).get(address.domain);
  if (bridge === undefined || !numbered.includes(bridge)) return undefined;
  const domain = address.domain.toString(16).padStart(4, '0');
  return {
    bridge,
    assumption: `taken for PCI domain ${domain} by its place in the tree: no linux,pci-domain`,
  };
}

/** Domains of the bridges that have no number of their own. */
function domainsInOrder(tree: DeviceTree): Map<number, DeviceNode> {
  const taken = new Set(tree.nodes.map(fixedDomain));
  const domains = new Map<number, DeviceNode>();
  let next = 0;
  for (const bridge of hostBridges(tree)) {
    if (fixedDomain(bridge) !== undefined) continue;
    while (taken.has(next)) next += 1;
    domains.set(next, bridge);
    next += 1;
  }
  return domains;
}

function fixedDomain(node: DeviceNode): number | undefined {
  const domain = readU32(node, 'linux,pci-domain');
  return domain === undefined ? undefined : domain % 0x10000;
}

function busRange(bridge: DeviceNode): readonly [number, number] {
  const value = bridge.property('bus-range');
  return value === undefined || value.length < 8
    ? [0, 255]
    : [cellAt(value, 0) ?? 0, cellAt(value, 1) ?? 255];
}

function holdsBus(bridge: DeviceNode, bus: number): boolean {
  const [first, last] = busRange(bridge);
  return bus >= first && bus <= last;
}

/** The node that describes a function directly below its host bridge, by the devfn in its `reg`. */
export function functionNode(bridge: DeviceNode, address: PciAddress): DeviceNode | undefined {
  if (address.bus !== busRange(bridge)[0]) return undefined;
  return bridge.children.find((node) => {
    const reg = node.property('reg');
    // Five cells, as Linux wants them; bits 8 to 15 of the first are the devfn.
    return reg !== undefined && reg.length >= 20 && reg[2] === address.devfn;
  });
}
