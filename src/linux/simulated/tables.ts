/** Search structures and locks that designs keep in the kernel. */
import type { DmaAddr, Mfn, Pfn } from '../../address/index.ts';
import type { Alias, Table, Tables } from '../kernel.ts';
import type { World } from './world.ts';

/** A table whose accesses are scheduling points; under one key they exclude each other, otherwise they commute. */
class SharedTable<Key extends number, Value> implements Table<Key, Value> {
  readonly #world: World;
  readonly #name: string;
  readonly #same: (a: Value, b: Value) => boolean;
  readonly #values = new Map<Key, readonly Value[]>();

  constructor(world: World, name: string, same: (a: Value, b: Value) => boolean) {
    this.#world = world;
    this.#name = name;
    this.#same = same;
  }

  find(key: Key): readonly Value[] {
    return this.#access('look up', key, false, (values) => values);
  }

  insert(key: Key, value: Value): void {
    this.#access('insert into', key, true, (values) => {
      this.#values.set(key, [...values, value]);
    });
  }

  remove(key: Key, value: Value): void {
    this.#access('remove from', key, true, (values) => {
      const index = values.findIndex((one) => this.#same(one, value));
      if (index >= 0) this.#values.set(key, values.toSpliced(index, 1));
    });
  }

  #access<Answer>(
    verb: string,
    key: Key,
    write: boolean,
    action: (values: readonly Value[]) => Answer,
  ): Answer {
    const { scheduler, footprint, platform } = this.#world;
    return scheduler.atomic(`${verb} ${this.#name}`, () => {
      footprint.touch(`table:${platform.name}:${this.#name}:${key}`, write);
      return action(this.#values.get(key) ?? []);
    });
  }
}

/** The tables of one kernel, all empty. */
export function makeTables(world: World): Tables {
  const equal = (a: Pfn, b: Pfn) => a === b;
  return {
    machineToPhys: new SharedTable<Mfn, Pfn>(world, 'mach_to_phys', equal),
    aliasOfMapping: new SharedTable<DmaAddr, Alias>(
      world,
      'alias of mapping',
      (a, b) => a.mapping === b.mapping && a.phys === b.phys,
    ),
    pagesOfFrame: new SharedTable<Mfn, Pfn>(world, 'pages of frame', equal),
  };
}

/** Kernel locks by name. */
export class Locks {
  readonly #world: World;
  readonly #held = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Waits until nobody holds it. */
  lock(name: string): void {
    this.#world.scheduler.atomic(
      `lock ${name}`,
      () => {
        this.#touch(name);
        this.#held.add(name);
      },
      () => !this.#held.has(name),
    );
  }

  /** @throws Error if nobody holds it. */
  unlock(name: string): void {
    this.#world.scheduler.atomic(`unlock ${name}`, () => {
      this.#touch(name);
      if (!this.#held.delete(name)) throw new Error(`${name} is not locked`);
    });
  }

  #touch(name: string): void {
    this.#world.footprint.touch(`lock:${this.#world.platform.name}:${name}`, true);
  }
}
