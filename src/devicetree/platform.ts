/** What the tree says about the machine as a whole, as far as replay and audit need it. */
import { architecture, cpuNodes } from './architecture.ts';
import { hexRange, type MemoryRange, memoryRange } from './memory-range.ts';
import {
  addressCells,
  isAvailable,
  isCompatible,
  readNumber,
  readString,
  readStrings,
  sizeCells,
} from './properties.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** A yes or no with its reason. */
export interface Reasoned {
  readonly value: boolean;
  readonly because: string;
}

/** A child of /reserved-memory. */
export interface ReservedRegion {
  readonly path: string;
  /** Empty where the kernel chooses the place (`size` instead of `reg`). */
  readonly ranges: readonly MemoryRange[];
  /** `no-map`: not part of the kernel's linear map. */
  readonly noMap: boolean;
  /** "shared-dma-pool", "restricted-dma-pool" ...; may be empty. */
  readonly compatible: readonly string[];
}

/** The machine. */
export interface Platform {
  /** `model` of the root; empty if it has none. */
  readonly model: string;
  /** `compatible` of the root, most specific first. */
  readonly compatible: readonly string[];
  /** null where the tree gives no sign (architecture.ts). */
  readonly architecture: 'arm' | 'arm64' | null;
  readonly cpus: number;
  /** Whether the tree is for a system with Xen: given by Xen to a domain, or prepared for Xen to boot from. */
  readonly runsXen: Reasoned;
  /** RAM, from the memory nodes. A boot loader often fills it in: in a kernel's own dtb it can be missing. */
  readonly memory: readonly MemoryRange[];
  readonly reservedMemory: readonly ReservedRegion[];
  /**
   * Path of the coherency fabric of Marvell's 32-bit Armada. With more than one CPU its Linux declares every
   * platform and PCI device coherent, whatever the tree says (arch/arm/mach-mvebu/coherency.c of 6.1 to 7.3).
   */
  readonly coherencyFabric: string | null;
  /** Memory ranges that were left out, and why. */
  readonly notes: readonly string[];
}

/** Collect the facts. Reads a few nodes only; never throws. */
export function readPlatform(tree: DeviceTree): Platform {
  const { root } = tree;
  const notes: string[] = [];
  return {
    model: readString(root, 'model') ?? '',
    compatible: readStrings(root, 'compatible'),
    architecture: architecture(tree).name,
    cpus: cpuNodes(tree).length,
    runsXen: runsXen(tree),
    memory: root
      .childrenWith('device_type')
      .filter(isMemory)
      .flatMap((node) => regRanges(node, memoryProperty(node), notes)),
    reservedMemory: (root.child('reserved-memory')?.children ?? []).filter(isAvailable).map((node) => ({
      path: node.path,
      ranges: regRanges(node, 'reg', notes),
      noMap: node.has('no-map'),
      compatible: readStrings(node, 'compatible'),
    })),
    coherencyFabric: coherencyFabric(tree),
    notes,
  };
}

/**
 * Linux itself goes by /hypervisor alone (arch/arm/xen/enlighten.c). A tree taken before Xen rewrote it has
 * Xen's boot arguments and modules under /chosen instead (Xen's docs/misc/arm/device-tree/booting.txt).
 */
function runsXen(tree: DeviceTree): Reasoned {
  const hypervisor = tree.root.child('hypervisor');
  if (hypervisor !== undefined && isCompatible(hypervisor, 'xen,xen'))
    return { value: true, because: '/hypervisor is compatible with xen,xen' };
  const chosen = tree.root.child('chosen');
  for (const name of chosen?.properties.keys() ?? [])
    if (name.startsWith('xen,')) return { value: true, because: `/chosen has ${name}` };
  for (const node of chosen?.children ?? []) {
    const module = readStrings(node, 'compatible').find(
      (text) => text === 'multiboot,module' || text.startsWith('xen,'),
    );
    if (module !== undefined) return { value: true, because: `${node.path} is compatible with ${module}` };
  }
  return { value: false, because: 'no /hypervisor of Xen; no Xen arguments and no modules in /chosen' };
}

/** As early_init_dt_scan_memory (drivers/of/fdt.c) finds them. */
function isMemory(node: DeviceNode): boolean {
  return readString(node, 'device_type') === 'memory' && isAvailable(node);
}

function memoryProperty(node: DeviceNode): string {
  return node.has('linux,usable-memory') ? 'linux,usable-memory' : 'reg';
}

function coherencyFabric(tree: DeviceTree): string | null {
  // Looking at the root first spares every other board the search.
  if (!readStrings(tree.root, 'compatible').some((text) => text.startsWith('marvell,armada'))) return null;
  const isFabric = (text: string) => /^marvell,(armada-(375|380)-)?coherency-fabric$/.test(text);
  return tree.nodes.find((node) => readStrings(node, 'compatible').some(isFabric))?.path ?? null;
}

function regRanges(node: DeviceNode, property: string, notes: string[]): MemoryRange[] {
  const bus = node.parent ?? node;
  const [from, size] = [addressCells(bus), sizeCells(bus)];
  const value = node.property(property);
  if (value === undefined || from < 1 || size < 1 || from > 4 || size > 4) return [];
  const ranges: MemoryRange[] = [];
  for (let at = 0; (at + from + size) * 4 <= value.length; at += from + size) {
    const start = readNumber(value, at, from);
    const bytes = readNumber(value, at + from, size);
    if (bytes === 0n) continue;
    const range = memoryRange(start, bytes);
    if (range !== undefined) ranges.push(range);
    else notes.push(`${node.path}: memory ${hexRange(start, bytes)} reaches beyond 2^53; left out`);
  }
  return ranges;
}
