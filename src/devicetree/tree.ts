/** The tree that readFdt returns: nodes, and the ways to find one. */
import type { DeviceTreeWarning } from './error.ts';
import type { FdtHeader } from './header.ts';
import type { MemoryRange } from './memory-range.ts';
import type { DeviceNode } from './node.ts';
import { latin1, StringsBlock } from './strings-block.ts';
import { duplicateWarnings } from './warnings.ts';

/** A flattened device tree that was read without error. Holds on to the file's bytes. */
export class DeviceTree {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: FdtHeader;
  readonly strings: StringsBlock;
  /** The memory reservation block (/memreserve/). */
  readonly reservations: readonly MemoryRange[];
  /** All nodes in the order of the file; the first is the root. */
  readonly nodes: readonly DeviceNode[];
  private readonly structureWarnings: readonly DeviceTreeWarning[];
  private allWarnings: readonly DeviceTreeWarning[] | undefined;
  private phandles: Map<number, DeviceNode> | undefined;

  constructor(parts: {
    bytes: Uint8Array;
    view: DataView;
    header: FdtHeader;
    reservations: readonly MemoryRange[];
    nodes: readonly DeviceNode[];
    warnings: readonly DeviceTreeWarning[];
  }) {
    this.bytes = parts.bytes;
    this.view = parts.view;
    this.header = parts.header;
    this.reservations = parts.reservations;
    this.nodes = parts.nodes;
    this.structureWarnings = parts.warnings;
    const { stringsOffset, stringsSize } = parts.header;
    this.strings = new StringsBlock(
      parts.bytes.subarray(stringsOffset, stringsOffset + stringsSize),
      stringsOffset,
    );
  }

  get root(): DeviceNode {
    const root = this.nodes[0];
    if (root === undefined) throw new Error('a DeviceTree always has a root: readFdt refuses a file without');
    return root;
  }

  /** What is wrong with the file but did not prevent reading it. */
  get warnings(): readonly DeviceTreeWarning[] {
    this.allWarnings ??= [...this.structureWarnings, ...duplicateWarnings(this)];
    return this.allWarnings;
  }

  /** The node that a phandle names; of several the first, as in Linux. 0 and 0xffffffff name none. */
  byPhandle(phandle: number): DeviceNode | undefined {
    if (this.phandles === undefined) {
      this.phandles = new Map();
      for (const node of this.nodes)
        if (node.phandle !== 0 && node.phandle !== 0xffffffff && !this.phandles.has(node.phandle))
          this.phandles.set(node.phandle, node);
    }
    return this.phandles.get(phandle);
  }

  /**
   * The node at a path "/soc/mmc@fe300000" (names in full), or at one that starts with an alias, "mmc0/...".
   * What follows a ":" is an option of stdout-path and ignored.
   */
  find(path: string): DeviceNode | undefined {
    const [plain = ''] = path.split(':', 1);
    if (plain.startsWith('/')) return walk(this.root, plain);
    const slash = plain.indexOf('/');
    const alias = slash < 0 ? plain : plain.slice(0, slash);
    const target = this.aliases.get(alias);
    if (target === undefined || !target.startsWith('/')) return undefined;
    const start = walk(this.root, target);
    return start === undefined || slash < 0 ? start : walk(start, plain.slice(slash));
  }

  /** /aliases: name to path. */
  get aliases(): ReadonlyMap<string, string> {
    return this.pathsIn('aliases');
  }

  /** /__symbols__ (dtc -@): label to path. */
  get symbols(): ReadonlyMap<string, string> {
    return this.pathsIn('__symbols__');
  }

  /** Characters of the file's bytes [from, to). */
  text(from: number, to: number): string {
    return latin1(this.bytes.subarray(from, to));
  }

  private readonly tables = new Map<string, ReadonlyMap<string, string>>();

  private pathsIn(child: string): ReadonlyMap<string, string> {
    let table = this.tables.get(child);
    if (table === undefined) {
      const entries: [string, string][] = [];
      for (const [name, value] of this.root.child(child)?.properties ?? []) {
        const end = value.indexOf(0);
        // Without its NUL it is no string: the `name` and `phandle` that old trees put here among them.
        if (end > 0 && value[0] === SLASH) entries.push([name, latin1(value.subarray(0, end))]);
      }
      table = new Map(entries);
      this.tables.set(child, table);
    }
    return table;
  }
}

const SLASH = 0x2f;

function walk(from: DeviceNode, path: string): DeviceNode | undefined {
  let node: DeviceNode | undefined = from;
  for (const name of path.split('/')) {
    if (name === '') continue;
    node = node.child(name);
    if (node === undefined) return undefined;
  }
  return node;
}
