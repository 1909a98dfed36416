/**
 * Compares what dmalab reads from device trees with a second opinion (src/devicetree/testing.ts: dtc prints the properties, a
 * separate walk judges them): coherence and composed dma-ranges of every node with `compatible`.
 *
 *   node scripts/check-boards.ts FOLDER      of *.dtb; exit 1 if anything differs
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DeviceFacts,
  type DeviceNode,
  type DeviceTree,
  factsOf,
  readFdt,
} from '../src/devicetree/index.ts';
import {
  allNodes,
  type DtsNode,
  decompile,
  isCoherent,
  isPci,
  joined,
  phandlesOf,
  type Span,
  spansFrom,
} from '../src/devicetree/testing.ts';

/** What was compared, and a line for each difference. */
export interface Comparison {
  nodes: number;
  coherent: number;
  /** Nodes whose dma-ranges translate. */
  translated: number;
  readonly differences: string[];
}

/** Adds one board to the comparison. @throws if dtc or the reader refuses it. */
export function compareBoard(file: string, result: Comparison): void {
  compareTrees(file, readFdt(readFileSync(file)), decompile(file), result);
}

/** Adds one board as read here and as dtc prints it. */
export function compareTrees(file: string, tree: DeviceTree, root: DtsNode, result: Comparison): void {
  const phandles = phandlesOf(root);
  const theirs = [...allNodes(root)];
  if (theirs.length !== tree.nodes.length)
    result.differences.push(`${file}: ${tree.nodes.length} nodes, dtc prints ${theirs.length}`);
  for (const [i, node] of tree.nodes.entries()) {
    const other = theirs[i];
    if (other === undefined || !node.has('compatible') || node.parent === null) continue;
    compareNode(`${file}: ${node.path}`, node, other, phandles, result);
  }
}

function compareNode(
  where: string,
  node: DeviceNode,
  other: DtsNode,
  phandles: Map<bigint, DtsNode>,
  result: Comparison,
): void {
  result.nodes += 1;
  const differ = (what: string, ours: unknown, their: unknown) =>
    result.differences.push(`${where}: ${what} is ${String(ours)}, the second opinion ${String(their)}`);
  if (other.path !== node.path) differ('path', node.path, other.path);
  const facts = factsOf(node);
  const coherent = isCoherent(other, phandles);
  if (coherent) result.coherent += 1;
  if (facts.coherent !== coherent) differ('coherent', facts.coherent, coherent);
  const bus = isPci(other) ? other : other.parent;
  const spans = spansFrom(isPci(other) ? bus : dmaBus(other, phandles), phandles);
  if (spans !== undefined) result.translated += 1;
  const [ours, their] = [show(spansOf(facts)), show(spans?.filter(isAddressable))];
  if (ours !== their) differ('dma-ranges', ours, their);
}

/** A device's own dma-mem interconnect leads elsewhere than to its parent. */
function dmaBus(node: DtsNode, phandles: Map<bigint, DtsNode>): DtsNode | undefined {
  const names = String.fromCharCode(...(node.properties.get('interconnect-names') ?? []));
  if (!names.split('\0').includes('dma-mem')) return node.parent;
  const [a = 0, b = 0, c = 0, d = 0] = node.properties.get('interconnects') ?? [];
  return phandles.get(BigInt(((a * 256 + b) * 256 + c) * 256 + d)) ?? node.parent;
}

function spansOf({ windows }: DeviceFacts): Span[] | undefined {
  if (windows.length === 0) return undefined;
  return joined(
    windows
      .filter(({ size }) => size > 0)
      .map(({ busFrom, machineFrom, size }) => ({
        dma: BigInt(busFrom),
        machine: BigInt(machineFrom),
        size: BigInt(size),
      })),
  );
}

/** dmalab leaves out what lies beyond 2^53. */
function isAddressable({ dma, machine }: Span): boolean {
  return dma < 2n ** 53n && machine < 2n ** 53n;
}

function show(spans: readonly Span[] | undefined): string {
  if (spans === undefined) return '1:1';
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  return (
    spans.map(({ dma, machine, size }) => `${hex(dma)}=${hex(machine)}+${hex(size)}`).join(' ') || 'nothing'
  );
}

function main(folder: string | undefined): number {
  if (folder === undefined) {
    console.error('usage: node scripts/check-boards.ts FOLDER');
    return 2;
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.dtb'))
    .map((name) => join(folder, name))
    .sort();
  const result: Comparison = { nodes: 0, coherent: 0, translated: 0, differences: [] };
  for (const file of files) compareBoard(file, result);
  for (const difference of result.differences.slice(0, 50)) console.log(difference);
  console.log(
    `${files.length} boards, ${result.nodes} nodes (${result.coherent} coherent, ${result.translated} with dma-ranges that translate): ${result.differences.length} differences`,
  );
  return files.length === 0 || result.differences.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv[2]);
