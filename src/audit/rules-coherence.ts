/** Rules on what the tree says of coherence. */
import { type DeviceNode, isAvailable, isCompatible, readStrings } from '../devicetree/index.ts';
import { type Board, nameOf } from './board.ts';
import type { AuditedDevice } from './device.ts';
import type { Finding } from './finding.ts';

export function coherenceRules(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const stated = board.tree.has('dma-coherent') || board.tree.has('dma-noncoherent');
  return [
    ...(stated ? besideOuterCache(board, devices) : []),
    ...(stated ? alone(board, devices) : []),
    ...(stated ? differing(devices) : []),
    ...(stated ? contradictions(board) : []),
    ...(stated ? notRead(devices) : []),
    ...byKernel(board),
    ...unreachedOuterCache(board, devices),
  ];
}

/** Such a device must go through the ACP of the snoop control unit; the caches of the CPUs are all that it snoops. */
function besideOuterCache({ outerCache }: Board, devices: readonly AuditedDevice[]): Finding[] {
  if (outerCache === null || outerCache.ioCoherent) return [];
  return devices
    .filter(({ coherent }) => coherent)
    .map(({ node, because }) => ({
      rule: 'coherent-beside-outer-cache',
      severity: 'hazard',
      node,
      explanation: `${nameOf(node)} is taken for coherent (${because.replace(node.path, 'it')}), and ${nameOf(outerCache.node)} (${outerCache.compatible}) is not marked arm,io-coherent: right only if its accesses go through the CPUs\u2019 coherency port (ACP) and then that cache; else it reads and writes memory behind it`,
    }));
}

/** What makes devices coherent: interconnects that snoop, or a fabric; the snoop control unit has a port for it. */
const INTERCONNECTS = [
  'arm,cci-400',
  'arm,cci-500',
  'arm,cci-550',
  'arm,ccn-502',
  'arm,ccn-504',
  'arm,ccn-508',
  'arm,ccn-512',
  'arm,cmn-600',
  'arm,cmn-650',
  'arm,cmn-700',
  'arm,ci-700',
  'arm,cortex-a5-scu',
  'arm,cortex-a9-scu',
  'arm,arm11mp-scu',
  'marvell,coherency-fabric',
  'marvell,armada-375-coherency-fabric',
  'marvell,armada-380-coherency-fabric',
];

function alone(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const coherent = devices.filter((device) => device.coherent && device.node.has('dma-coherent'));
  const [only] = coherent;
  if (only === undefined || devices.some((device) => device.coherent && !device.node.has('dma-coherent')))
    return [];
  // Two of a kind are one decision of whoever wrote the tree.
  const kinds = new Set(coherent.map(({ node }) => readStrings(node, 'compatible').at(-1)));
  const rest = devices.filter((device) => !device.coherent);
  if (kinds.size > 1 || rest.length === 0 || makesCoherent(board)) return [];
  return coherent.map(({ node }) => ({
    rule: 'coherent-alone',
    severity: 'hazard',
    node,
    explanation: `${nameOf(node)} has dma-coherent; no bus above it has, none of the other ${rest.length} devices is coherent, and the tree has no interconnect that snoops: if the hardware does not snoop for it, it reads and writes stale data`,
  }));
}

function makesCoherent({ tree }: Board): boolean {
  return INTERCONNECTS.some((text) => tree.byCompatible(text).length > 0);
}

/** The first string of `compatible` is the exact kind of device; a bus's own statement counts for what is on it. */
function differing(devices: readonly AuditedDevice[]): Finding[] {
  const kinds = Map.groupBy(devices, ({ node }) => readStrings(node, 'compatible')[0] ?? '');
  const findings: Finding[] = [];
  for (const [kind, same] of kinds) {
    const yes = same.find(({ coherent }) => coherent);
    if (yes === undefined) continue;
    for (const { node, coherent, because } of same)
      if (!coherent)
        findings.push({
          rule: 'coherence-differs',
          severity: 'hazard',
          node,
          explanation: `${nameOf(node)} is non-coherent (${because}), and ${nameOf(yes.node)}, a ${kind} like it, is coherent: was a dma-coherent forgotten, or claimed too much?`,
        });
  }
  return findings;
}

function contradictions({ tree }: Board): Finding[] {
  if (!tree.has('dma-noncoherent')) return [];
  return tree.nodes
    .filter((node) => node.has('dma-coherent') && node.has('dma-noncoherent') && isAvailable(node))
    .map((node) => ({
      rule: 'coherence-contradiction',
      severity: 'hazard',
      node,
      explanation: `${nameOf(node)} has dma-coherent and dma-noncoherent; Linux looks for the former first, and takes it for coherent`,
    }));
}

/** pci_dma_configure (drivers/pci/pci-driver.c of 7.3) asks the host bridge's node only. */
function notRead(devices: readonly AuditedDevice[]): Finding[] {
  return devices
    .filter(({ kind }) => kind === 'pci')
    .flatMap(({ node, coherent }) => {
      const findings: Finding[] = [];
      const visit = (parent: DeviceNode) => {
        for (const child of parent.children) {
          const says = child.has('dma-coherent') ? true : child.has('dma-noncoherent') ? false : undefined;
          if (says !== undefined && says !== coherent)
            findings.push({
              rule: 'coherence-not-read',
              severity: 'hazard',
              node: child,
              explanation: `${nameOf(child)} has ${says ? 'dma-coherent' : 'dma-noncoherent'}; for a PCI function Linux asks the host bridge ${node.path} only, which is ${coherent ? 'coherent' : 'non-coherent'}`,
            });
          visit(child);
        }
      };
      visit(node);
      return findings;
    });
}

function byKernel({ platform, tree }: Board): Finding[] {
  const { coherencyFabric, cpus } = platform;
  const node = coherencyFabric === null ? undefined : tree.find(coherencyFabric);
  if (node === undefined || cpus < 2 || !isAvailable(node)) return [];
  return [
    {
      rule: 'coherent-by-kernel',
      severity: 'note',
      node,
      explanation: `${nameOf(node)}: with more than one CPU Linux declares every platform and PCI device coherent, whatever the tree says (arch/arm/mach-mvebu/coherency.c)`,
    },
  ];
}

/** GNTTABOP_cache_flush executes instructions at EL2, which end at the point of coherency of the CPUs' own caches. */
function unreachedOuterCache(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const { outerCache, virtualization } = board;
  if (outerCache === null || outerCache.ioCoherent) return [];
  const count = devices.filter(({ coherent }) => !coherent).length;
  if (count === 0) return [];
  const kind = isCompatible(outerCache.node, 'arm,pl310-cache') ? 'a PL310' : outerCache.compatible;
  return [
    {
      rule: 'outer-cache-unreached',
      severity: virtualization.value === false ? 'note' : 'error',
      node: outerCache.node,
      explanation: `${nameOf(outerCache.node)} is ${kind}: it takes physical addresses through its own registers; for foreign pages nobody maintains it, so ${count === 1 ? 'a non-coherent device reads and writes' : `${count} non-coherent devices read and write`} stale data through PV backends`,
    },
  ];
}
