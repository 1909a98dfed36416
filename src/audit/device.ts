/** One device of an audited board. */
import type { MachineAddr } from '../address/index.ts';
import type { DeviceNode, DmaKind, DmaWindow } from '../devicetree/index.ts';
import type { UnderXen } from './classify.ts';

/** A device of a board. */
export interface AuditedDevice {
  readonly node: DeviceNode;
  /** Labels and aliases, or empty. */
  readonly names: string;
  /** What it is, where that is known. */
  readonly kind: DmaKind | null;
  /** How one can tell that it does DMA. */
  readonly dmaBecause: string;
  /** As the device tree tells Linux, and why. */
  readonly coherent: boolean;
  readonly because: string;
  /** Path of the outer cache between the CPUs and memory. */
  readonly outerCache: string | null;
  readonly iommu: DeviceNode | null;
  /** How DMA addresses relate to machine addresses; empty: they are the same, all of them. */
  readonly windows: readonly DmaWindow[];
  /** Last machine address that it reaches; null: no bus limits it. */
  readonly dmaLimit: MachineAddr | null;
  readonly underXen: UnderXen & { readonly designs: readonly string[] };
  /** Oddities that were found on the way. */
  readonly notes: readonly string[];
}

const BACKENDS: readonly (DmaKind | null)[] = [
  'pci',
  'ethernet',
  'wireless',
  'rdma',
  'mmc',
  'usb',
  'disk',
  'nand',
  'virtio',
];

/** Whether PV backends put guests' pages through such a device: disks and networks, and what can be either. */
export function servesGuests(kind: DmaKind | null): boolean {
  return BACKENDS.includes(kind);
}
