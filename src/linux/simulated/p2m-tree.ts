/**
 * phys_to_mach of arch/arm/xen/p2m.c: a red-black tree (here an AA tree, its simplest form) from a foreign page's frame to
 * the machine frame behind it.
 *
 * A real tree and not a map, because one of its bugs is that a look-up began at a root which was no longer the root: what an
 * insertion had rotated above it was not found.
 */
import type { Mfn, Pfn } from '../../address/index.ts';

/** One foreign page. Look-ups that began before a change keep hold of the node they were at. */
export interface P2mNode {
  readonly pfn: Pfn;
  readonly frame: Mfn;
  left: P2mNode | undefined;
  right: P2mNode | undefined;
  level: number;
  /** Taken out of the tree and freed. */
  freed: boolean;
}

export class P2mTree {
  #root: P2mNode | undefined;
  #size = 0;

  get root(): P2mNode | undefined {
    return this.#root;
  }
  /** Entries. */
  get size(): number {
    return this.#size;
  }

  /** False, and nothing done, if the page has an entry already. */
  insert(pfn: Pfn, frame: Mfn): boolean {
    if (findFrom(this.#root, pfn).node !== undefined) return false;
    this.#root = inserted(this.#root, {
      pfn,
      frame,
      left: undefined,
      right: undefined,
      level: 1,
      freed: false,
    });
    this.#size++;
    return true;
  }

  /** Take out the node (which must be in the tree) and free it. */
  remove(node: P2mNode): void {
    this.#root = removed(this.#root, node.pfn);
    node.freed = true;
    this.#size--;
  }
}

/** What a walk came to: the node of that page, or one that was freed on the way (use after free). */
export interface Walk {
  readonly node: P2mNode | undefined;
  readonly usedFreed: boolean;
}

/** Look a page up beginning at a node, which should be the root. */
export function findFrom(start: P2mNode | undefined, pfn: Pfn): Walk {
  let node = start;
  while (node !== undefined) {
    if (node.freed) return { node: undefined, usedFreed: true };
    if (node.pfn === pfn) break;
    node = pfn < node.pfn ? node.left : node.right;
  }
  return { node, usedFreed: false };
}

function inserted(tree: P2mNode | undefined, node: P2mNode): P2mNode {
  if (tree === undefined) return node;
  if (node.pfn < tree.pfn) tree.left = inserted(tree.left, node);
  else tree.right = inserted(tree.right, node);
  return split(skew(tree));
}

function removed(tree: P2mNode | undefined, pfn: Pfn): P2mNode | undefined {
  if (tree === undefined) return undefined;
  let top = tree;
  if (pfn < tree.pfn) tree.left = removed(tree.left, pfn);
  else if (pfn > tree.pfn) tree.right = removed(tree.right, pfn);
  else if (tree.right === undefined) return tree.left;
  else {
    // The next page's node takes the place of this one.
    top = leftmost(tree.right);
    top.right = removed(tree.right, top.pfn);
    top.left = tree.left;
    top.level = tree.level;
  }
  return rebalanced(top);
}

function leftmost(tree: P2mNode): P2mNode {
  let node = tree;
  while (node.left !== undefined) node = node.left;
  return node;
}

function levelOf(tree: P2mNode | undefined): number {
  return tree?.level ?? 0;
}

/** Turn a horizontal link to the left into one to the right. */
function skew(tree: P2mNode): P2mNode {
  const { left } = tree;
  if (left === undefined || left.level !== tree.level) return tree;
  tree.left = left.right;
  left.right = tree;
  return left;
}

/** Of two horizontal links in a row the middle node becomes the top. */
function split(tree: P2mNode): P2mNode {
  const { right } = tree;
  if (right === undefined || levelOf(right.right) !== tree.level) return tree;
  tree.right = right.left;
  right.left = tree;
  right.level++;
  return right;
}

/** After a removal below: lower the level if needed, then restore the links on the right spine. */
function rebalanced(tree: P2mNode): P2mNode {
  const level = Math.min(levelOf(tree.left), levelOf(tree.right)) + 1;
  if (level < tree.level) {
    tree.level = level;
    if (tree.right !== undefined && tree.right.level > level) tree.right.level = level;
  }
  let top = skew(tree);
  if (top.right !== undefined) {
    top.right = skew(top.right);
    if (top.right.right !== undefined) top.right.right = skew(top.right.right);
  }
  top = split(top);
  if (top.right !== undefined) top.right = split(top.right);
  return top;
}
