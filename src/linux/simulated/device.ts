/** A device as its bus and driver describe it: which addresses it can be given, and what they mean. */
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  lowBits,
  type MachineAddr,
  machineAddr,
  offsetBy,
} from '../../address/index.ts';
import { type DmaWindow, dmaToMachineThrough, machineToDmaThrough } from '../../devicetree/index.ts';
import type { Device } from '../dma.ts';

/** A device that a simulated kernel drives. What is left out sets no limit. */
export interface SimulatedDevice extends Device {
  /** Last DMA address that the driver's mask allows. */
  readonly dmaMask?: DmaAddr;
  /** Last DMA address that its bus passes on (bus_dma_limit). */
  readonly busLimit?: DmaAddr;
  /** dma-ranges; none: DMA addresses are machine addresses. */
  readonly windows?: readonly DmaWindow[];
  /** Bits of the address that a bounce slot must share with the buffer (min_align_mask), e.g. 4095 for NVMe. */
  readonly minAlignMask?: number;
  /** Every mapping of this device bounces. */
  readonly forceBounce?: boolean;
}

/** What the kernel knows of a device that a design hands back: any Device may be given, with no limits then. */
export function factsOf(device: Device): SimulatedDevice {
  return device;
}

/** (phys_addr_t)-1, what dma_to_phys() says of a DMA address outside all windows. No address of any machine. */
const NO_BUS_ADDR = -1 as MachineAddr;

/** phys_to_dma(): DMA_MAPPING_ERROR outside all windows. `bits` is the width of a phys_addr_t. */
export function toDma(device: Device, bus: MachineAddr, bits: 32 | 64): DmaAddr {
  if (bus < 0) return DMA_MAPPING_ERROR;
  const { windows = [] } = factsOf(device);
  return machineToDmaThrough(windows, lowBits(bus, bits)) ?? DMA_MAPPING_ERROR;
}

/** dma_to_phys(): all ones outside all windows. `bits` is the width of a phys_addr_t. */
export function toBus(device: Device, dma: DmaAddr, bits: 32 | 64): MachineAddr {
  if (dma < 0) return NO_BUS_ADDR;
  const { windows = [] } = factsOf(device);
  const bus = dmaToMachineThrough(windows, dma);
  return bus === null ? NO_BUS_ADDR : lowBits(machineAddr(bus), bits);
}

/** dma_capable(): the last byte is below the driver's mask and below what the bus passes on. */
export function isCapable(device: Device, dma: DmaAddr, size: number): boolean {
  if (dma < 0) return false;
  const { dmaMask, busLimit } = factsOf(device);
  const last = offsetBy(dma, size - 1);
  return (dmaMask === undefined || last <= dmaMask) && (busLimit === undefined || last <= busLimit);
}
