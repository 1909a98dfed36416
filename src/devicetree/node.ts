/**
 * A node of the tree. It keeps offsets into the file; names, paths and properties are made when asked for,
 * because most of a blob is never looked at.
 */
import type { DeviceTree } from './tree.ts';

/** Scanning this many properties is quicker than a table of them; more would make look-ups quadratic. */
const SCAN_LIMIT = 32;
/** Bytes of a property's header: token, length, name offset. */
const PROP_HEADER = 12;
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
  readonly children: DeviceNode[] = [];
  /** Byte offset of the node in the file. */
  readonly offset: number;
  /** `phandle` or `linux,phandle`; 0 if it has none. */
  phandle = 0;
  /** Number of properties and the end of their part of the file; set while reading. */
  propertyCount = 0;
  propertiesEnd: number;
  private readonly nameEnd: number;
  private readonly propertiesStart: number;
  private ownName: string | undefined;
  private ownPath: string | undefined;
  private table: Map<string, Uint8Array> | undefined;
  private childTable: Map<string, DeviceNode> | undefined;

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
    this.ownName ??= this.tree.text(this.offset + 4, this.nameEnd);
    return this.ownName;
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

  /** What follows "@", or undefined. */
  get unitAddress(): string | undefined {
    const at = this.name.indexOf('@');
    return at < 0 ? undefined : this.name.slice(at + 1);
  }

  /** "/" for the root, else "/soc/mmc@fe300000". */
  get path(): string {
    if (this.ownPath === undefined) {
      const above = this.parent === null || this.parent.parent === null ? '' : this.parent.path;
      this.ownPath = `${above}/${this.name}`;
    }
    return this.ownPath;
  }

  /** All properties by name, in the order of the file. Of two of the same name Linux sees the first. */
  get properties(): ReadonlyMap<string, Uint8Array> {
    if (this.table === undefined) {
      this.table = new Map();
      for (const { name, value } of this.eachProperty())
        if (!this.table.has(name)) this.table.set(name, value);
    }
    return this.table;
  }

  /** The value (a view of the file's bytes), or undefined. Same answer as properties.get(name), but quicker. */
  property(name: string): Uint8Array | undefined {
    if (this.table !== undefined || this.propertyCount > SCAN_LIMIT) return this.properties.get(name);
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

  /** Whether the node has the property, with whatever value: a boolean property is true when it is there. */
  has(name: string): boolean {
    return this.property(name) !== undefined;
  }

  /** The first child of that full name, or undefined. */
  child(name: string): DeviceNode | undefined {
    if (this.children.length <= SCAN_LIMIT) return this.children.find((node) => node.name === name);
    if (this.childTable === undefined) {
      this.childTable = new Map();
      for (const node of this.children)
        if (!this.childTable.has(node.name)) this.childTable.set(node.name, node);
    }
    return this.childTable.get(name);
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

/** Round a length up to the 4 bytes that tokens are aligned to. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
