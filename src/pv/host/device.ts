/** A device's end of DMA: from what it was programmed with to memory, and what goes through its port. */
import {
  type ByteRange,
  dmaAddr,
  type MachineAddr,
  machineAddr,
  mfnOf,
  offsetBy,
} from '../../address/index.ts';
import { dmaToMachineThrough } from '../../devicetree/index.ts';
import type { SimulatedDevice } from '../../linux/simulated/index.ts';
import type { Content } from '../../machine/concrete/index.ts';
import type { Port } from '../../machine/index.ts';
import { rangeText } from './explain.ts';
import type { Host } from './host.ts';
import type { MappingRecord } from './journal.ts';

export interface DeviceSpec {
  readonly name: string;
  /** What the hardware does. */
  readonly coherent: boolean;
  /** What the kernel believes. Default: what is so. */
  readonly believedCoherent?: boolean;
  /** Address lines, and the driver's mask. Default 64. */
  readonly maskBits?: number;
  /** DMA address of machine address 0 (dma-ranges). Default 0. */
  readonly busOffset?: number;
  /** min_align_mask of the driver. */
  readonly minAlignMask?: number;
}

export class DmaDevice {
  readonly kernelDevice: SimulatedDevice;
  readonly #port: Port;
  readonly #host: Host;

  constructor(host: Host, spec: DeviceSpec) {
    const { name, coherent, believedCoherent = coherent, maskBits = 64, busOffset = 0, minAlignMask } = spec;
    this.#host = host;
    this.#port = { name, snoops: coherent };
    this.kernelDevice = {
      name,
      coherent: believedCoherent,
      ...(maskBits < 53 ? { dmaMask: dmaAddr(2 ** maskBits - 1) } : {}),
      ...(busOffset === 0
        ? {}
        : {
            windows: [
              {
                busFrom: dmaAddr(Math.max(0, busOffset)),
                machineFrom: machineAddr(Math.max(0, -busOffset)),
                size: 2 ** 40,
              },
            ],
          }),
      ...(minAlignMask === undefined ? {} : { minAlignMask }),
    };
  }

  /** It reads [from, to) of what was mapped for it. undefined: nobody answered there. */
  read(mapping: MappingRecord, from: number, to: number, activity: string): Content | undefined {
    const at = this.#reach(mapping, from, to, activity);
    if (at === undefined) return undefined;
    const [first, end] = at;
    const { machine, journal } = this.#host;
    return journal.during(
      activity,
      () => this.#host.judged(first, end, () => machine.deviceRead(this.#port, first, end)),
      mapping,
    );
  }

  /** It writes there, from `from` on. False: nobody answered. */
  write(mapping: MappingRecord, from: number, content: Content, activity: string): boolean {
    const at = this.#reach(mapping, from, from + content.bytes.length, activity);
    if (at === undefined) return false;
    const { machine, journal } = this.#host;
    journal.during(activity, () => machine.deviceWrite(this.#port, ...at, content), mapping);
    return true;
  }

  /** The memory that it reaches; whether it is the buffer's, or its bounce slot's, is found out on the way. */
  #reach(
    mapping: MappingRecord,
    from: number,
    to: number,
    activity: string,
  ): ByteRange<MachineAddr> | undefined {
    const { dma } = mapping;
    const { journal, xen } = this.#host;
    const machine = dma === undefined ? null : dmaToMachineThrough(this.kernelDevice.windows ?? [], dma);
    const nothing = machineAddr(0);
    if (machine === null || machine < 0) {
      const about = { rule: 'fault', moves: null, from: nothing, to: nothing, consequence: false } as const;
      journal.during(
        activity,
        () => journal.fault(about, 'the bus passes the address on to nobody'),
        mapping,
      );
      return undefined;
    }
    const first = offsetBy(machineAddr(machine), from);
    const end = offsetBy(first, to - from);
    if (!this.#host.isBounceSlot(first)) this.#check(mapping, from, [first, end], activity);
    return xen.frame(mfnOf(first)) === undefined ? undefined : [first, end];
  }

  /** It reaches the buffer, or else it is said of the buffer's bytes that it does not. */
  #check(mapping: MappingRecord, from: number, reached: ByteRange<MachineAddr>, activity: string): void {
    const { journal } = this.#host;
    const [first, end] = reached;
    const [low, high] = pieceAt(mapping, from) ?? [first, first];
    if (low === first && end <= high) return;
    const about = {
      rule: 'wrong-frame',
      moves: null,
      from: low,
      to: offsetBy(low, end - first),
      consequence: false,
    } as const;
    const text = `${activity}: it was given ${rangeText(first, end)}, which is not where the buffer is`;
    journal.during(activity, () => journal.fault(about, text), mapping);
  }
}

/** The buffer's memory from a byte of it on, as far as it is contiguous. */
function pieceAt({ buffer }: MappingRecord, from: number): ByteRange<MachineAddr> | undefined {
  let before = 0;
  for (const [low, high] of buffer) {
    const size = high - low;
    if (from < before + size) return [offsetBy(low, from - before), high];
    before += size;
  }
  return undefined;
}
