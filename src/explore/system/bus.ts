/** From what a device was programmed with to the memory that it reaches: address lines, bus offset, SMMU. */
import {
  type DmaAddr,
  dmaAddr,
  type Gfn,
  gfn,
  type MachineAddr,
  type Mfn,
  machineAddr,
  machineAddrOf,
  machineToDma,
  offsetBy,
  PAGE_SIZE,
  pageOffset,
} from '../../address/index.ts';
import { dmaToMachineThrough } from '../../devicetree/index.ts';
import type { SimulatedDevice } from '../../linux/simulated/index.ts';
import type { Port } from '../../machine/index.ts';
import type { DeviceSpec, PlatformSpec } from '../../scenario/index.ts';
import { join, type MachineRange } from './places.ts';

/** A device as the kernel knows it, and as it is. */
export interface SystemDevice extends SimulatedDevice {
  readonly spec: DeviceSpec;
  readonly port: Port;
}

/** What an SMMU makes of a frame that a device asks for; undefined: nothing is mapped there. */
export type Translate = (frame: Gfn) => { readonly mfn: Mfn; readonly writable: boolean } | undefined;

export class Bus {
  readonly #smmu: boolean;
  readonly #translation: () => Translate | undefined;

  /** @param translation stage 2 of the domain that drives the devices; asked when an SMMU translates. */
  constructor(platform: PlatformSpec, translation: () => Translate | undefined) {
    this.#smmu = platform.smmu;
    this.#translation = translation;
  }

  /**
   * Memory that the device reaches at [dma, dma + size), in order.
   * @param how an SMMU lets nobody write through a read-only entry.
   * @returns undefined where the SMMU or the bus passes nothing on.
   */
  reach(
    device: SystemDevice,
    dma: DmaAddr,
    size: number,
    how: 'read' | 'write' = 'read',
  ): MachineRange[] | undefined {
    const ranges: MachineRange[] = [];
    for (let done = 0; done < size; ) {
      // A device drives so many address lines; what is above them is lost.
      const at = ((dma + done) % 2 ** device.spec.maskBits) as DmaAddr;
      const machine = this.#machineAt(device, at, how);
      if (machine === undefined) return undefined;
      const length = Math.min(size - done, PAGE_SIZE - pageOffset(at));
      join(ranges, machine, length);
      done += length;
    }
    return ranges;
  }

  #machineAt(device: SystemDevice, at: DmaAddr, how: 'read' | 'write'): MachineAddr | undefined {
    if (this.#smmu) {
      const found = this.#translation()?.(gfn(Math.floor(at / PAGE_SIZE)));
      if (found === undefined || (how === 'write' && !found.writable)) return undefined;
      return offsetBy(machineAddrOf(found.mfn), pageOffset(at));
    }
    const machine = dmaToMachineThrough(device.windows ?? [], at);
    return machine === null ? undefined : (machine as MachineAddr);
  }
}

/** A device as its kernel is told of it. */
export function deviceOf(spec: DeviceSpec): SystemDevice {
  const windows =
    spec.busOffset === 0
      ? []
      : [
          {
            busFrom: dmaAddr(Math.max(0, spec.busOffset)),
            machineFrom: machineAddr(Math.max(0, -spec.busOffset)),
            size: 2 ** 40,
          },
        ];
  return {
    name: spec.name,
    coherent: spec.believedCoherent,
    dmaMask: machineToDma(machineAddr(2 ** spec.maskBits - 1)),
    windows,
    spec,
    port: { name: spec.name, snoops: spec.coherent },
  };
}
