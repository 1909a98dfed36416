/**
 * 3.13 to 3.16: swiotlb-xen, with a second tree from the machine frame back to the page. Map maintains natively by P and gives
 * the device M; unmap and sync look M up (a miss falls back to the identity) and maintain natively what they found, on an
 * outer cache at P. sync_for_device calls the helper of sync_for_cpu.
 *
 * One tree entry a machine frame: a second grant of the same frame is refused. (The kernel left that grant mapped, for
 * set_foreign_p2m_mapping() ignored the refusal, and its removal damaged the tree; here it is undone.)
 * Source: arch/arm/xen/p2m.c, drivers/xen/swiotlb-xen.c, arch/arm/include/asm/xen/{page,page-coherent}.h, Linux 3.16.
 * Native operations on arm64 are those of 3.13-rc1; after that its xen_dma_* were empty until 3.17.
 */
import {
  bfnToPfn,
  type MachineAddr,
  type Mfn,
  mfnOf,
  offsetBy,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physAddrOf,
} from '../address/index.ts';
import type { Design, Kernel } from '../linux/index.ts';
import { nativeMap } from './native.ts';
import { type Steps, swiotlbXen } from './swiotlb-xen.ts';
import { noBusOffset } from './translation.ts';

const P2M_LOCK = 'p2m_lock';

/** mfn_to_pfn(): of a frame that is not in the tree the identity, right for dom0's own and for no other. */
function mfnToPfn(kernel: Kernel, frame: Mfn): Pfn {
  kernel.lock(P2M_LOCK);
  const [found] = kernel.tables.machineToPhys.find(frame);
  kernel.unlock(P2M_LOCK);
  return found ?? bfnToPfn(frame);
}

function busToPhysThroughTree(kernel: Kernel, bus: MachineAddr): PhysAddr {
  return offsetBy(physAddrOf(mfnToPfn(kernel, mfnOf(bus))), pageOffset(bus));
}

/** The look-up is made for every device, and once more to find a slot. */
const syncForCpu: Steps['syncForCpu'] = (kernel, device, dma, size, direction) => {
  const phys = busToPhysThroughTree(kernel, noBusOffset.toBus(kernel, device, dma));
  if (!device.coherent) kernel.archSyncForCpu(phys, size, direction);
};

export const linux313: Design = {
  name: 'linux-3.13',
  summary: 'native by page; machine frames looked up in a tree, one page a frame',
  on: 'xen',
  releases: { from: [3, 13], before: [3, 17] },
  ...swiotlbXen({
    ...noBusOffset,
    slotAt: (kernel, device, bus) => {
      const phys = busToPhysThroughTree(kernel, bus);
      return kernel.inSwiotlb(device, phys) && kernel.pfnValid(pfnOf(phys)) ? phys : undefined;
    },
    mapped: (kernel, device, owned, _dma, size, direction, attributes) =>
      nativeMap(kernel, device, owned, size, direction, attributes),
    unmapping: (kernel, device, dma, size, direction, attributes) => {
      const phys = busToPhysThroughTree(kernel, noBusOffset.toBus(kernel, device, dma));
      if (!device.coherent && !attributes.skipCpuSync) kernel.archSyncForCpu(phys, size, direction);
    },
    syncForCpu,
    syncForDevice: syncForCpu,
  }),
  grantMapped(kernel, frame, machine) {
    kernel.lock(P2M_LOCK);
    const isFree = kernel.tables.machineToPhys.find(machine).length === 0;
    if (isFree) kernel.tables.machineToPhys.insert(machine, frame);
    kernel.unlock(P2M_LOCK);
    return isFree;
  },
  grantUnmapped(kernel, frame, machine) {
    kernel.lock(P2M_LOCK);
    kernel.tables.machineToPhys.remove(machine, frame);
    kernel.unlock(P2M_LOCK);
  },
};
