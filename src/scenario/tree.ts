/**
 * A YAML document as scalars, lists and maps with their places in the text.
 *
 * Scalars are their source text: YAML would read the version 4.20 as the number 4.2. What a text stands for is
 * decided by the field it is given to. Trees are never changed: a sweep makes new ones that share what it leaves alone.
 */

interface Place {
  /** Characters from the beginning of the file, half open. */
  readonly from: number;
  readonly to: number;
}
export interface TreeScalar extends Place {
  readonly kind: 'scalar';
  readonly text: string;
}
export interface TreeList extends Place {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
}
export interface TreeEntry {
  readonly key: TreeScalar;
  readonly value: TreeNode;
}
export interface TreeMap extends Place {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, TreeEntry>;
}
export type TreeNode = TreeScalar | TreeList | TreeMap;

/** Keys and list indices from the root. */
export type Path = readonly PropertyKey[];

/** As strings, arrays and objects. */
export function plain(node: TreeNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.text;
    case 'list':
      return node.items.map(plain);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
  }
}

/** What stands below a map's key or at a list's index; undefined where there is nothing. */
export function child(node: TreeNode, step: PropertyKey): TreeNode | undefined {
  if (node.kind === 'map') return node.entries.get(String(step))?.value;
  return node.kind === 'list' ? node.items[Number(step)] : undefined;
}

/** What stands at a path, or as near to it as there is anything. */
export function nearest(root: TreeNode, path: Path): { readonly node: TreeNode; readonly exact: boolean } {
  let node = root;
  for (const step of path) {
    const next = child(node, step);
    if (next === undefined) return { node, exact: false };
    node = next;
  }
  return { node, exact: true };
}

/** The key at a path in a map, as it stands there; undefined for what is no key. */
export function keyAt(root: TreeNode, path: Path): TreeScalar | undefined {
  const { node, exact } = nearest(root, path.slice(0, -1));
  return exact && node.kind === 'map' ? node.entries.get(String(path.at(-1)))?.key : undefined;
}

/** Scalars, lists and maps in it. */
export function size(node: TreeNode): number {
  switch (node.kind) {
    case 'scalar':
      return 1;
    case 'list':
      return node.items.reduce((sum, item) => sum + size(item), 1);
    case 'map':
      return [...node.entries.values()].reduce((sum, { value }) => sum + size(value), 1);
  }
}
