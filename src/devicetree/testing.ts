/**
 * A second opinion on device trees, apart from the reader and its rules: dtc prints the source, a few lines parse that, and the
 * way up the tree is walked again, from the text of Linux's functions (drivers/of/address.c of 6.1), not from ours.
 */
import { spawnSync } from 'node:child_process';

/** A node as dtc prints it. */
export interface DtsNode {
  readonly path: string;
  readonly name: string;
  readonly parent: DtsNode | undefined;
  readonly properties: Map<string, number[]>;
  readonly children: DtsNode[];
}

/** Whether dtc is there. In CI it must be: its absence fails. */
export function hasDtc(): boolean {
  const found = spawnSync('dtc', ['--version']).error === undefined;
  if (!found && process.env['CI'])
    throw new Error('dtc not found, and CI needs it: apt-get install device-tree-compiler');
  return found;
}

/** The root of a blob, by `dtc -I dtb -O dts`. */
export function decompile(file: string): DtsNode {
  const { stdout, status, stderr } = spawnSync('dtc', ['-q', '-I', 'dtb', '-O', 'dts', file], {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`dtc on ${file}: ${stderr}`);
  return parseDts(stdout);
}

/** Parse what dtc prints: a line a property, a line each for a node's begin and end. */
export function parseDts(text: string): DtsNode {
  let root: DtsNode | undefined;
  let node: DtsNode | undefined;
  for (const line of text.split('\n')) {
    const begin = /^\s*(\S+) \{$/.exec(line);
    const property = /^\s+([^\s=]+?)(?: = (.*))?;$/.exec(line);
    if (begin) {
      const name = begin[1] === '/' ? '' : (begin[1] ?? '');
      const path = node === undefined ? '/' : `${node.path === '/' ? '' : node.path}/${name}`;
      const child: DtsNode = { path, name, parent: node, properties: new Map(), children: [] };
      node?.children.push(child);
      root ??= child;
      node = child;
    } else if (/^\s*\};$/.test(line)) node = node?.parent;
    else if (property && node) node.properties.set(property[1] ?? '', bytesOf(property[2] ?? ''));
  }
  if (root === undefined) throw new Error('dtc printed no tree');
  return root;
}

function bytesOf(value: string): number[] {
  const bytes: number[] = [];
  for (const [token] of value.matchAll(/"(?:[^"\\]|\\.)*"|<[^>]*>|\[[^\]]*\]/g)) {
    if (token.startsWith('"')) bytes.push(...textBytes(token.slice(1, -1)), 0);
    else if (token.startsWith('['))
      for (const [pair] of token.matchAll(/[0-9a-f]{2}/g)) bytes.push(Number.parseInt(pair, 16));
    else
      for (const [cell] of token.matchAll(/0x[0-9a-f]+/g))
        for (let shift = 24; shift >= 0; shift -= 8) bytes.push((Number(cell) >>> shift) & 0xff);
  }
  return bytes;
}

function textBytes(text: string): number[] {
  const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };
  return [...text.matchAll(/\\x([0-9a-f]{2})|\\(.)|([^\\])/gs)].map(([, hexadecimal, escaped, plain]) =>
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : escaped !== undefined
        ? (escapes[escaped] ?? escaped.charCodeAt(0))
        : (plain ?? '').charCodeAt(0),
  );
}

/** Every node below. */
export function* allNodes(node: DtsNode): Generator<DtsNode> {
  yield node;
  for (const child of node.children) yield* allNodes(child);
}

const cells = (node: DtsNode, name: string): bigint[] => {
  const bytes = node.properties.get(name) ?? [];
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
    bytes.slice(i * 4, i * 4 + 4).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
  );
};

const strings = (node: DtsNode, name: string): string[] =>
  String.fromCharCode(...(node.properties.get(name) ?? []))
    .replace(/\0$/, '')
    .split('\0');

/** The tree's phandles. */
export function phandlesOf(root: DtsNode): Map<bigint, DtsNode> {
  const table = new Map<bigint, DtsNode>();
  for (const node of allNodes(root))
    for (const name of ['phandle', 'linux,phandle'])
      for (const phandle of cells(node, name).slice(0, 1)) if (!table.has(phandle)) table.set(phandle, node);
  return table;
}

/** Where memory accesses of a node go. */
function upward(node: DtsNode, phandles: Map<bigint, DtsNode>): DtsNode | undefined {
  if (!node.properties.has('interconnect-names')) return node.parent;
  const index = strings(node, 'interconnect-names').indexOf('dma-mem');
  const list = cells(node, 'interconnects');
  for (let at = 0, i = 0; index >= 0 && at < list.length; i += 1) {
    const target = phandles.get(list[at] ?? 0n);
    if (i === index) return target ?? node.parent;
    at += 1 + Number(target === undefined ? 0n : (cells(target, '#interconnect-cells')[0] ?? 0n));
  }
  return node.parent;
}

