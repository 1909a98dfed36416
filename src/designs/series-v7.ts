/**
 * The series that the thread discusses ("[PATCH v7 3/8] arm64: introduce is_device_dma_coherent", 7 November 2014), before it was
 * reworked into what 3.19 has. Map still maintains natively by P, local and foreign pages alike; afterwards one
 * dma_cache_maint() goes through the range page by page: the hypercall where M has no struct page, otherwise maintenance by VA
 * in dom0, a copy of what the host's operations do. sync_for_device calls the helper of sync_for_cpu (repaired in v9).
 * Source: arch/arm/xen/mm.c as patch 8/8 leaves it, drivers/xen/swiotlb-xen.c.
 */
import { busToPhys, pfnOf } from '../address/index.ts';
import { CacheFlushOp, type Design, Direction } from '../linux/index.ts';
import { flushFrame } from './cache-maint.ts';
import { bouncesWithoutHypercall } from './local-or-foreign.ts';
import { nativeMap } from './native.ts';
import { eachPage } from './pages.ts';
import { type Steps, slotByIdentity, swiotlbXen } from './swiotlb-xen.ts';
import { noBusOffset } from './translation.ts';

const syncForCpu: Steps['syncForCpu'] = (kernel, device, dma, size, direction) => {
  if (device.coherent) return;
  eachPage(noBusOffset.toBus(kernel, device, dma), size, (at, length) => {
    const phys = busToPhys(at);
    if (kernel.pfnValid(pfnOf(phys))) kernel.syncAliasForCpu({ mapping: 'linear', phys }, length, direction);
    else if (direction !== Direction.toDevice)
      flushFrame(kernel, at, length, CacheFlushOp.invalidate, kernel.longBits);
  });
};

export const seriesV7: Design = {
  name: 'series-v7',
  summary: 'the thread\u2019s series: native at map, afterwards by hypercall where there is no struct page',
  on: 'xen',
  ...swiotlbXen({
    ...noBusOffset,
    bounces: bouncesWithoutHypercall,
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
