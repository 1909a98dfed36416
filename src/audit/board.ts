/** One board as it is audited: the tree's facts that concern all its devices, and the Xen that is to run on it. */
import {
  type ByteRange,
  joinRanges,
  type MachineAddr,
  machineAddr,
  rangesWithout,
} from '../address/index.ts';
import {
  architecture,
  type DeviceNode,
  type DeviceTree,
  type OuterCache,
  outerCache,
  type Platform,
  readPlatform,
  virtualization,
} from '../devicetree/index.ts';
import { XEN_PLATFORMS, type XenPlatform } from './xen-platforms.ts';

/** dom0's memory: where it is, or only how much. */
export type Dom0Memory = { readonly banks: readonly ByteRange<MachineAddr>[] } | { readonly size: number };

/** The Xen that is assumed. */
export interface XenSetup {
  /**
   * dom0's guest-physical addresses are machine addresses. So it is in Xen 4.17 to 4.20 (create_dom0,
   * xen/arch/arm/domain_build.c), but with cache colouring (4.20).
   */
  readonly dom0: 'direct-mapped' | 'translated';
  /** Xen uses the SMMUs that it has a driver for; false: `iommu=no`. */
  readonly smmu: boolean;
  /** dom0_mem; null: not given. */
  readonly dom0Memory: Dom0Memory | null;
}

export const USUAL_SETUP: XenSetup = { dom0: 'direct-mapped', smmu: true, dom0Memory: null };

export interface Board {
  readonly tree: DeviceTree;
  readonly platform: Platform;
  readonly setup: XenSetup;
  /** RAM that Xen can give to domains; empty: the tree does not say (the boot loader fills it in). */
  readonly ram: readonly ByteRange<MachineAddr>[];
  readonly is32: boolean;
  readonly outerCache: OuterCache | null;
  readonly xenPlatform: XenPlatform | undefined;
  /** Whether its CPUs can run Xen, and which they are. */
  readonly virtualization: { readonly value: boolean | null; readonly cpu: string };
}

/** Collect the facts. Never throws. */
export function boardOf(tree: DeviceTree, setup: XenSetup): Board {
  const platform = readPlatform(tree);
  const range = ({ from, size }: { from: MachineAddr; size: number }): ByteRange<MachineAddr> => [
    from,
    machineAddr(from + size),
  ];
  const reserved = platform.reservedMemory.flatMap(({ ranges }) => ranges.map(range));
  return {
    tree,
    platform,
    setup,
    ram: rangesWithout(joinRanges(platform.memory.map(range)), reserved),
    is32: architecture(tree).name === 'arm',
    outerCache: outerCache(tree),
    xenPlatform: XEN_PLATFORMS.find(({ boards }) =>
      platform.compatible.some((text) => boards.includes(text)),
    ),
    virtualization: virtualization(tree),
  };
}

/** Names for messages: the path, and the label that the source gave the node, where the blob has symbols or aliases. */
export function nameOf(node: DeviceNode): string {
  const names = namesOf(node.tree).get(node.path);
  return names === undefined ? node.path : `${node.path} (${names})`;
}

const known = new WeakMap<DeviceTree, ReadonlyMap<string, string>>();

/** Label and alias of nodes, by path: "&emmc2", "mmc0". */
export function namesOf(tree: DeviceTree): ReadonlyMap<string, string> {
  let names = known.get(tree);
  if (names === undefined) {
    const table = new Map<string, string>();
    const add = (path: string, name: string) => {
      const others = table.get(path);
      table.set(path, others === undefined ? name : `${others}, ${name}`);
    };
    for (const [label, path] of tree.symbols) add(path, `&${label}`);
    for (const [alias, path] of tree.aliases) add(path, alias);
    names = table;
    known.set(tree, names);
  }
  return names;
}
