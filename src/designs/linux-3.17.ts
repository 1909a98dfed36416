/**
 * 3.17 and 3.18: no tree back. Xen was to map every granted frame at pseudo-physical M as well (XENFEAT_grant_map_identity), so
 * that dom0 could maintain at M what it knew only M of: through the linear map where M has a struct page, through a
 * per-CPU scratch mapping where not. No released Xen did, and without the feature nothing is maintained.
 *
 * As it was: the outer cache is invalidated after TO_DEVICE, where there is no need, and not after the others; what lies in
 * the scratch mapping is maintained over the whole length, past its one page, and a later round of the loop would map
 * the first page again; sync_for_device calls the helper of sync_for_cpu; arm64 does nothing at all after map.
 * Source: arch/arm/xen/mm32.c, arch/arm64/include/asm/xen/page-coherent.h, drivers/xen/swiotlb-xen.c, Linux 3.17;
 * commit 340720be32d4.
 */
import {
  busToPhys,
  floorTo,
  type MachineAddr,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../address/index.ts';
import { type Design, Direction, type Kernel } from '../linux/index.ts';
import { nativeMap } from './native.ts';
import { type Steps, slotByIdentity, swiotlbXen } from './swiotlb-xen.ts';
import { noBusOffset } from './translation.ts';

/** dma_cache_maint() of mm32.c. Pages with a struct page are taken one by one, as those in highmem are. */
function maintainForCpu(kernel: Kernel, bus: MachineAddr, size: number, direction: Direction): void {
  const handle: PhysAddr = floorTo(busToPhys(bus), PAGE_SIZE);
  let page = handle;
  let offset = pageOffset(bus);
  let left = size;
  do {
    let length = left;
    if (kernel.pfnValid(pfnOf(page))) {
      length = Math.min(left, PAGE_SIZE - offset);
      kernel.syncAliasForCpu({ mapping: 'linear', phys: offsetBy(page, offset) }, length, direction);
    } else {
      if (!kernel.hasGrantMapIdentity) return;
      // `handle`, not `page`.
      kernel.syncAliasForCpu({ mapping: 'scratch', phys: offsetBy(handle, offset) }, length, direction);
    }
    offset = 0;
    page = offsetBy(page, PAGE_SIZE);
    left -= length;
  } while (left > 0);
}

const syncForCpu: Steps['syncForCpu'] = (kernel, device, dma, size, direction) => {
  if (device.coherent || kernel.architecture === 'arm64') return;
  const bus = noBusOffset.toBus(kernel, device, dma);
  // outer_inv_range(): what sync_for_cpu of FROM_DEVICE asks of an outer cache, under the wrong condition.
  if (direction === Direction.toDevice) kernel.outerSyncForCpu(busToPhys(bus), size, Direction.fromDevice);
  maintainForCpu(kernel, bus, size, direction);
};

export const linux317: Design = {
  name: 'linux-3.17',
  summary: 'maintains at the machine address, which needs an identity map that no released Xen made',
  on: 'xen',
  releases: { from: [3, 17], before: [3, 19] },
  ...swiotlbXen({
    ...noBusOffset,
    slotAt: slotByIdentity,
    mapped: (kernel, device, owned, _dma, size, direction, attributes) =>
      nativeMap(kernel, device, owned, size, direction, attributes),
    unmapping: (kernel, device, dma, size, direction, attributes) => {
      if (!attributes.skipCpuSync) syncForCpu(kernel, device, dma, size, direction);
    },
    syncForCpu,
    syncForDevice: syncForCpu,
  }),
};
