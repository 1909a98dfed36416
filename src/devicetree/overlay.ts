/**
 * Device tree overlays (dtbo) applied to a base, as a boot loader does.
 *
 * Rule: libfdt's fdt_overlay_apply (dtc 1.6.1), which U-Boot and fdtoverlay use; Linux's of_overlay_fdt_apply
 * (drivers/of/overlay.c, resolver.c of 6.1) comes to the same tree. A test compares with fdtoverlay.
 */
import { buildFdt, type Tokens } from './build.ts';
import { malformed } from './error.ts';
import { parseFdt, readFdt } from './fdt.ts';
import { cellAt, cells } from './properties.ts';
import { latin1 } from './strings-block.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** A node that can be changed. */
interface Draft {
  readonly name: string;
  readonly properties: Map<string, Uint8Array>;
  readonly children: Draft[];
}

/**
 * Read a blob that is meant to be an overlay.
 * @throws DeviceTreeError if it cannot be read, or has no fragment with __overlay__.
 */
export function readOverlay(file: Uint8Array): DeviceTree {
  const tree = parseFdt(file);
  if (!tree.root.children.some((node) => node.child('__overlay__') !== undefined))
    throw malformed(tree.root.offset, 'no fragment', 'an overlay: a node with __overlay__ under the root');
  return tree;
}

/**
 * The base with the overlay in it; both stay as they are.
 * @throws DeviceTreeError, with the place in the overlay: a label or target that the base does not have, a fixup that
 * points nowhere; or (of the result) a tree that is too deep.
 */
export function applyOverlay(base: DeviceTree, overlay: DeviceTree): DeviceTree {
  const result = draftOf(base.root);
  const added = draftOf(overlay.root);
  const lastPhandle = base.nodes.reduce(
    (last, { phandle }) => (phandle === 0xffffffff ? last : Math.max(last, phandle)),
    0,
  );
  renumber(added, overlay, lastPhandle);
  resolveLabels(added, base, overlay);
  const targets = new Map<string, string>();
  for (const fragment of overlay.root.children) {
    const content = childOf(childOf(added, fragment.name), '__overlay__');
    if (content === undefined) continue;
    const path = targetOf(result, childOf(added, fragment.name), fragment);
    targets.set(fragment.name, path);
    merge(at(result, path) ?? result, content);
  }
  addSymbols(result, childOf(added, '__symbols__'), targets);
  const reservations = base.reservations.map(({ from, size }) => [BigInt(from), BigInt(size)] as const);
  const structure = (tokens: Tokens) => {
    write(tokens, result);
    tokens.finish();
  };
  return readFdt(buildFdt({}, { structure, reservations }));
}

function draftOf(node: DeviceNode): Draft {
  const properties = new Map([...node.properties].map(([name, value]) => [name, value.slice()]));
  return { name: node.name, properties, children: node.children.map(draftOf) };
}

function childOf(node: Draft | undefined, name: string): Draft | undefined {
  return node?.children.find((child) => child.name === name);
}

function at(root: Draft, path: string): Draft | undefined {
  let node: Draft | undefined = root;
  for (const name of path.split('/')) if (name !== '') node = childOf(node, name);
  return node;
}

/** The overlay's own phandles move behind the base's, and what refers to them with them (__local_fixups__). */
function renumber(root: Draft, overlay: DeviceTree, delta: number): void {
  const add = (value: Uint8Array, offset: number, where: DeviceNode, what: string) => {
    if (offset + 4 > value.length)
      throw malformed(
        where.offset,
        `a fixup of ${what} at byte ${offset}`,
        `an offset within its ${value.length} bytes`,
      );
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const moved = view.getUint32(offset) + delta;
    if (moved >= 0xffffffff)
      throw malformed(where.offset, `the phandle 0x${moved.toString(16)} of ${what}`, 'one below 0xffffffff');
    view.setUint32(offset, moved);
  };
  const own = (draft: Draft, node: DeviceNode) => {
    for (const name of ['phandle', 'linux,phandle']) {
      const value = draft.properties.get(name);
      if (value !== undefined) add(value, 0, node, `${node.path}/${name}`);
    }
    draft.children.forEach((child, i) => {
      const original = node.children[i];
      if (original !== undefined) own(child, original);
    });
  };
  own(root, overlay.root);
  const references = (draft: Draft, fixups: DeviceNode) => {
    for (const [name, offsets] of fixups.properties) {
      const value = draft.properties.get(name);
      if (value === undefined)
        throw malformed(fixups.offset, `a fixup of ${name}`, `a property of that name at its place`);
      for (const offset of cells(offsets)) add(value, offset, fixups, name);
    }
    for (const child of fixups.children) {
      const target = childOf(draft, child.name);
      if (target === undefined)
        throw malformed(child.offset, `fixups of ${child.name}`, 'a node of that name at its place');
      references(target, child);
    }
  };
  const fixups = overlay.root.child('__local_fixups__');
  if (fixups !== undefined) references(root, fixups);
}

