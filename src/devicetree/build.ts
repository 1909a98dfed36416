/** Writes flattened device trees: merged ones, and for tests, token by token, so that each part of a file can be made wrong. */

/** true: an empty property; false: none. Numbers are 32-bit cells, strings get their NUL, bytes stand as they are. */
export type PropertyValue = boolean | string | readonly string[] | readonly number[] | Uint8Array;

/** A node as a test writes it: keys with an object for a value are child nodes, all others are properties. */
export interface NodeSpec {
  readonly [name: string]: PropertyValue | NodeSpec;
}

/** What of the file may differ from the usual. */
export interface BuildOptions {
  readonly version?: number;
  readonly lastCompatibleVersion?: number;
  readonly reservations?: readonly (readonly [address: bigint, size: bigint])[];
  /** Tokens to stand instead of the root's. */
  readonly structure?: (tokens: Tokens) => void;
  /** Bytes after the end of the tree. */
  readonly trailing?: Uint8Array;
}

/** The header's fields in their order, each of 4 bytes, for patch(). */
export const HeaderField = {
  magic: 0,
  totalSize: 4,
  structOffset: 8,
  stringsOffset: 12,
  reservationOffset: 16,
  version: 20,
  lastCompatibleVersion: 24,
  bootCpu: 28,
  stringsSize: 32,
  structSize: 36,
} as const;

/** Structure block under construction. */
export class Tokens {
  readonly bytes: number[] = [];
  readonly names: number[] = [];
  private readonly nameOffsets = new Map<string, number>();

  cell(value: number): this {
    this.bytes.push(...[24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256));
    return this;
  }

  begin(name: string): this {
    return this.cell(1).padded([...new TextEncoder().encode(name), 0]);
  }

  end(): this {
    return this.cell(2);
  }

  nop(): this {
    return this.cell(4);
  }

  /** FDT_END. */
  finish(): this {
    return this.cell(9);
  }

  property(name: string, value: PropertyValue): this {
    const bytes = encode(value);
    return this.cell(3).cell(bytes.length).cell(this.nameOffset(name)).padded(bytes);
  }

  node(name: string, spec: NodeSpec): this {
    this.begin(name);
    const entries = Object.entries(spec);
    for (const [key, value] of entries) if (!isNode(value) && value !== false) this.property(key, value);
    for (const [key, value] of entries) if (isNode(value)) this.node(key, value);
    return this.end();
  }

  padded(bytes: readonly number[]): this {
    for (const byte of bytes) this.bytes.push(byte);
    while (this.bytes.length % 4 !== 0) this.bytes.push(0);
    return this;
  }

  private nameOffset(name: string): number {
    let offset = this.nameOffsets.get(name);
    if (offset === undefined) {
      offset = this.names.length;
      this.nameOffsets.set(name, offset);
      this.names.push(...new TextEncoder().encode(name), 0);
    }
    return offset;
  }
}

/** A whole file. */
export function buildFdt(root: NodeSpec, options: BuildOptions = {}): Uint8Array {
  const tokens = new Tokens();
  if (options.structure) options.structure(tokens);
  else tokens.node('', root).finish();
  const version = options.version ?? 17;
  const headerSize = 40;
  const reservations = [...(options.reservations ?? []), [0n, 0n] as const];
  const structOffset = headerSize + reservations.length * 16;
  const stringsOffset = structOffset + tokens.bytes.length;
  const totalSize = stringsOffset + tokens.names.length;
  const file = new Uint8Array(totalSize + (options.trailing?.length ?? 0));
  const view = new DataView(file.buffer);
  const lastCompatible = options.lastCompatibleVersion ?? 16;
  [0xd00dfeed, totalSize, structOffset, stringsOffset, headerSize, version, lastCompatible, 0].forEach(
    (field, i) => {
      view.setUint32(i * 4, field);
    },
  );
  view.setUint32(HeaderField.stringsSize, tokens.names.length);
  if (version >= 17) view.setUint32(HeaderField.structSize, tokens.bytes.length);
  reservations.forEach(([address, size], i) => {
    view.setBigUint64(headerSize + i * 16, address);
    view.setBigUint64(headerSize + i * 16 + 8, size);
  });
  file.set(tokens.bytes, structOffset);
  file.set(tokens.names, stringsOffset);
  file.set(options.trailing ?? [], totalSize);
  return file;
}

/** The file with one field of the header changed. */
export function patch(file: Uint8Array, field: keyof typeof HeaderField, value: number): Uint8Array {
  const copy = file.slice();
  new DataView(copy.buffer).setUint32(HeaderField[field], value);
  return copy;
}

/** Whether an entry of a NodeSpec is a child node. */
export function isNode(value: PropertyValue | NodeSpec): value is NodeSpec {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** A property's value as it stands in the file. */
export function encode(value: PropertyValue): number[] {
  if (typeof value === 'boolean') return [];
  if (value instanceof Uint8Array) return [...value];
  if (typeof value === 'string') return [...new TextEncoder().encode(value), 0];
  return value.flatMap((part) => (typeof part === 'string' ? encode(part) : new Tokens().cell(part).bytes));
}