/** of_dma_is_coherent. */
export function isCoherent(node: DtsNode, phandles: Map<bigint, DtsNode>): boolean {
  let at: DtsNode | undefined = node;
  while (at !== undefined) {
    if (at.properties.has('dma-coherent')) return true;
    if (at.properties.has('dma-noncoherent')) return false;
    at = upward(at, phandles);
  }
  return false;
}

/** DMA addresses [dma, dma + size) are machine addresses from `machine` on. */
export interface Span {
  readonly dma: bigint;
  readonly machine: bigint;
  readonly size: bigint;
}

/**
 * of_dma_get_range from the given bus on, as spans that are joined where they follow each other.
 * @returns undefined where no dma-ranges translates.
 */
export function spansFrom(bus: DtsNode | undefined, phandles: Map<bigint, DtsNode>): Span[] | undefined {
  let at = bus;
  while (at !== undefined && cells(at, 'dma-ranges').length === 0) {
    if (!at.properties.has('dma-ranges') && at !== bus) return undefined;
    at = upward(at, phandles);
  }
  if (at === undefined) return undefined;
  const spans: Span[] = [];
  for (const { child, parent, size } of rangesOf(at, count(at, '#address-cells'), count(at, '#size-cells'))) {
    const machine = toRoot(at, parent, phandles);
    if (machine === undefined) continue;
    if (size === 0n) break;
    spans.push({ dma: low(child.slice(isPci(at) ? 1 : 0)), machine, size });
  }
  return joined(spans);
}

/** Sorted by DMA address, neighbours that go on in both joined. */
export function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => (a.dma < b.dma ? -1 : a.dma > b.dma ? 1 : 0))) {
    const last = result.at(-1);
    if (last && last.dma + last.size === span.dma && last.machine + last.size === span.machine)
      result[result.length - 1] = { ...last, size: last.size + span.size };
    else result.push(span);
  }
  return result;
}

/** An address on the bus above `node`, as cells, as one of the root. */
function toRoot(node: DtsNode, address: bigint[], phandles: Map<bigint, DtsNode>): bigint | undefined {
  const bus = upward(node, phandles);
  const above = bus && upward(bus, phandles);
  if (bus === undefined || above === undefined) return low(address);
  if (cells(bus, 'dma-ranges').length === 0) {
    const width = isPci(above) ? 3 : count(above, '#address-cells');
    return toRoot(bus, widen(low(address), width), phandles);
  }
  const [busCells, sizeCells] = isPci(bus)
    ? [3, 2]
    : [count(bus, '#address-cells'), count(bus, '#size-cells')];
  const plain = low(address.slice(isPci(bus) ? 1 : 0));
  for (const { child, parent, size } of rangesOf(bus, busCells, sizeCells)) {
    const from = low(child.slice(isPci(bus) ? 1 : 0));
    if (plain >= from && plain < from + size)
      return toRoot(bus, widen(low(parent) + plain - from, parent.length), phandles);
  }
  return undefined;
}

function rangesOf(bus: DtsNode, busCells: number, sizeCells: number) {
  const parentCells = count(bus.parent ?? bus, '#address-cells');
  const list = cells(bus, 'dma-ranges');
  const width = busCells + parentCells + sizeCells;
  return Array.from({ length: Math.floor(list.length / width) }, (_, i) => {
    const entry = list.slice(i * width, (i + 1) * width);
    return {
      child: entry.slice(0, busCells),
      parent: entry.slice(busCells, busCells + parentCells),
      size: low(entry.slice(busCells + parentCells)),
    };
  });
}

const low = (list: bigint[]) => list.slice(-2).reduce((sum, cell) => sum * 2n ** 32n + cell, 0n);
const widen = (value: bigint, width: number) =>
  Array.from({ length: width }, (_, i) =>
    width - i > 2 ? 0n : (value / 2n ** (32n * BigInt(width - i - 1))) % 2n ** 32n,
  );

/** Whether a bus is PCI's. */
export function isPci(node: DtsNode): boolean {
  return strings(node, 'device_type')[0] === 'pci' || /^pcie(@|$)/.test(node.name);
}

function count(bus: DtsNode, name: string): number {
  for (let node: DtsNode | undefined = bus; node !== undefined; node = node.parent) {
    const [value] = cells(node, name);
    if (value !== undefined) return Number(value);
  }
  return 1;
}

/** Status "okay" up to the root. */
export function isEnabled(node: DtsNode): boolean {
  const status = node.properties.has('status') ? strings(node, 'status')[0] : 'okay';
  return (status === 'okay' || status === 'ok') && (node.parent === undefined || isEnabled(node.parent));
}
