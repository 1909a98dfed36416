/**
 * Reader of flattened device trees (dtb), versions 16 and 17.
 *
 * Source: Devicetree Specification v0.4, chapter 5. One pass checks the whole structure and notes where nodes
 * begin; time and memory are linear in the file's size, whatever the file holds.
 */
import { DeviceTreeError, type DeviceTreeWarning, malformed } from './error.ts';
import { type FdtHeader, readHeader } from './header.ts';
import { PROP_HEADER, padded } from './layout.ts';
import { NO_NODE, NodeTable, pathIn } from './node-table.ts';
import { BIT, OTHER, PHANDLE, UNAVAILABLE } from './noted-names.ts';
import { readReservations } from './reservations.ts';
import { MAX_NAME_LENGTH, StringsBlock } from './strings-block.ts';
import { type DeviceNode, DeviceTree } from './tree.ts';
import { duplicateWarnings, MAX_WARNINGS } from './warnings.ts';
import { hashOfBaseName } from './words.ts';

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
  const strings = new StringsBlock(bytes, header.stringsOffset, header.stringsSize);
  const table = readStructure({ bytes, view, header, strings, warnings });
  return new DeviceTree({
    bytes,
    view,
    header,
    strings,
    reservations,
    table,
    warnings,
    findOddities: duplicateWarnings,
  });
}

/** What the structure block is read with. */
interface Reading {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly header: FdtHeader;
  readonly strings: StringsBlock;
  readonly warnings: DeviceTreeWarning[];
}

/** Few nodes have fewer bytes than this. */
const USUAL_NODE = 128;

/** Walk the tokens of the structure block. */
function readStructure(reading: Reading): NodeTable {
  const { bytes, view, header, strings, warnings } = reading;
  const end = header.structOffset + header.structSize;
  const table = new NodeTable(Math.ceil(header.structSize / USUAL_NODE));
  const { kinds } = strings;
  let node = NO_NODE;
  /** What the node's properties told so far, until its first child or its end. */
  let [count, propertiesEnd, noted, compatibleAt] = [0, 0, 0, 0];
  let depth = -1;
  let pathLength = 0;
  let at = header.structOffset;
  for (;;) {
    if (at + 4 > end) throw outOfBlock(at, end);
    const token = view.getUint32(at);
    switch (token) {
      case FDT_BEGIN_NODE: {
        if (node === NO_NODE && table.count > 0)
          throw malformed(at, 'a second root node', 'FDT_END after the first');
        depth += 1;
        if (depth > MAX_DEPTH)
          throw malformed(
            at,
            `a node at depth ${depth}`,
            `nesting of at most ${MAX_DEPTH}`,
            'Linux reads no deeper',
          );
        const nameEnd = endOfName(bytes, at + 4, end);
        pathLength += nameEnd - at - 3;
        if (pathLength > MAX_PATH)
          throw malformed(at, `a node with a path of ${pathLength} characters`, `at most ${MAX_PATH}`);
        if (table.count - 1 === node) table.setProperties(count, propertiesEnd, noted, compatibleAt);
        count = propertiesEnd = noted = compatibleAt = 0;
        node = table.add(node, at, nameEnd, hashOfBaseName(bytes, at + 4, nameEnd));
        at = table.propertiesStart(node);
        break;
      }
      case FDT_END_NODE:
        if (node === NO_NODE)
          throw malformed(at, 'FDT_END_NODE outside any node', 'FDT_BEGIN_NODE or FDT_END');
        pathLength -= table.nameEnd(node) - table.offset(node) - 3;
        if (table.count - 1 === node) table.setProperties(count, propertiesEnd, noted, compatibleAt);
        table.close(node);
        node = table.parent(node);
        depth -= 1;
        at += 4;
        break;
      case FDT_PROP: {
        if (node === NO_NODE) throw malformed(at, 'a property outside any node', 'FDT_BEGIN_NODE or FDT_END');
        if (at + 12 > end) throw outOfBlock(at, end);
        const length = view.getUint32(at + 4);
        const next: number = at + 12 + padded(length);
        if (next > end)
          throw malformed(at + 4, `a property of ${length} bytes`, `at most ${end - at - 12}, what is left`);
        const nameOffset = view.getUint32(at + 8);
        const kind = kinds[nameOffset] || strings.kindAt(nameOffset, at + 8);
        if (table.count - 1 > node) strayProperty(reading, table, node, at);
        else {
          count += 1;
          propertiesEnd = next;
          // Of two of the same name the first counts.
          if (kind < OTHER && (noted & kind) === 0) {
            noted |= kind;
            if (kind === BIT.compatible) compatibleAt = at;
            else if (kind === BIT.status && !isOkay(view, at)) noted |= UNAVAILABLE;
          }
        }
        if (kind === PHANDLE && length >= 4 && table.phandle(node) === 0)
          table.setPhandle(node, view.getUint32(at + 12));
        at = next;
        break;
      }
      case FDT_NOP:
        at += 4;
        break;
      case FDT_END:
        if (node !== NO_NODE)
          throw malformed(at, `FDT_END within ${pathIn(bytes, table, node)}`, 'FDT_END_NODE first');
        if (table.count === 0) throw malformed(at, 'FDT_END', 'a root node before it');
        if (header.version >= 17 && at + 4 < end)
          warnings.push({
            offset: at + 4,
            message: `${end - at - 4} bytes of the structure block after FDT_END`,
          });
        return table;
      default:
        throw malformed(at, `token 0x${token.toString(16)}`, 'one of 1, 2, 3, 4 and 9');
    }
  }
}

/** Whether the `status` there begins with "okay" or "ok" and a NUL. */
function isOkay(view: DataView, property: number): boolean {
  const length = view.getUint32(property + 4);
  const value = property + PROP_HEADER;
  if (length < 3 || view.getUint16(value) !== OK) return false;
  if (view.getUint8(value + 2) === 0) return true;
  return length >= 5 && view.getUint16(value + 2) === AY && view.getUint8(value + 4) === 0;
}

/** "ok" and "ay". */
const OK = 0x6f6b;
const AY = 0x6179;

/** Properties after a child node are not the node's for libfdt, hence not for Linux. */
function strayProperty({ bytes, warnings }: Reading, table: NodeTable, node: number, at: number): void {
  if (warnings.length < MAX_WARNINGS)
    warnings.push({
      offset: at,
      message: `a property of ${pathIn(bytes, table, node)} after its child nodes; ignored, as by Linux`,
    });
}

/** File offset of the NUL that ends a node's name. */
function endOfName(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_NAME_LENGTH + 1);
  for (let at = start; at < limit; at += 1) if (bytes[at] === 0) return at;
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
  const fragment = fragmentOf(tree);
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

/** The first node below the root that has an __overlay__. */
function fragmentOf(tree: DeviceTree): DeviceNode | undefined {
  const { table } = tree;
  for (let at = 1; at < table.count; at = table.next(at))
    if (tree.childAt(at, '__overlay__') !== NO_NODE) return tree.node(at);
  return undefined;
}
