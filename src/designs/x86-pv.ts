/**
 * swiotlb-xen where it comes from: an x86 PV dom0 is not mapped 1:1, a machine-to-physical table answers for each of its frames,
 * and devices snoop, so that nothing is ever maintained. Buffers over discontiguous machine frames bounce. (For coherent
 * memory they are exchanged for contiguous ones; that is not part of streaming maps.)
 * Source: drivers/xen/swiotlb-xen.c, arch/x86/include/asm/xen/page.h, Linux 6.12.
 */
import {
  type MachineAddr,
  mfnOf,
  offsetBy,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physAddrOf,
} from '../address/index.ts';
import type { Design, Kernel } from '../linux/index.ts';
import { swiotlbXen } from './swiotlb-xen.ts';
import { busOffset } from './translation.ts';

function busToPhysThroughM2p(kernel: Kernel, bus: MachineAddr): PhysAddr {
  return offsetBy(physAddrOf(kernel.machineToPfn(mfnOf(bus))), pageOffset(bus));
}

const nothing = () => {};

export const x86Pv: Design = {
  name: 'x86-pv',
  summary: 'x86: frames looked up in the machine-to-physical table, nothing maintained',
  on: 'xen',
  needs: 'an x86 PV dom0, whose devices snoop',
  ...swiotlbXen({
    ...busOffset,
    slotAt: (kernel, device, bus) => {
      const phys = busToPhysThroughM2p(kernel, bus);
      return kernel.inSwiotlb(device, phys) && kernel.pfnValid(pfnOf(phys)) ? phys : undefined;
    },
    mapped: nothing,
    unmapping: nothing,
    syncForCpu: nothing,
    syncForDevice: nothing,
  }),
};
