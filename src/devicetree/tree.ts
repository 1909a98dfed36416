/**
 * The tree that readFdt returns, and its nodes.
 *
 * Nodes, their names, paths and properties are made when asked for, because most of a blob is never looked at.
 */
import { CompatibleIndex } from './compatible-index.ts';
import type { DeviceTreeWarning } from './error.ts';
import type { FdtHeader } from './header.ts';
import { PROP_HEADER, padded } from './layout.ts';
import type { MemoryRange } from './memory-range.ts';
import { NO_NODE, type NodeTable } from './node-table.ts';
import { BIT, bitOf, type NotedName } from './noted-names.ts';
import { latin1, type StringsBlock } from './strings-block.ts';
import { hashOfBaseText } from './words.ts';

/** A flattened device tree that was read without error. Holds on to the file's bytes. */
export class DeviceTree {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: FdtHeader;
  readonly strings: StringsBlock;
  /** The memory reservation block (/memreserve/). */
  readonly reservations: readonly MemoryRange[];
  /** Where its nodes are. */
  readonly table: NodeTable;
  private readonly structureWarnings: readonly DeviceTreeWarning[];
  private readonly findOddities: (tree: DeviceTree) => DeviceTreeWarning[];
  private allWarnings: readonly DeviceTreeWarning[] | undefined;
  /** By row. Of its full length from the start: filled here and there it would become a slow dictionary. */
  private readonly made: (DeviceNode | undefined)[];
  private all: readonly DeviceNode[] | undefined;
  private phandles: Map<number, number> | undefined;
  private compatibles: CompatibleIndex | undefined;
  private readonly pathTables = new Map<string, ReadonlyMap<string, string>>();

  constructor(parts: {
    bytes: Uint8Array;
    view: DataView;
    header: FdtHeader;
    strings: StringsBlock;
    reservations: readonly MemoryRange[];
    table: NodeTable;
    warnings: readonly DeviceTreeWarning[];
    /** What else to warn of; asked for when somebody wants the warnings. */
    findOddities: (tree: DeviceTree) => DeviceTreeWarning[];
  }) {
    this.bytes = parts.bytes;
    this.view = parts.view;
    this.header = parts.header;
    this.reservations = parts.reservations;
    this.table = parts.table;
    this.made = new Array<DeviceNode | undefined>(parts.table.count);
    this.structureWarnings = parts.warnings;
    this.findOddities = parts.findOddities;
    this.strings = parts.strings;
  }

  get root(): DeviceNode {
    return this.node(0);
  }

  /** All nodes in the order of the file; the first is the root. */
  get nodes(): readonly DeviceNode[] {
    this.all ??= Array.from({ length: this.table.count }, (_, index) => this.node(index));
    return this.all;
  }

  /** The node of a row of the table. */
  node(index: number): DeviceNode {
    let node = this.made[index];
    if (node === undefined) {
      node = new DeviceNode(this, index);
      this.made[index] = node;
    }
    return node;
  }

  /** What is wrong with the file but did not prevent reading it. */
  get warnings(): readonly DeviceTreeWarning[] {
    this.allWarnings ??= [...this.structureWarnings, ...this.findOddities(this)];
    return this.allWarnings;
  }

  /** Whether any node has the property. */
  has(name: NotedName): boolean {
    return (this.table.notedOfAny & BIT[name]) !== 0;
  }

  /** The node that a phandle names; of several the first, as in Linux. 0 and 0xffffffff name none. */
  byPhandle(phandle: number): DeviceNode | undefined {
    if (this.phandles === undefined) {
      const { table } = this;
      this.phandles = new Map();
      for (let index = 0; index < table.count; index += 1) {
        const own = table.phandle(index);
        if (own !== 0 && own !== 0xffffffff && !this.phandles.has(own)) this.phandles.set(own, index);
      }
    }
    const index = this.phandles.get(phandle);
    return index === undefined ? undefined : this.node(index);
  }

