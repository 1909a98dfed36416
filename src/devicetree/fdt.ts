/**
 * Reader of flattened device trees (dtb), versions 16 and 17.
 *
 * Source: Devicetree Specification v0.4, chapter 5. One pass checks the whole structure and notes where nodes
 * begin; time and memory are linear in the file's size, whatever the file holds.
 */
import { DeviceTreeError, type DeviceTreeWarning, malformed } from './error.ts';
import { readHeader } from './header.ts';
import { padded } from './layout.ts';
import { BIT, bitOf } from './noted-names.ts';
import { readReservations } from './reservations.ts';
import { MAX_NAME_LENGTH } from './strings-block.ts';
import { DeviceNode, DeviceTree } from './tree.ts';
import { duplicateWarnings, MAX_WARNINGS } from './warnings.ts';

const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_NOP = 4;
const FDT_END = 9;

/**
 * Linux unflattens nodes of depth 0 to 62 only (FDT_MAX_DEPTH 64 in drivers/of/fdt.c of 7.3), so a deeper tree
 * is no board's. The bound keeps the length of paths, and every walk to the root, bounded.
 */
const MAX_DEPTH = 62;

/** Real paths have up to 123 characters. Without a bound, all paths together can be far larger than the file. */
const MAX_PATH = 1024;

/**
 * Read a flattened device tree.
 * @param file all its bytes; not copied, must not change afterwards.
 * @throws DeviceTreeError, and nothing else, for whatever cannot be read: also for overlays, U-Boot's FIT images
 * and compressed files, which `kind` tells apart. What can be lived with is in the tree's `warnings`.
 */
export function readFdt(file: Uint8Array): DeviceTree {
  const tree = parseFdt(file);
  refuseOtherKinds(tree);
  return tree;
}

/** The same of whatever the tree is of. */
export function parseFdt(file: Uint8Array): DeviceTree {
  // A plain view also of Node's Buffer, whose subarray is another, slower one.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const warnings: DeviceTreeWarning[] = [];
  const header = readHeader(view, warnings);
  const reservations = readReservations(view, header, warnings);
  const nodes: DeviceNode[] = [];
  const tree = new DeviceTree({
    bytes,
    view,
    header,
    reservations,
    nodes,
    warnings,
    findOddities: duplicateWarnings,
  });
  readStructure(tree, nodes, warnings);
  return tree;
}

/** Walk the tokens of the structure block, fill `nodes`. */
function readStructure(tree: DeviceTree, nodes: DeviceNode[], warnings: DeviceTreeWarning[]): void {
  const { view, header, strings } = tree;
  const end = header.structOffset + header.structSize;
  /** What is known of the name at an offset: its bits. */
  const names = new Int32Array(header.stringsSize);
  let node: DeviceNode | null = null;
  let depth = -1;
  let pathLength = 0;
  let at = header.structOffset;
  for (;;) {
    const token = at + 4 <= end ? view.getUint32(at) : -1;
    switch (token) {
      case FDT_BEGIN_NODE: {
        if (node === null && nodes.length > 0)
          throw malformed(at, 'a second root node', 'FDT_END after the first');
        depth += 1;
        if (depth > MAX_DEPTH)
          throw malformed(
            at,
            `a node at depth ${depth}`,
            `nesting of at most ${MAX_DEPTH}`,
            'Linux reads no deeper',
          );
        const nameEnd = endOfName(view, at + 4, end);
        pathLength += nameEnd - at - 3;
        if (pathLength > MAX_PATH)
          throw malformed(at, `a node with a path of ${pathLength} characters`, `at most ${MAX_PATH}`);
        const propertiesStart = at + 4 + padded(nameEnd + 1 - (at + 4));
        const child: DeviceNode = new DeviceNode(tree, node, { offset: at, nameEnd, propertiesStart });
        if (node !== null) adopt(node, child);
        nodes.push(child);
        node = child;
        at = propertiesStart;
        break;
      }
      case FDT_END_NODE:
        if (node === null) throw malformed(at, 'FDT_END_NODE outside any node', 'FDT_BEGIN_NODE or FDT_END');
        pathLength -= node.nameLength + 1;
        node = node.parent;
        depth -= 1;
        at += 4;
        break;
      case FDT_PROP: {
        if (node === null) throw malformed(at, 'a property outside any node', 'FDT_BEGIN_NODE or FDT_END');
        if (at + 12 > end) throw outOfBlock(at, end);
        const length = view.getUint32(at + 4);
        const nameOffset = view.getUint32(at + 8);
        const next: number = at + 12 + padded(length);
        if (next > end)
          throw malformed(at + 4, `a property of ${length} bytes`, `at most ${end - at - 12}, what is left`);
        let name = names[nameOffset] ?? 0;
        if (name === 0) {
          name = kindOf(strings.nameAt(nameOffset, at + 8));
          names[nameOffset] = name;
        }
        if (node.children.length > 0) strayProperty(node, at, warnings);
        else {
          node.propertyCount += 1;
          node.propertiesEnd = next;
          node.noted |= name & ALL_NOTED;
          if (name === COMPATIBLE && node.compatibleAt === 0) node.compatibleAt = at;
        }
        if (name === PHANDLE && node.phandle === 0 && length >= 4) node.phandle = view.getUint32(at + 12);
        at = next;
        break;
      }
      case FDT_NOP:
        at += 4;
        break;
      case FDT_END:
        if (node !== null) throw malformed(at, `FDT_END within ${node.path}`, 'FDT_END_NODE first');
        if (nodes.length === 0) throw malformed(at, 'FDT_END', 'a root node before it');
        if (header.version >= 17 && at + 4 < end)
          warnings.push({
            offset: at + 4,
            message: `${end - at - 4} bytes of the structure block after FDT_END`,
          });
        return;
      case -1:
        throw outOfBlock(at, end);
      default:
        throw malformed(at, `token 0x${token.toString(16)}`, 'one of 1, 2, 3, 4 and 9');
    }
  }
}

