/** What a scenario takes from a board's device tree instead of saying it itself: the same facts that replay and audit use. */
import { architecture, type DeviceNode, type DeviceTree, factsOf, outerCache } from '../devicetree/index.ts';
import { closest } from '../text/index.ts';
import { hex, type Report } from './report.ts';
import type { ScenarioFile } from './schema.ts';
import type { DeviceSpec } from './types.ts';

/**
 * Reads the device tree at a path, relative to the scenario's file.
 * @returns the tree, or one line on why there is none.
 */
export type ReadBoard = (path: string) => DeviceTree | string;

/** Where nobody can read files. */
export const noBoards: ReadBoard = () => 'found a device tree, expected none: files cannot be read here';

/** The tree of `platform: { dtb }`; undefined without one, or where it cannot be used, which is reported. */
export function boardOf(
  { platform }: Pick<ScenarioFile, 'platform'>,
  readBoard: ReadBoard,
  report: Report,
): DeviceTree | undefined {
  if (platform?.dtb === undefined) return undefined;
  const tree = readBoard(platform.dtb);
  if (typeof tree !== 'string') return tree;
  report(['platform', 'dtb'], tree);
  return undefined;
}

/** What of a platform the tree tells; an SMMU it does not: Xen's dom0 is direct mapped with one, too. */
export function platformFacts(tree: DeviceTree | undefined) {
  if (tree === undefined) return {};
  return {
    architecture: architecture(tree).name ?? undefined,
    outerCache: outerCache(tree) !== null,
  };
}

/** What of a device its node tells. */
type DeviceFactsOfBoard = Partial<Pick<DeviceSpec, 'coherent' | 'maskBits' | 'busOffset'>>;

type DeviceFields = NonNullable<ScenarioFile['devices']>[string];

/** Empty without `node`, or where it is none, which is reported. */
export function deviceFactsOfBoard(
  name: string,
  device: DeviceFields,
  tree: DeviceTree | undefined,
  hasBoard: boolean,
  report: Report,
): DeviceFactsOfBoard {
  if (device.node === undefined) return {};
  const path = ['devices', name, 'node'];
  if (!hasBoard) report(path, 'found a node, expected platform: { dtb } too, the device tree that it is in');
  if (tree === undefined) return {};
  const node = findNode(tree, device.node);
  if (node === undefined) {
    report(path, unknownNode(tree, device.node));
    return {};
  }
  const { coherent, windows, busLimit } = factsOf(node);
  const offsets = new Set(windows.map(({ busFrom, machineFrom }) => busFrom - machineFrom));
  if (offsets.size > 1 && device.busOffset === undefined)
    report(
      path,
      `found dma-ranges with ${offsets.size} different offsets, expected one, or busOffset to say which`,
    );
  const bits = busLimit === null ? undefined : Math.log2(busLimit + 1);
  if (bits !== undefined && !Number.isInteger(bits) && device.maskBits === undefined)
    report(
      path,
      `found a bus that ends at ${hex(busLimit ?? 0)}, expected one less than a power of two, or maskBits to say what is to be taken for it`,
    );
  return {
    coherent,
    ...(bits === undefined ? {} : { maskBits: Math.min(52, Math.max(1, Math.floor(bits))) }),
    busOffset: [...offsets][0] ?? 0,
  };
}

/** By path or alias, or by label ("&emmc2") where the blob has symbols. */
function findNode(tree: DeviceTree, text: string): DeviceNode | undefined {
  if (!text.startsWith('&')) return tree.find(text);
  const path = tree.symbols.get(text.slice(1));
  return path === undefined ? undefined : tree.find(path);
}

function unknownNode(tree: DeviceTree, text: string): string {
  const names = text.startsWith('&')
    ? [...tree.symbols.keys()].map((label) => `&${label}`)
    : text.startsWith('/')
      ? tree.nodes.map((node) => node.path)
      : [...tree.aliases.keys()];
  const noLabels = text.startsWith('&') && names.length === 0 ? ': it has no labels (dtc -@ keeps them)' : '';
  return `found ${JSON.stringify(text)}${closest(text, names)}, expected the path, alias or &label of a node of the device tree${noLabels}`;
}
