/**
 * The tree that readFdt returns, and its nodes.
 *
 * Nodes keep offsets into the file; names, paths and properties are made when asked for, because most of a blob
 * is never looked at.
 */
import { CompatibleIndex } from './compatible-index.ts';
import type { DeviceTreeWarning } from './error.ts';
import type { FdtHeader } from './header.ts';
import { PROP_HEADER, padded } from './layout.ts';
import type { MemoryRange } from './memory-range.ts';
import { bitOf } from './noted-names.ts';
import { latin1, StringsBlock } from './strings-block.ts';
import type { WordTable } from './words.ts';

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
  private readonly findOddities: (tree: DeviceTree) => DeviceTreeWarning[];
  private allWarnings: readonly DeviceTreeWarning[] | undefined;
  private phandles: Map<number, DeviceNode> | undefined;
  private compatibles: CompatibleIndex<DeviceNode> | undefined;
  private readonly pathTables = new Map<string, ReadonlyMap<string, string>>();

  constructor(parts: {
    bytes: Uint8Array;
    view: DataView;
    header: FdtHeader;
    reservations: readonly MemoryRange[];
    nodes: readonly DeviceNode[];
    warnings: readonly DeviceTreeWarning[];
    /** What else to warn of; asked for when somebody wants the warnings. */
    findOddities: (tree: DeviceTree) => DeviceTreeWarning[];
  }) {
    this.bytes = parts.bytes;
    this.view = parts.view;
    this.header = parts.header;
    this.reservations = parts.reservations;
    this.nodes = parts.nodes;
    this.structureWarnings = parts.warnings;
    this.findOddities = parts.findOddities;
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
    this.allWarnings ??= [...this.structureWarnings, ...this.findOddities(this)];
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

  /** The nodes whose `compatible` has exactly this string, enabled or not, in the order of the file. */
  byCompatible(text: string): readonly DeviceNode[] {
    this.compatibles ??= new CompatibleIndex(this.nodes, this.view, this.bytes);
    return this.compatibles.find(text);
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

  private pathsIn(child: string): ReadonlyMap<string, string> {
    let table = this.pathTables.get(child);
    if (table === undefined) {
      const entries: [string, string][] = [];
      for (const [name, value] of this.root.child(child)?.properties ?? []) {
        const end = value.indexOf(0);
        // Other properties (`phandle`, `name` in old trees) can stand here too: no terminated string, or no path.
        if (end > 0 && value[0] === SLASH) entries.push([name, latin1(value.subarray(0, end))]);
      }
      table = new Map(entries);
      this.pathTables.set(child, table);
    }
    return table;
  }
}

const SLASH = 0x2f;
const AT = 0x40;

function walk(from: DeviceNode, path: string): DeviceNode | undefined {
  let node: DeviceNode | undefined = from;
  for (const name of path.split('/')) {
    if (name === '') continue;
    node = node.child(name);
    if (node === undefined) return undefined;
  }
  return node;
}

/** Most nodes have none. */
const NO_CHILDREN: readonly DeviceNode[] = [];

/** What is made of a node when somebody asks; of most nodes nobody does. */
interface Made {
  name?: string;
  path?: string;
  properties?: Map<string, Uint8Array>;
  children?: Map<string, DeviceNode>;
  /** Of children. */
  lookUps?: number;
}

/** Scanning this many properties is quicker than a table of them; more would make look-ups quadratic. */
const SCAN_LIMIT = 32;
/** Of so many look-ups among many children a table is not worth its while. */
const FEW = 8;
const FDT_PROP = 3;

/** Where a node lies in the file; byte offsets. */
export interface NodePlace {
  /** Its FDT_BEGIN_NODE token. */
  readonly offset: number;
  readonly nameEnd: number;
  /** First token after the name. */
  readonly propertiesStart: number;
}

/** One node. Made by readFdt only. */
export class DeviceNode {
  readonly tree: DeviceTree;
  /** null for the root. */
  readonly parent: DeviceNode | null;
  /** In the order of the file. */
  children: readonly DeviceNode[] = NO_CHILDREN;
  /** Byte offset of the node in the file. */
  readonly offset: number;
  /** `phandle` or `linux,phandle`; 0 if it has none. */
  phandle = 0;
  /** Which of the noted properties it has: bits of noted-names.ts. */
  noted = 0;
  /** File offset of its `compatible` (the FDT_PROP token); 0 if it has none. */
  compatibleAt = 0;
  /** Number of properties and the end of their part of the file; set while reading. */
  propertyCount = 0;
  propertiesEnd: number;
  private readonly nameEnd: number;
  private readonly propertiesStart: number;
  private made: Made | undefined;

  constructor(tree: DeviceTree, parent: DeviceNode | null, place: NodePlace) {
    this.tree = tree;
    this.parent = parent;
    this.offset = place.offset;
    this.nameEnd = place.nameEnd;
    this.propertiesStart = place.propertiesStart;
    this.propertiesEnd = place.propertiesStart;
  }

  /** Full name, "mmc@fe300000"; empty for the root. */
  get name(): string {
    this.made ??= {};
    this.made.name ??= this.tree.text(this.offset + 4, this.nameEnd);
    return this.made.name;
  }

  /** Characters of the name. */
  get nameLength(): number {
    return this.nameEnd - this.offset - 4;
  }

  /** The name before "@", as Linux's %pOFn prints it. */
  get baseName(): string {
    const at = this.name.indexOf('@');
    return at < 0 ? this.name : this.name.slice(0, at);
  }

  /** Same answer as name === text, but quicker. */
  isNamed(text: string): boolean {
    if (text.length !== this.nameLength) return false;
    const { bytes } = this.tree;
    for (let i = 0; i < text.length; i += 1)
      if (bytes[this.offset + 4 + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** What follows "@", or undefined. */
  get unitAddress(): string | undefined {
    const at = this.name.indexOf('@');
    return at < 0 ? undefined : this.name.slice(at + 1);
  }

  /** "/" for the root, else "/soc/mmc@fe300000". */
  get path(): string {
    this.made ??= {};
    if (this.made.path === undefined) {
      const above = this.parent === null || this.parent.parent === null ? '' : this.parent.path;
      this.made.path = `${above}/${this.name}`;
    }
    return this.made.path;
  }

  /** All properties by name, in the order of the file. Of two of the same name Linux sees the first. */
  get properties(): ReadonlyMap<string, Uint8Array> {
    this.made ??= {};
    if (this.made.properties === undefined) {
      const table = new Map<string, Uint8Array>();
      for (const { name, value } of this.eachProperty()) if (!table.has(name)) table.set(name, value);
      this.made.properties = table;
    }
    return this.made.properties;
  }

  /** The value (a view of the file's bytes), or undefined. Same answer as properties.get(name), but quicker. */
  property(name: string): Uint8Array | undefined {
    const bit = bitOf(name);
    if (bit !== 0 && (this.noted & bit) === 0) return undefined;
    if (this.made?.properties !== undefined || this.propertyCount > SCAN_LIMIT)
      return this.properties.get(name);
    const offsets = this.tree.strings.offsetsOf(name);
    if (offsets === undefined) return undefined;
    const view = this.tree.view;
    for (let at = this.propertiesStart; at < this.propertiesEnd; ) {
      if (view.getUint32(at) !== FDT_PROP) {
        at += 4;
        continue;
      }
      const length = view.getUint32(at + 4);
      const nameOffset = view.getUint32(at + 8);
      const value = at + PROP_HEADER;
      if (nameOffset === offsets || (typeof offsets === 'object' && offsets.has(nameOffset)))
        return this.tree.bytes.subarray(value, value + length);
      at = value + padded(length);
    }
    return undefined;
  }

  /** What belongs to the node's name before "@" in a table. */
  lookUpBaseName<T>(table: WordTable<T>): T | undefined {
    const { bytes } = this.tree;
    const start = this.offset + 4;
    let end = start;
    while (end < this.nameEnd && bytes[end] !== AT) end += 1;
    return table.get(bytes, start, end);
  }

  /** Whether the node has the property, with whatever value: a boolean property is true when it is there. */
  has(name: string): boolean {
    const bit = bitOf(name);
    return bit === 0 ? this.property(name) !== undefined : (this.noted & bit) !== 0;
  }

  /** The first child of that full name, or undefined. */
  child(name: string): DeviceNode | undefined {
    this.made ??= {};
    this.made.lookUps = (this.made.lookUps ?? 0) + 1;
    if (this.children.length <= SCAN_LIMIT || this.made.lookUps <= FEW)
      return this.children.find((node) => node.isNamed(name));
    if (this.made.children === undefined) {
      const table = new Map<string, DeviceNode>();
      for (const node of this.children) if (!table.has(node.name)) table.set(node.name, node);
      this.made.children = table;
    }
    return this.made.children.get(name);
  }

  /** Every property as it stands in the file, duplicates included; `offset` is its FDT_PROP token's. */
  *eachProperty(): Generator<{ name: string; value: Uint8Array; offset: number }> {
    const { view, bytes, strings } = this.tree;
    for (let at = this.propertiesStart; at < this.propertiesEnd; ) {
      if (view.getUint32(at) !== FDT_PROP) {
        at += 4;
        continue;
      }
      const length = view.getUint32(at + 4);
      const start = at + PROP_HEADER;
      yield {
        name: strings.nameAt(view.getUint32(at + 8), at + 8),
        value: bytes.subarray(start, start + length),
        offset: at,
      };
      at = start + padded(length);
    }
  }
}
