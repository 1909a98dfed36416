/** Rules on what Xen does with the board. */
import { type DeviceNode, isAvailable } from '../devicetree/index.ts';
import { type Board, nameOf } from './board.ts';
import type { AuditedDevice } from './device.ts';
import type { Finding } from './finding.ts';
import { fateOf } from './iommus.ts';
import { HIDDEN_EVERYWHERE, XEN_IOMMU_DRIVERS, XEN_PLATFORMS } from './xen-platforms.ts';

export function xenRules(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  return [...iommus(board, devices), ...hidden(board, devices), ...noVirtualization(board)];
}

function iommus(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const behind = Map.groupBy(devices, ({ iommu }) => iommu);
  const findings: Finding[] = [];
  for (const [iommu, masters] of behind) {
    if (iommu === null) continue;
    const { fate, because } = fateOf(board, iommu);
    const first = masters[0]?.node;
    const who = `${masters.length === 1 ? '' : `${masters.length} devices, `}${first === undefined ? '' : nameOf(first)}`;
    if (fate !== 'used')
      findings.push({
        rule: 'iommu-not-used',
        severity: fate === 'left-to-dom0' ? 'hazard' : 'note',
        node: iommu,
        explanation:
          fate === 'left-to-dom0'
            ? `${nameOf(iommu)}: ${because}; it stands before ${who}, and dom0\u2019s Linux sees and uses it as if there were no Xen`
            : `${nameOf(iommu)}: ${because}; ${who} must work without it, as the firmware leaves it`,
      });
    for (const { node, kind } of masters)
      if (fate === 'used' && kind === 'pci' && board.setup.dom0 === 'direct-mapped')
        findings.push({
          rule: 'iommu-blocks-pci',
          severity: 'error',
          node,
          explanation: `${nameOf(node)} is behind ${nameOf(iommu)}: ${because}; without pci-passthrough=on (or iommu=no) no PCI function is added to it, and their DMA faults`,
        });
  }
  return findings;
}

/** Source: xen-platforms.ts. A hidden node's children are hidden with it. */
function hidden(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const { tree } = board;
  const reasons = new Map<DeviceNode, string>();
  for (const [compatible, reasonOf] of HIDDEN)
    for (const node of tree.byCompatible(compatible)) {
      const why = reasonOf(board, node);
      if (why !== undefined && !reasons.has(node)) reasons.set(node, why);
    }
  if (tree.has('xen,passthrough'))
    for (const node of tree.nodes)
      if (node.has('xen,passthrough')) reasons.set(node, 'it has xen,passthrough');
  // Parents come before their children.
  const found = new Map<DeviceNode, string>();
  for (const [node, why] of [...reasons].sort(([a], [b]) => a.offset - b.offset))
    if (isThere(node, found)) found.set(node, why);
  const masters = new Set(devices.map(({ node }) => node));
  return [...found].map(([node, why]) => {
    const isMaster = masters.has(node);
    return {
      rule: 'hidden-device',
      severity: isMaster ? 'hazard' : 'note',
      node,
      explanation: `${nameOf(node)} is not in dom0\u2019s device tree: ${why}${isMaster ? '; it does DMA, and dom0 cannot drive it' : ''}`,
    };
  });
}

/** Enabled, and below nothing that is hidden. */
function isThere(node: DeviceNode, hiddenNodes: ReadonlyMap<DeviceNode, string>): boolean {
  for (let at: DeviceNode | null = node; at !== null; at = at.parent)
    if (!isAvailable(at) || hiddenNodes.has(at)) return false;
  return true;
}

const HIDDEN: readonly (readonly [
  compatible: string,
  reasonOf: (board: Board, node: DeviceNode) => string | undefined,
])[] = [
  ...HIDDEN_EVERYWHERE.map(([word, why]) => [word, () => `${word}: ${why}`] as const),
  ...XEN_PLATFORMS.flatMap(({ name, hidden }) =>
    hidden.map(
      (word) =>
        [
          word,
          ({ xenPlatform }: Board) =>
            xenPlatform?.hidden.includes(word) ? `Xen hides ${word} on ${name}` : undefined,
        ] as const,
    ),
  ),
  ...XEN_IOMMU_DRIVERS.flatMap(({ compatible }) =>
    compatible.map(
      (word) =>
        [
          word,
          (board: Board, node: DeviceNode) => {
            const { fate, because } = fateOf(board, node);
            return fate === 'left-to-dom0' ? undefined : because;
          },
        ] as const,
    ),
  ),
];

function noVirtualization({ virtualization, tree }: Board): Finding[] {
  if (virtualization.value !== false) return [];
  return [
    {
      rule: 'no-virtualization',
      severity: 'note',
      node: tree.root.child('cpus') ?? tree.root,
      explanation: `${virtualization.cpu} has no virtualization extensions: Xen does not run here, and what is said of it is what it would be`,
    },
  ];
}
