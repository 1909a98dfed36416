/**
 * What an action touches: two actions of different agents whose footprints do not conflict commute, which is all that
 * the explorer's reduction rests on. Rooms name their own cells; memory is named by granule.
 */

/** Name of a shared cell: `line:N`, `p2m:DOM:GFN`, `grant:DOM:REF`, `lock:NAME`, `table:NAME` ... */
export type Cell = string;

/** Told of every access to a shared cell. */
export interface Footprint {
  /** @param write false: the access commutes with other reads of the cell. */
  touch(cell: Cell, write: boolean): void;
}

/** For those who do not explore. */
export const NO_FOOTPRINT: Footprint = { touch: () => {} };
