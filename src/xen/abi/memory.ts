/** memory_op: numbers and structures, by Xen's own names. Source: xen/include/public/memory.h, 4.20. */
import { layout } from './layout.ts';

export const XENMEM = {
  increase_reservation: 0,
  decrease_reservation: 1,
  populate_physmap: 6,
  add_to_physmap: 7,
  remove_from_physmap: 15,
} as const;

/** Bits of the command word below the extent to continue at (MEMOP_EXTENT_SHIFT). */
export const MEMOP_EXTENT_UNIT = 2 ** 6;

export const XENMAPSPACE = { shared_info: 0, grant_table: 1 } as const;

export const xen_memory_reservation = layout(32, {
  extent_start: ['u64', 0],
  nr_extents: ['u64', 8],
  extent_order: ['u32', 16],
  mem_flags: ['u32', 20],
  domid: ['u16', 24],
});

export const xen_add_to_physmap = layout(24, {
  domid: ['u16', 0],
  size: ['u16', 2],
  space: ['u32', 4],
  idx: ['u64', 8],
  gpfn: ['u64', 16],
});

export const xen_remove_from_physmap = layout(16, { domid: ['u16', 0], gpfn: ['u64', 8] });

/** A frame number in guest memory (xen_pfn_t). */
export const xen_pfn = layout(8, { pfn: ['u64', 0] });
