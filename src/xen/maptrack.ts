/** Handles of grant mappings: get_maptrack_handle() and put_maptrack_handle() (xen/common/grant_table.c, 4.20). */
import { PAGE_SIZE } from '../address/index.ts';
import type { GrantTable } from './state.ts';

const HANDLES_PER_FRAME = PAGE_SIZE / 16;

/**
 * Take a handle. One is always kept back (the tail of the free list), and handles are reused in the order in which they
 * were given back; a frame of new ones goes before the old ones. undefined: the table is full.
 */
export function takeHandle(table: GrantTable): number | undefined {
  if (table.freeHandles.length >= 2) return table.freeHandles.shift();
  if (table.handles / HANDLES_PER_FRAME >= table.maxMaptrackFrames) return undefined;
  const first = table.handles;
  table.handles += HANDLES_PER_FRAME;
  const fresh = Array.from({ length: HANDLES_PER_FRAME - 1 }, (_, i) => first + 1 + i);
  table.freeHandles = [...fresh, ...table.freeHandles];
  return first;
}

export function giveHandleBack(table: GrantTable, handle: number): void {
  table.mappings.delete(handle);
  table.freeHandles.push(handle);
}
