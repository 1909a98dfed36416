/**
 * What Catalin Marinas asked for in the thread: keep the virtual address that was mapped at map, and maintain by it at unmap. It
 * needs an entry for every page of every live mapping of a foreign buffer (coherent devices need none, and local pages
 * have their alias at P == M). Keyed by page, so that a sync of a part finds its alias.
 *
 * All that unmap knows is the DMA address. Where one frame is mapped through two pages it cannot tell whose entry is whose,
 * and takes the older one. Any alias reaches the line under PIPT, as long as it is still mapped: the grant behind the older
 * entry may be gone before the younger mapping's DMA is over. By VA an outer cache is not reached at all.
 */
import {
  busToPhys,
  type DmaAddr,
  floorTo,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
} from '../address/index.ts';
import type { Alias, Design, Device, Kernel } from '../linux/index.ts';
import { isForeign } from './local-or-foreign.ts';
import { eachKnownPage, eachPage } from './pages.ts';
import { needsNone, slotByIdentity, swiotlbXen } from './swiotlb-xen.ts';
import { busOffset } from './translation.ts';

const TABLE_LOCK = 'alias_of_mapping';

const pageOf = (dma: DmaAddr): DmaAddr => floorTo(dma, PAGE_SIZE);
const inPage = ({ mapping, phys }: Alias, dma: DmaAddr): Alias => ({
  mapping,
  phys: offsetBy(phys, pageOffset(dma)),
});

function remember(kernel: Kernel, dma: DmaAddr, phys: PhysAddr, size: number): void {
  eachPage(dma, size, (at) => {
    const alias: Alias = { mapping: 'linear', phys: offsetBy(phys, pageOf(at) - dma) };
    kernel.lock(TABLE_LOCK);
    kernel.tables.aliasOfMapping.insert(pageOf(at), alias);
    kernel.unlock(TABLE_LOCK);
  });
}

/** The oldest alias of the page, in the page's first byte; undefined for a local page. */
function find(kernel: Kernel, dma: DmaAddr, forget: boolean): Alias | undefined {
  kernel.lock(TABLE_LOCK);
  const [alias] = kernel.tables.aliasOfMapping.find(pageOf(dma));
  if (forget && alias) kernel.tables.aliasOfMapping.remove(pageOf(dma), alias);
  kernel.unlock(TABLE_LOCK);
  return alias;
}

type Maintain = (alias: Alias, length: number) => void;

/** Maintain each page of the range by its alias. @returns false for a local range, which has none. */
function byAlias(kernel: Kernel, dma: DmaAddr, size: number, forget: boolean, maintain: Maintain): boolean {
  return eachKnownPage(dma, size, (at, length) => {
    const alias = find(kernel, at, forget);
    if (alias) maintain(inPage(alias, at), length);
    return alias !== undefined;
  });
}

const physOf = (kernel: Kernel, device: Device, dma: DmaAddr): PhysAddr =>
  busToPhys(busOffset.toBus(kernel, device, dma));

export const vaTable: Design = {
  name: 'va-table',
  summary: 'the alias of each foreign mapping is kept from map to unmap, and maintained by VA',
  on: 'xen',
  ...swiotlbXen({
    ...busOffset,
    slotAt: slotByIdentity,
    mapped: (kernel, device, owned, dma, size, direction, attributes) => {
      if (device.coherent) return;
      const isLocal = !isForeign(owned, busOffset.toBus(kernel, device, dma));
      if (!needsNone(device, attributes)) {
        if (isLocal) kernel.archSyncForDevice(owned, size, direction);
        else kernel.syncAliasForDevice({ mapping: 'linear', phys: owned }, size, direction);
      }
      if (!isLocal) remember(kernel, dma, owned, size);
    },
    unmapping: (kernel, device, dma, size, direction, attributes) => {
      if (device.coherent) return;
      const { skipCpuSync } = attributes;
      const maintain: Maintain = (alias, length) => {
        if (!skipCpuSync) kernel.syncAliasForCpu(alias, length, direction);
      };
      if (!byAlias(kernel, dma, size, true, maintain) && !skipCpuSync)
        kernel.archSyncForCpu(physOf(kernel, device, dma), size, direction);
    },
    syncForCpu: (kernel, device, dma, size, direction) => {
      if (device.coherent) return;
      const maintain: Maintain = (alias, length) => kernel.syncAliasForCpu(alias, length, direction);
      if (!byAlias(kernel, dma, size, false, maintain))
        kernel.archSyncForCpu(physOf(kernel, device, dma), size, direction);
    },
    syncForDevice: (kernel, device, dma, size, direction) => {
      if (device.coherent) return;
      const maintain: Maintain = (alias, length) => kernel.syncAliasForDevice(alias, length, direction);
      if (!byAlias(kernel, dma, size, false, maintain))
        kernel.archSyncForDevice(physOf(kernel, device, dma), size, direction);
    },
  }),
};
