/** Tables that designs keep, as they are while a trace goes by, with what each access costs. */
import type { DmaAddr, Mfn, Pfn } from '../address/index.ts';
import type { Alias, Table, Tables } from '../linux/index.ts';

/** What the search structures of a design cost over a trace. */
export interface TableCost {
  indexInserts: number;
  indexRemoves: number;
  indexLookups: number;
  /** Most entries at any one time, over all tables of the design. */
  indexPeak: number;
}

/** The tables of one design. Every access is added to `cost`. */
export function countedTables(cost: TableCost): Tables {
  const size = { now: 0 };
  return {
    machineToPhys: new CountedTable<Mfn, Pfn>(cost, size),
    aliasOfMapping: new CountedTable<DmaAddr, Alias>(cost, size, isSameAlias),
    pagesOfFrame: new CountedTable<Mfn, Pfn>(cost, size),
  };
}

function isSameAlias(a: Alias, b: Alias): boolean {
  return a.mapping === b.mapping && a.phys === b.phys;
}

/** Values kept under one key; more are there only where removals are missing from the trace. Memory stays bounded. */
const MOST_VALUES = 1024;

const NO_VALUES: readonly never[] = [];

class CountedTable<Key extends number, Value> implements Table<Key, Value> {
  readonly #values = new Map<Key, Value[]>();
  readonly #cost: TableCost;
  /** Entries of all tables that share a cost. */
  readonly #size: { now: number };
  readonly #isSame: (a: Value, b: Value) => boolean;

  constructor(
    cost: TableCost,
    size: { now: number },
    isSame: (a: Value, b: Value) => boolean = (a, b) => a === b,
  ) {
    this.#cost = cost;
    this.#size = size;
    this.#isSame = isSame;
  }

  find(key: Key): readonly Value[] {
    this.#cost.indexLookups++;
    return this.#values.get(key) ?? NO_VALUES;
  }

  insert(key: Key, value: Value): void {
    this.#cost.indexInserts++;
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [value]);
    else if (values.push(value) > MOST_VALUES) {
      values.shift();
      this.#size.now--;
    }
    this.#size.now++;
    this.#cost.indexPeak = Math.max(this.#cost.indexPeak, this.#size.now);
  }

  remove(key: Key, value: Value): void {
    this.#cost.indexRemoves++;
    const values = this.#values.get(key);
    const at = values?.findIndex((other) => this.#isSame(other, value)) ?? -1;
    if (values === undefined || at < 0) return;
    values.splice(at, 1);
    if (values.length === 0) this.#values.delete(key);
    this.#size.now--;
  }
}