/** References to labels of the base: __fixups__ lists their places as "/path:property:offset". */
function resolveLabels(root: Draft, base: DeviceTree, overlay: DeviceTree): void {
  const fixups = overlay.root.child('__fixups__');
  for (const [label, places] of fixups?.properties ?? []) {
    const where = fixups?.offset ?? 0;
    const path = base.symbols.get(label);
    const phandle = path === undefined ? undefined : base.find(path)?.phandle;
    if (phandle === undefined || phandle === 0)
      throw malformed(
        where,
        `a reference to &${label}`,
        'a label of the base that has a phandle',
        base.symbols.size === 0
          ? 'the base has no __symbols__: compile it with dtc -@'
          : 'is it an overlay for another board?',
      );
    for (const place of latin1(places).split('\0')) {
      if (place === '') continue;
      const [, node = '', name = '', offset = ''] = /^([^:]*):([^:]*):(\d+)$/.exec(place) ?? [];
      const value = at(root, node)?.properties.get(name);
      if (value === undefined || Number(offset) + 4 > value.length)
        throw malformed(where, `the fixup ${JSON.stringify(place)}`, 'the place of a cell in the overlay');
      new DataView(value.buffer, value.byteOffset, value.byteLength).setUint32(Number(offset), phandle);
    }
  }
}

/** Path in the base of what a fragment is for. */
function targetOf(base: Draft, fragment: Draft | undefined, { offset, path }: DeviceNode): string {
  const target = cellAt(fragment?.properties.get('target') ?? new Uint8Array(0), 0);
  if (target !== undefined) {
    const found = pathOfPhandle(base, target, '');
    if (found !== undefined) return found;
    throw malformed(
      offset,
      `the target 0x${target.toString(16)} of ${path}`,
      'the phandle of a node of the base',
    );
  }
  const text = latin1(fragment?.properties.get('target-path') ?? new Uint8Array(0)).replace(/\0.*$/, '');
  const found = text.startsWith('/') ? text : aliasPath(base, text);
  if (found !== undefined && at(base, found) !== undefined) return found;
  throw malformed(
    offset,
    `the target-path ${JSON.stringify(text)} of ${path}`,
    'the path of a node of the base',
  );
}

function aliasPath(base: Draft, text: string): string | undefined {
  const [alias = '', ...rest] = text.split('/');
  const value = childOf(base, 'aliases')?.properties.get(alias);
  return value === undefined ? undefined : [latin1(value).replace(/\0.*$/, ''), ...rest].join('/');
}

function pathOfPhandle(node: Draft, phandle: number, path: string): string | undefined {
  for (const name of ['phandle', 'linux,phandle'])
    if (cellAt(node.properties.get(name) ?? new Uint8Array(0), 0) === phandle)
      return path === '' ? '/' : path;
  for (const child of node.children) {
    const found = pathOfPhandle(child, phandle, `${path}/${child.name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function merge(into: Draft, from: Draft): void {
  for (const [name, value] of from.properties) into.properties.set(name, value);
  for (const child of from.children) {
    const same = childOf(into, child.name);
    if (same === undefined) into.children.push(child);
    else merge(same, child);
  }
}

/** The overlay's labels, as paths of the result. */
function addSymbols(base: Draft, symbols: Draft | undefined, targets: ReadonlyMap<string, string>): void {
  const own = childOf(base, '__symbols__');
  if (symbols === undefined || own === undefined) return;
  for (const [label, value] of symbols.properties) {
    const path = latin1(value).replace(/\0.*$/, '');
    const [, fragment = '', rest = ''] = /^\/([^/]+)\/__overlay__(\/.*)?$/.exec(path) ?? [];
    const target = targets.get(fragment);
    if (target === undefined) continue;
    const text = target === '/' && rest !== '' ? rest : target + rest;
    own.properties.set(
      label,
      Uint8Array.from(`${text}\0`, (character) => character.charCodeAt(0)),
    );
  }
}

function write(tokens: Tokens, node: Draft): void {
  tokens.begin(node.name);
  for (const [name, value] of node.properties) tokens.property(name, value);
  for (const child of node.children) write(tokens, child);
  tokens.end();
}
