/** The head of a shared ring page. Source: xen/include/public/io/ring.h, 4.20. */
import { layout } from '../../xen/index.ts';

/** struct foo_sring: the four indices, then padding up to the first entry. */
export const sring = layout(64, {
  req_prod: ['u32', 0],
  req_event: ['u32', 4],
  rsp_prod: ['u32', 8],
  rsp_event: ['u32', 12],
});

export type RingIndexName = keyof (typeof sring)['fields'];