/** Properties after a child node are not the node's for libfdt, hence not for Linux. */
function strayProperty(node: DeviceNode, at: number, warnings: DeviceTreeWarning[]): void {
  if (warnings.length < MAX_WARNINGS)
    warnings.push({
      offset: at,
      message: `a property of ${node.path} after its child nodes; ignored, as by Linux`,
    });
}

/** A node's list of children is made with the first one. */
function adopt(node: DeviceNode, child: DeviceNode): void {
  if (node.children.length === 0) node.children = [child];
  else (node.children as DeviceNode[]).push(child);
}

/** What is known of a name: the bit of a noted one, one of two others, never 0. */
const PHANDLE = 1 << 30;
const OTHER = 1 << 29;
const ALL_NOTED = OTHER - 1;
const COMPATIBLE = BIT.compatible;

function kindOf(name: string): number {
  if (name === 'phandle' || name === 'linux,phandle') return PHANDLE;
  return bitOf(name) || OTHER;
}

/** File offset of the NUL that ends a node's name. */
function endOfName(view: DataView, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_NAME_LENGTH + 1);
  for (let at = start; at < limit; at += 1) if (view.getUint8(at) === 0) return at;
  throw malformed(
    start,
    `a node name without an end in ${limit - start} bytes`,
    `a NUL after at most ${MAX_NAME_LENGTH}`,
  );
}

function outOfBlock(at: number, end: number): DeviceTreeError {
  const offset = Math.min(at, end);
  return new DeviceTreeError({
    kind: 'malformed',
    offset,
    found: `the end of the structure block (0x${end.toString(16)})`,
    expected: 'a further token: the block ends with FDT_END',
  });
}

/** Files in the same format that describe no machine. */
function refuseOtherKinds(tree: DeviceTree): void {
  const { root } = tree;
  const fragment = root.children.find((node) => node.child('__overlay__') !== undefined);
  if (fragment !== undefined)
    throw new DeviceTreeError({
      kind: 'overlay',
      offset: fragment.offset,
      found: `a device tree overlay (${fragment.path}/__overlay__)`,
      expected: 'the tree of a whole machine',
      hint: 'apply it to its base: dmalab audit BASE.dtb --overlay OVERLAY.dtbo, or fdtoverlay -i BASE.dtb -o BOARD.dtb OVERLAY.dtbo',
    });
  const images = root.child('images');
  if (images !== undefined && root.child('configurations') !== undefined && !root.has('compatible'))
    throw new DeviceTreeError({
      kind: 'fit-image',
      offset: images.offset,
      found: "U-Boot's FIT image",
      expected: 'the tree of a machine',
      hint: 'take the device tree out of it: dumpimage -T flat_dt -p N -o BOARD.dtb IMAGE',
    });
}
