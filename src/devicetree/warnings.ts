/** Oddities that Linux lives with; looked for only when somebody asks, because that means reading every name. */
import type { DeviceTreeWarning } from './error.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** A damaged file can hold one for every 12 bytes; nobody reads more than a few. */
export const MAX_WARNINGS = 100;

/** Doubled nodes, properties and phandles, and names that a path cannot hold; at most MAX_WARNINGS and one. */
export function duplicateWarnings(tree: DeviceTree): DeviceTreeWarning[] {
  const warnings: DeviceTreeWarning[] = [];
  for (const warning of allDuplicates(tree)) {
    if (warnings.length === MAX_WARNINGS) {
      warnings.push({ offset: warning.offset, message: 'more of the kind; not listed' });
      break;
    }
    warnings.push(warning);
  }
  return warnings;
}

function* allDuplicates(tree: DeviceTree): Generator<DeviceTreeWarning> {
  const phandles = new Map<number, DeviceNode>();
  for (const node of tree.nodes) {
    yield* oddName(node);
    yield* doubledChildren(node);
    yield* doubledProperties(node);
    if (node.phandle === 0) continue;
    const other = phandles.get(node.phandle);
    if (other === undefined) phandles.set(node.phandle, node);
    else
      yield {
        offset: node.offset,
        message: `phandle 0x${node.phandle.toString(16)} of ${node.path} is also ${other.path}'s; references go to the latter`,
      };
  }
}

function* oddName(node: DeviceNode): Generator<DeviceTreeWarning> {
  if (node.parent === null) {
    if (node.name !== '')
      yield { offset: node.offset, message: `the root has a name, ${show(node.name)}; ignored` };
  } else if (!/^[\w,.+@-]+$/.test(node.name))
    yield {
      offset: node.offset,
      message: `a node under ${node.parent.path} has the name ${show(node.name)}, which a path cannot hold`,
    };
}

function* doubledChildren(node: DeviceNode): Generator<DeviceTreeWarning> {
  if (node.children.length < 2) return;
  const names = new Set<string>();
  for (const child of node.children) {
    if (names.has(child.name))
      yield { offset: child.offset, message: `${child.path} stands there twice; a path finds the first` };
    names.add(child.name);
  }
}

function* doubledProperties(node: DeviceNode): Generator<DeviceTreeWarning> {
  if (node.propertyCount === node.properties.size) return;
  const names = new Set<string>();
  for (const { name, offset } of node.eachProperty()) {
    if (names.has(name))
      yield { offset, message: `${node.path} has ${show(name)} twice; the first counts, as in Linux` };
    names.add(name);
  }
}

/** Text of unknown origin, with control characters escaped. */
function show(text: string): string {
  return JSON.stringify(text);
}
