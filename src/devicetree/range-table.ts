/**
 * Look-up in a list of ranges that may overlap, where the first that holds an address wins.
 *
 * Linux goes through the list every time. Here it is sorted once into pieces that each belong to one entry, so
 * that a damaged file with endless lists, nested many buses deep, cannot keep us busy for ever.
 */

/** [start, end), 64-bit numbers. Empty if start >= end. */
export interface TableEntry {
  readonly start: bigint;
  readonly end: bigint;
}

/** The table of one list. */
export class RangeTable<Entry extends TableEntry> {
  /** Borders of the pieces, ascending; piece i is [borders[i], borders[i + 1]). */
  private readonly borders: readonly bigint[];
  /** The entry that each piece belongs to; undefined between entries. */
  private readonly owners: readonly (Entry | undefined)[];

  constructor(entries: readonly Entry[]) {
    const some = entries.filter(({ start, end }) => start < end);
    const borders = [...new Set(some.flatMap(({ start, end }) => [start, end]))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    const owners = new Array<Entry | undefined>(borders.length).fill(undefined);
    /** From a piece to the next one at or after it that nobody owns yet; paths are shortened as they are used. */
    const free = borders.map((_, i) => i);
    const nextFree = (from: number): number => {
      let at = from;
      while (at < borders.length && free[at] !== at) {
        const next = free[at] ?? borders.length;
        free[at] = free[next] ?? borders.length;
        at = next;
      }
      return at;
    };
    for (const entry of some) {
      const end = lastAtMost(borders, entry.end);
      for (let at = nextFree(lastAtMost(borders, entry.start)); at < end; at = nextFree(at)) {
        owners[at] = entry;
        free[at] = at + 1;
      }
    }
    this.borders = borders;
    this.owners = owners;
  }

  /** The first entry of the list that holds the address, or undefined. */
  find(address: bigint): Entry | undefined {
    return this.owners[lastAtMost(this.borders, address)];
  }
}

/** Index of the last border that is not above the value; -1 if all are. */
function lastAtMost(borders: readonly bigint[], value: bigint): number {
  let low = 0;
  let high = borders.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((borders[middle] ?? 0n) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
