/**
 * Local, foreign or bounced, and whether an IOMMU translates: what a mapping is made of, told from its addresses, the
 * platform and the bounce and p2m events. Never from maintenance.
 */
import {
  busToPhys,
  type DmaAddr,
  type MachineAddr,
  type PhysAddr,
  pfnOf,
  physToBus,
} from '../address/index.ts';
import type { Bounce } from './contexts.ts';
import type { MappingClass } from './operation.ts';
import type { P2m } from './p2m.ts';
import type { Platform, ReplayDevice } from './platform.ts';

export interface Made {
  readonly dma: DmaAddr;
  readonly phys: PhysAddr;
  /** Bytes. */
  readonly size: number;
  readonly mappingClass: MappingClass;
  readonly translated: boolean;
  /** Machine address that the DMA address reaches. */
  readonly bus: MachineAddr;
  /** Why the machine address is not known for certain. */
  readonly uncertain: string | undefined;
}

/**
 * @param through machine address that `dma` would be without an IOMMU.
 * @param bounce what the trace says of a slot for this buffer.
 */
export function classify(
  platform: Platform,
  p2m: P2m,
  device: ReplayDevice,
  dma: DmaAddr,
  phys: PhysAddr,
  size: number,
  through: MachineAddr,
  bounce: Bounce | undefined,
): Made {
  if (bounce === undefined && busToPhys(through) === phys)
    return made(dma, phys, size, 'local', false, through);
  if (device.iommu !== null && !platform.xen) {
    if (bounce === undefined) return made(dma, phys, size, 'local', true, physToBus(phys));
    if (bounce.slot !== undefined) return made(dma, phys, size, 'bounced', true, physToBus(bounce.slot));
    return made(
      dma,
      phys,
      size,
      'bounced',
      true,
      physToBus(phys),
      `bounced behind an IOMMU at ${dma}, and the slot is not in the trace`,
    );
  }
  if (bounce !== undefined) return made(dma, phys, size, 'bounced', false, through);
  if (!platform.xen)
    return isOwnRam(platform, through)
      ? made(dma, phys, size, 'bounced', false, through)
      : made(dma, phys, size, 'local', true, physToBus(phys));
  // A slot lies in dom0's own RAM; so does a page that dom0 granted to itself, but that has a p2m entry.
  if (p2m.get(pfnOf(phys)) === undefined && isOwnRam(platform, through))
    return made(dma, phys, size, 'bounced', false, through);
  return made(dma, phys, size, 'foreign', false, through);
}

function made(
  dma: DmaAddr,
  phys: PhysAddr,
  size: number,
  mappingClass: MappingClass,
  translated: boolean,
  bus: MachineAddr,
  uncertain?: string,
): Made {
  return { dma, phys, size, mappingClass, translated, bus, uncertain };
}

function isOwnRam(platform: Platform, bus: MachineAddr): boolean {
  return platform.ownRam?.isRam(pfnOf(busToPhys(bus))) ?? false;
}
