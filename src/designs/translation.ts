/** What the releases assume of a bus: an offset (dma-ranges), or none. */
import { dmaToMachine, machineToDma } from '../address/index.ts';
import type { Steps } from './swiotlb-xen.ts';

type Translation = Pick<Steps, 'toDma' | 'toBus'>;

/** Up to 5.8: the machine address is given to the device as it is, and the bus address taken for the machine's. */
export const noBusOffset: Translation = {
  toDma: (_kernel, _device, bus) => machineToDma(bus),
  toBus: (_kernel, _device, dma) => dmaToMachine(dma),
};

/** The repair of what follows: the same in 64 bits, where a phys_addr_t has 32 and machine addresses more. */
export const wideBusOffset: Translation = {
  toDma: (kernel, device, bus) => kernel.busToDma(device, bus, 64),
  toBus: (kernel, device, dma) => kernel.dmaToBus(device, dma, 64),
};

/** Since 5.9 (Raspberry Pi 4): phys_to_dma() and dma_to_phys(). */
export const busOffset: Translation = {
  toDma: (kernel, device, bus) => kernel.busToDma(device, bus),
  toBus: (kernel, device, dma) => kernel.dmaToBus(device, dma),
};
