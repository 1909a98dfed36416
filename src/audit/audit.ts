/** Audit one board: every device that does DMA, what follows for it under Xen, and what is suspicious. */
import { type DeviceTree, dmaMasters, factsOf, iommuOf, iommuOfBridge } from '../devicetree/index.ts';
import { type Board, boardOf, namesOf, USUAL_SETUP, type XenSetup } from './board.ts';
import { classify, type UnderXen } from './classify.ts';
import type { AuditedDevice } from './device.ts';
import type { Finding } from './finding.ts';
import { reachOf } from './reach.ts';
import { findAll } from './rules.ts';

export interface BoardAudit {
  readonly board: Board;
  readonly devices: readonly AuditedDevice[];
  readonly findings: readonly Finding[];
}

/** Never throws: whatever a tree says has an answer. */
export function auditBoard(tree: DeviceTree, setup: XenSetup = USUAL_SETUP): BoardAudit {
  const board = boardOf(tree, setup);
  const names = namesOf(tree);
  const devices = dmaMasters(tree).map((master): AuditedDevice => {
    const { node } = master;
    const facts = factsOf(node);
    const iommu = facts.iommu === null ? null : master.kind === 'pci' ? iommuOfBridge(node) : iommuOf(node);
    const found = classify(board, { master, facts, iommu });
    return {
      node,
      names: names.get(node.path) ?? '',
      kind: master.kind,
      dmaBecause: master.because,
      coherent: facts.coherent,
      because: facts.because,
      outerCache: board.outerCache?.node.path ?? null,
      iommu,
      windows: facts.windows,
      dmaLimit: reachOf(facts.windows).limit,
      underXen: { ...found, designs: designsOf(found) },
      notes: facts.notes,
    };
  });
  return { board, devices, findings: findAll(board, devices) };
}

/**
 * Releases' designs on Xen, oldest first, and the one that is none's but repairs today's. Names only: the designs themselves would be
 * half of what has to be loaded. A test compares with the registry.
 */
export const RELEASED: readonly string[] = [
  'linux-3.13',
  'linux-3.17',
  'linux-3.19',
  'linux-5.4',
  'linux-5.9',
  'linux-6.12',
  'linux-7.3',
  'repaired',
];

const known = new Map<string, readonly string[]>();

function designsOf({ from, to = 'repaired' }: Pick<UnderXen, 'from' | 'to'>): readonly string[] {
  const key = `${from} ${to}`;
  let names = known.get(key);
  if (names === undefined) {
    const first = RELEASED.indexOf(from);
    names = first < 0 ? [from] : RELEASED.slice(first, RELEASED.indexOf(to) + 1);
    known.set(key, names);
  }
  return names;
}
