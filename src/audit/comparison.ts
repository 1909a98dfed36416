/** What changed between two versions of a board, in DMA terms. */
import { hex } from '../address/index.ts';
import type { DmaWindow } from '../devicetree/index.ts';
import type { BoardAudit } from './audit.ts';
import type { AuditedDevice } from './device.ts';
import type { Finding } from './finding.ts';

/** One thing of a device that is not as it was. */
export interface Change {
  readonly what: 'coherent' | 'dmaLimit' | 'windows' | 'iommu' | 'outerCache' | 'underXen';
  readonly before: string;
  readonly after: string;
}

/** A device that is in both, and differs. */
export interface ChangedDevice {
  readonly path: string;
  readonly changes: readonly Change[];
}

export interface Comparison {
  /** Paths of devices that only one of the two has. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  readonly changed: readonly ChangedDevice[];
  /** Findings (rule and path) that only one of the two has. */
  readonly resolved: readonly Finding[];
  readonly introduced: readonly Finding[];
}

/** Devices are the same if their paths are. */
export function compareBoards(before: BoardAudit, after: BoardAudit): Comparison {
  const old = byPath(before);
  const now = byPath(after);
  const changed: ChangedDevice[] = [];
  for (const [path, device] of now) {
    const was = old.get(path);
    const changes = was === undefined ? [] : changesOf(was, device);
    if (changes.length > 0) changed.push({ path, changes });
  }
  return {
    removed: [...old.keys()].filter((path) => !now.has(path)),
    added: [...now.keys()].filter((path) => !old.has(path)),
    changed,
    resolved: onlyIn(before, after),
    introduced: onlyIn(after, before),
  };
}

function byPath({ devices }: BoardAudit): Map<string, AuditedDevice> {
  return new Map(devices.map((device) => [device.node.path, device]));
}

function changesOf(before: AuditedDevice, after: AuditedDevice): Change[] {
  const [old, now] = [words(before), words(after)];
  return WHAT.flatMap((what) =>
    old[what] === now[what] ? [] : [{ what, before: old[what], after: now[what] }],
  );
}

const WHAT = ['coherent', 'dmaLimit', 'windows', 'iommu', 'outerCache', 'underXen'] as const;

function words(device: AuditedDevice): Record<Change['what'], string> {
  return {
    coherent: device.coherent ? 'coherent' : 'non-coherent',
    dmaLimit: device.dmaLimit === null ? 'no limit' : hex(device.dmaLimit),
    windows: windowsText(device.windows),
    iommu: device.iommu?.path ?? 'none',
    outerCache: device.outerCache ?? 'none',
    underXen: device.underXen.class,
  };
}

/** Devices of a bus share their windows, and this. */
const texts = new WeakMap<readonly DmaWindow[], string>();

function windowsText(windows: readonly DmaWindow[]): string {
  if (windows.length === 0) return 'DMA addresses are machine addresses';
  let text = texts.get(windows);
  if (text === undefined) {
    text = windows
      .map(
        ({ busFrom, machineFrom, size }) =>
          `${hex(busFrom)} is ${hex(machineFrom)}, 0x${size.toString(16)} bytes`,
      )
      .join('; ');
    texts.set(windows, text);
  }
  return text;
}

function onlyIn(one: BoardAudit, other: BoardAudit): Finding[] {
  const known = new Set(other.findings.map(({ rule, node }) => `${rule} ${node.path}`));
  return one.findings.filter(({ rule, node }) => !known.has(`${rule} ${node.path}`));
}
