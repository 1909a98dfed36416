/**
 * 6.12 up to map_phys: the maintenance of 5.9, unchanged. FROM_DEVICE at map is a clean on local pages (arm64
 * since 5.19, a matter of the platform) and still an invalidate on foreign ones.
 * Source: arch/arm/xen/mm.c, drivers/xen/swiotlb-xen.c (Linux 6.12.107).
 */
import type { Design } from '../linux/index.ts';
import { since59 } from './linux-5.9.ts';
import { localOrForeign } from './local-or-foreign.ts';

export const linux612: Design = {
  name: 'linux-6.12',
  summary: 'the maintenance of 5.9, with map_page',
  on: 'xen',
  releases: { from: [6, 12], before: [6, 18] },
  ...localOrForeign({ ...since59, registers: 'refused' }),
};