  /** The nodes whose `compatible` has exactly this string, enabled or not, in the order of the file. */
  byCompatible(text: string): readonly DeviceNode[] {
    this.compatibles ??= new CompatibleIndex(this.table, this.view, this.bytes);
    const found = this.compatibles.find(text);
    return found.length === 0 ? NO_NODES : found.map((index) => this.node(index));
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

  /** The row of the first child of that full name; NO_NODE if there is none. */
  childAt(parent: number, name: string): number {
    const { table } = this;
    const hash = hashOfBaseText(name);
    const end = table.next(parent);
    for (let at = parent + 1; at < end; at = table.next(at))
      if (table.nameHash(at) === hash && this.isNamed(at, name)) return at;
    return NO_NODE;
  }

  private isNamed(index: number, name: string): boolean {
    const from = this.table.offset(index) + 4;
    if (this.table.nameEnd(index) - from !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) if (this.bytes[from + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  /** Characters of the file's bytes [from, to). */
  text(from: number, to: number): string {
    return latin1(this.bytes.subarray(from, to));
  }

  private pathsIn(child: string): ReadonlyMap<string, string> {
    let table = this.pathTables.get(child);
    if (table === undefined) {
      table = this.root.child(child)?.pathValues() ?? new Map();
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

const NO_NODES: readonly DeviceNode[] = [];

/** Scanning this many properties is quicker than a table of them; more would make look-ups quadratic. */
const SCAN_LIMIT = 32;
/** Of so many look-ups among many children a table is not worth its while. */
const FEW = 8;
const FDT_PROP = 3;

/** One node. Made by its tree only. */
export class DeviceNode {
  readonly tree: DeviceTree;
  /** Its row in the tree's table. */
  readonly index: number;
  private ownName: string | undefined;
  private ownPath: string | undefined;
  private ownChildren: readonly DeviceNode[] | undefined;
  private childrenByName: Map<string, DeviceNode> | undefined;
  private lookUps = 0;
  private propertiesByName: Map<string, Uint8Array> | undefined;

  constructor(tree: DeviceTree, index: number) {
    this.tree = tree;
    this.index = index;
  }

  /** null for the root. */
  get parent(): DeviceNode | null {
    const index = this.tree.table.parent(this.index);
    return index === NO_NODE ? null : this.tree.node(index);
  }

  /** In the order of the file. */
  get children(): readonly DeviceNode[] {
    if (this.ownChildren === undefined) {
      const { tree, index } = this;
      const end = tree.table.next(index);
      const children: DeviceNode[] = [];
      for (let at = index + 1; at < end; at = tree.table.next(at)) children.push(tree.node(at));
      this.ownChildren = children.length === 0 ? NO_NODES : children;
    }
    return this.ownChildren;
  }

  /** Those of the children that have a noted property. */
  childrenWith(name: NotedName): DeviceNode[] {
    const { tree, index } = this;
    const { table } = tree;
    const end = table.next(index);
    const children: DeviceNode[] = [];
    for (let at = index + 1; at < end; at = table.next(at))
      if ((table.noted(at) & BIT[name]) !== 0) children.push(tree.node(at));
    return children;
  }

  /** Byte offset of the node in the file. */
  get offset(): number {
    return this.tree.table.offset(this.index);
  }

  /** `phandle` or `linux,phandle`; 0 if it has none. */
  get phandle(): number {
    return this.tree.table.phandle(this.index);
  }

  /** Which of the noted properties it has, and whether it is enabled: bits of noted-names.ts. */
  get noted(): number {
    return this.tree.table.noted(this.index);
  }

  get propertyCount(): number {
    return this.tree.table.propertyCount(this.index);
  }

  /** Full name, "mmc@fe300000"; empty for the root. */
  get name(): string {
    this.ownName ??= this.tree.text(this.offset + 4, this.tree.table.nameEnd(this.index));
    return this.ownName;
  }

  /** The name before "@", as Linux's %pOFn prints it. */
  get baseName(): string {
    const at = this.name.indexOf('@');
    return at < 0 ? this.name : this.name.slice(0, at);
  }

  /** Same answer as baseName === text, for a text without "@", but quicker. */
  hasBaseName(text: string): boolean {
    const { table, bytes } = this.tree;
    if (table.nameHash(this.index) !== hashOfBaseText(text)) return false;
    const from = this.offset + 4;
    for (let i = 0; i < text.length; i += 1) if (bytes[from + i] !== text.charCodeAt(i)) return false;
    const next = bytes[from + text.length];
    return next === 0 || next === AT;
  }

  /** What follows "@", or undefined. */
  get unitAddress(): string | undefined {
    const at = this.name.indexOf('@');
    return at < 0 ? undefined : this.name.slice(at + 1);
  }

  /** "/" for the root, else "/soc/mmc@fe300000". */
  get path(): string {
    if (this.ownPath === undefined) {
      const { parent } = this;
      const above = parent === null || parent.parent === null ? '' : parent.path;
      this.ownPath = `${above}/${this.name}`;
    }
    return this.ownPath;
  }

  /** All properties by name, in the order of the file. Of two of the same name Linux sees the first. */
  get properties(): ReadonlyMap<string, Uint8Array> {
    if (this.propertiesByName === undefined) {
      const table = new Map<string, Uint8Array>();
      for (const { name, value } of this.eachProperty()) if (!table.has(name)) table.set(name, value);
      this.propertiesByName = table;
    }
    return this.propertiesByName;
  }

  /** The value (a view of the file's bytes), or undefined. Same answer as properties.get(name), but quicker. */
  property(name: string): Uint8Array | undefined {
    const bit = bitOf(name);
    if (bit !== 0 && (this.noted & bit) === 0) return undefined;
    if (this.propertiesByName !== undefined || this.propertyCount > SCAN_LIMIT)
      return this.properties.get(name);
    const { view, strings, bytes, table } = this.tree;
    const end = table.propertiesEnd(this.index);
    for (let at = table.propertiesStart(this.index); at < end; ) {
      if (view.getUint32(at) !== FDT_PROP) {
        at += 4;
        continue;
      }
      const length = view.getUint32(at + 4);
      const nameOffset = view.getUint32(at + 8);
      const value = at + PROP_HEADER;
      if (bit !== 0 ? strings.kindAt(nameOffset, at) === bit : strings.isNameAt(nameOffset, name))
        return bytes.subarray(value, value + length);
      at = value + padded(length);
    }
    return undefined;
  }

  /** The properties whose values are paths, by name. */
  pathValues(): ReadonlyMap<string, string> {
    const { tree } = this;
    const { view, bytes, strings, table } = tree;
    const paths = new Map<string, string>();
    /** Of two of the same name the first counts, also if it is no path. */
    const others = new Set<string>();
    const last = table.propertiesEnd(this.index);
    for (let at = table.propertiesStart(this.index); at < last; ) {
      if (view.getUint32(at) !== FDT_PROP) {
        at += 4;
        continue;
      }
      const from = at + PROP_HEADER;
      const to = from + view.getUint32(at + 4);
      const name = strings.nameAt(view.getUint32(at + 8), at + 8);
      let end = from;
      while (end < to && bytes[end] !== 0) end += 1;
      if (end === to || bytes[from] !== SLASH) others.add(name);
      else if (!paths.has(name) && !others.has(name)) paths.set(name, tree.text(from, end));
      at = from + padded(to - from);
    }
    return paths;
  }

  /** Whether the node has the property, with whatever value: a boolean property is true when it is there. */
  has(name: string): boolean {
    const bit = bitOf(name);
    return bit === 0 ? this.property(name) !== undefined : (this.noted & bit) !== 0;
  }

  /** The first child of that full name, or undefined. */
  child(name: string): DeviceNode | undefined {
    this.lookUps += 1;
    if (this.lookUps > FEW && this.children.length > SCAN_LIMIT) return this.childTable().get(name);
    const { tree } = this;
    const index = tree.childAt(this.index, name);
    return index === NO_NODE ? undefined : tree.node(index);
  }

  private childTable(): Map<string, DeviceNode> {
    if (this.childrenByName === undefined) {
      this.childrenByName = new Map();
      for (const node of this.children)
        if (!this.childrenByName.has(node.name)) this.childrenByName.set(node.name, node);
    }
    return this.childrenByName;
  }

  /** Every property as it stands in the file, duplicates included; `offset` is its FDT_PROP token's. */
  *eachProperty(): Generator<{ name: string; value: Uint8Array; offset: number }> {
    const { view, bytes, strings, table } = this.tree;
    const end = table.propertiesEnd(this.index);
    for (let at = table.propertiesStart(this.index); at < end; ) {
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
