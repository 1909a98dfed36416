/** Which machine frame is behind a foreign page: the tree, under its lock. Source: arch/arm/xen/p2m.c, Linux 6.12 and 7.3. */
import { type Mfn, type Pfn, physAddrOf } from '../../address/index.ts';
import { findFrom, type P2mNode, P2mTree } from './p2m-tree.ts';
import type { Quirk } from './quirks.ts';
import type { World } from './world.ts';

export class ForeignP2m {
  readonly #world: World;
  readonly #rootOutsideLock: boolean;
  readonly #tree = new P2mTree();

  constructor(world: World, quirks: ReadonlySet<Quirk>) {
    this.#world = world;
    this.#rootOutsideLock = quirks.has('p2m-root-read-outside-lock');
  }

  /** __pfn_to_mfn(). undefined: not a foreign page. */
  find(pfn: Pfn): Mfn | undefined {
    const what = 'look up the p2m tree';
    return this.#fromRoot(what, false, (root) => this.#walk(root, pfn, what)?.frame);
  }

  /** set_phys_to_machine(). False: there is an entry already, or no memory for one. */
  insert(pfn: Pfn, frame: Mfn): boolean {
    return this.#world.scheduler.atomic('add to the p2m tree', () => {
      this.#touch(true);
      const { p2mEntries } = this.#world.platform;
      if (p2mEntries !== undefined && this.#tree.size >= p2mEntries) return false;
      return this.#tree.insert(pfn, frame);
    });
  }

  /** set_phys_to_machine(pfn, INVALID_P2M_ENTRY). Nothing if there is none. */
  remove(pfn: Pfn): void {
    const what = 'remove from the p2m tree';
    this.#fromRoot(what, true, (root) => {
      const node = this.#walk(root, pfn, what);
      if (node !== undefined) this.#tree.remove(node);
    });
  }

  /** Under the lock from the root on; with the bug the root is read first, and the lock taken then. */
  #fromRoot<Answer>(what: string, write: boolean, action: (root: P2mNode | undefined) => Answer): Answer {
    const { scheduler } = this.#world;
    const readRoot = () => {
      this.#touch(false);
      return this.#tree.root;
    };
    if (!this.#rootOutsideLock)
      return scheduler.atomic(what, () => {
        this.#touch(write);
        return action(this.#tree.root);
      });
    const root = scheduler.atomic('read the root of the p2m tree', readRoot);
    return scheduler.atomic(what, () => {
      this.#touch(write);
      return action(root);
    });
  }

  #walk(root: P2mNode | undefined, pfn: Pfn, what: string): P2mNode | undefined {
    const { node, usedFreed } = findFrom(root, pfn);
    if (usedFreed)
      this.#world.fault({ rule: 'fault', what: `${what} (use after free)`, at: physAddrOf(pfn), size: 1 });
    return node;
  }

  #touch(write: boolean): void {
    this.#world.footprint.touch(`table:${this.#world.platform.name}:phys_to_mach`, write);
  }
}
