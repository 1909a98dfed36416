/**
 * The structure that Stefano Stabellini did not want in the thread: from each foreign machine frame to all the pages at which it is
 * mapped, kept up to date at every grant map and unmap. At that time nobody knows which device the page will go to, so
 * coherent ones pay for it, too. With it every page is found again, and the host's operations can be called on it.
 *
 * A frame's page may be unmapped while another mapping of the frame is being maintained through it, so the lock is
 * held over the maintenance. An outer cache is given P, as the host's operations do.
 */
import {
  busToPhys,
  type DmaAddr,
  mfnOf,
  offsetBy,
  type PhysAddr,
  pageOffset,
  physAddrOf,
} from '../address/index.ts';
import type { Design, Device, Kernel } from '../linux/index.ts';
import { eachKnownPage } from './pages.ts';
import { needsNone, type Steps, slotByIdentity, swiotlbXen } from './swiotlb-xen.ts';
import { busOffset } from './translation.ts';

const INDEX_LOCK = 'pages_of_frame';

/** Maintain the range through dom0's pages: foreign ones one by one, a local range, which is not in the index, at P == M. */
function throughPages(
  kernel: Kernel,
  device: Device,
  dma: DmaAddr,
  size: number,
  maintain: (phys: PhysAddr, size: number) => void,
): void {
  const bus = busOffset.toBus(kernel, device, dma);
  const isForeign = eachKnownPage(bus, size, (at, length) => {
    kernel.lock(INDEX_LOCK);
    const [page] = kernel.tables.pagesOfFrame.find(mfnOf(at));
    if (page !== undefined) maintain(offsetBy(physAddrOf(page), pageOffset(at)), length);
    kernel.unlock(INDEX_LOCK);
    return page !== undefined;
  });
  if (!isForeign) maintain(busToPhys(bus), size);
}

const syncForCpu: Steps['syncForCpu'] = (kernel, device, dma, size, direction) => {
  if (device.coherent) return;
  throughPages(kernel, device, dma, size, (phys, length) => kernel.archSyncForCpu(phys, length, direction));
};

export const foreignIndex: Design = {
  name: 'foreign-index',
  summary: 'an index from machine frames to all their pages, kept at every grant map and unmap',
  on: 'xen',
  ...swiotlbXen({
    ...busOffset,
    slotAt: slotByIdentity,
    mapped: (kernel, device, owned, _dma, size, direction, attributes) => {
      if (!needsNone(device, attributes)) kernel.archSyncForDevice(owned, size, direction);
    },
    unmapping: (kernel, device, dma, size, direction, attributes) => {
      if (!attributes.skipCpuSync) syncForCpu(kernel, device, dma, size, direction);
    },
    syncForCpu,
    syncForDevice: (kernel, device, dma, size, direction) => {
      if (device.coherent) return;
      throughPages(kernel, device, dma, size, (phys, length) =>
        kernel.archSyncForDevice(phys, length, direction),
      );
    },
  }),
  grantMapped(kernel, frame, machine) {
    kernel.lock(INDEX_LOCK);
    kernel.tables.pagesOfFrame.insert(machine, frame);
    kernel.unlock(INDEX_LOCK);
    return true;
  },
  grantUnmapped(kernel, frame, machine) {
    kernel.lock(INDEX_LOCK);
    kernel.tables.pagesOfFrame.remove(machine, frame);
    kernel.unlock(INDEX_LOCK);
  },
};
