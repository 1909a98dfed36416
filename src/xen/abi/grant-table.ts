/** Numbers and structures of grant tables, by Xen's own names. Source: xen/include/public/grant_table.h, 4.20. */
import { layout } from './layout.ts';

export const GNTTABOP = {
  map_grant_ref: 0,
  unmap_grant_ref: 1,
  setup_table: 2,
  dump_table: 3,
  transfer: 4,
  copy: 5,
  query_size: 6,
  unmap_and_replace: 7,
  set_version: 8,
  get_status_frames: 9,
  get_version: 10,
  swap_grant_ref: 11,
  cache_flush: 12,
} as const;

/** Low bits of the command word; above them GNTTABOP_cache_flush carries the reference to continue at. */
export const GNTTABOP_CONTINUATION_ARG_UNIT = 2 ** 12;

export const GNTST = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  bad_virt_addr: -5,
  bad_dev_addr: -6,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
  bad_copy_arg: -10,
  address_too_big: -11,
  eagain: -12,
  no_space: -13,
} as const;

/** Flags of a grant entry. `type_mask` is the modulus of the type: type = flags % (type_mask + 1). */
export const GTF = {
  invalid: 0,
  permit_access: 1,
  accept_transfer: 2,
  transitive: 3,
  type_mask: 3,
  readonly: 2 ** 2,
  reading: 2 ** 3,
  writing: 2 ** 4,
  sub_page: 2 ** 8,
} as const;

export const GNTMAP = {
  device_map: 1,
  host_map: 2,
  readonly: 4,
  application_map: 8,
  contains_pte: 16,
} as const;

export const GNTCOPY = { source_gref: 1, dest_gref: 2 } as const;

export const GNTTAB_CACHE = { CLEAN: 1, INVAL: 2, SOURCE_GREF: 2 ** 31 } as const;

/** The first entries of every table are the toolstack's: 0 console, 1 xenstore. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8;

/** Entry of a version 1 table: 512 a page. */
export const grant_entry_v1 = layout(8, { flags: ['u16', 0], domid: ['u16', 2], frame: ['u32', 4] });

export const gnttab_map_grant_ref = layout(32, {
  host_addr: ['u64', 0],
  flags: ['u32', 8],
  ref: ['u32', 12],
  dom: ['u16', 16],
  status: ['s16', 18],
  handle: ['u32', 20],
  dev_bus_addr: ['u64', 24],
});

export const gnttab_unmap_grant_ref = layout(24, {
  host_addr: ['u64', 0],
  dev_bus_addr: ['u64', 8],
  handle: ['u32', 16],
  status: ['s16', 20],
});

export const gnttab_unmap_and_replace = layout(24, {
  host_addr: ['u64', 0],
  new_addr: ['u64', 8],
  handle: ['u32', 16],
  status: ['s16', 20],
});

export const gnttab_setup_table = layout(24, {
  dom: ['u16', 0],
  nr_frames: ['u32', 4],
  status: ['s16', 8],
  frame_list: ['u64', 16],
});

export const gnttab_transfer = layout(24, {
  mfn: ['u64', 0],
  domid: ['u16', 8],
  ref: ['u32', 12],
  status: ['s16', 16],
});

/** `u` is a frame number or, in its low half, a grant reference: which of them the flags say. */
export const gnttab_copy = layout(40, {
  'source.u.gmfn': ['u64', 0],
  'source.u.ref': ['u32', 0],
  'source.domid': ['u16', 8],
  'source.offset': ['u16', 10],
  'dest.u.gmfn': ['u64', 16],
  'dest.u.ref': ['u32', 16],
  'dest.domid': ['u16', 24],
  'dest.offset': ['u16', 26],
  len: ['u16', 32],
  flags: ['u16', 34],
  status: ['s16', 36],
});

export const gnttab_query_size = layout(16, {
  dom: ['u16', 0],
  nr_frames: ['u32', 4],
  max_nr_frames: ['u32', 8],
  status: ['s16', 12],
});

export const gnttab_set_version = layout(4, { version: ['u32', 0] });

export const gnttab_get_status_frames = layout(16, {
  nr_frames: ['u32', 0],
  dom: ['u16', 4],
  status: ['s16', 6],
  frame_list: ['u64', 8],
});

export const gnttab_get_version = layout(8, { dom: ['u16', 0], version: ['u32', 4] });

export const gnttab_swap_grant_ref = layout(12, { ref_a: ['u32', 0], ref_b: ['u32', 4], status: ['s16', 8] });

export const gnttab_cache_flush = layout(16, {
  dev_bus_addr: ['u64', 0],
  offset: ['u16', 8],
  length: ['u16', 10],
  op: ['u32', 12],
});
