/** The machine-readable report of `audit`: dmalab/audit@1. */
import { hex } from '../../address/index.ts';
import type { AuditedDevice, BoardAudit, Finding } from '../../audit/index.ts';
import type { DmaWindow } from '../../devicetree/index.ts';
import type { AuditDocument } from './schema.ts';

type Row = AuditDocument['boards'][number];

export function auditJson(boards: readonly Row[]): AuditDocument {
  return { schema: 'dmalab/audit@1', boards: [...boards] };
}

/** @param file the board's file as it was given. */
export function boardJson(file: string, audit: BoardAudit): Row {
  const { model, compatible } = audit.board.platform;
  return {
    file,
    model,
    compatible: [...compatible],
    devices: audit.devices.map(deviceRow),
    findings: audit.findings.map(findingJson),
  };
}

export function findingJson({ rule, severity, node, explanation }: Finding): Row['findings'][number] {
  return { rule, severity, path: node.path, explanation };
}

function deviceRow(device: AuditedDevice): Row['devices'][number] {
  const { underXen, dmaLimit } = device;
  return {
    path: device.node.path,
    names: device.names,
    kind: device.kind,
    does: device.dmaBecause,
    coherent: device.coherent,
    because: device.because,
    outerCache: device.outerCache,
    iommu: device.iommu?.path ?? null,
    dmaLimit: dmaLimit === null ? null : hex(dmaLimit),
    windows: windowRows(device.windows),
    underXen: { class: underXen.class, because: underXen.because, designs: [...underXen.designs] },
  };
}

/** Boards have up to four; a damaged file can have thousands, for each of thousands of devices. */
const MOST_WINDOWS = 8;

type WindowRow = Row['devices'][number]['windows'][number];
const known = new WeakMap<readonly DmaWindow[], WindowRow[]>();

/** Devices of a bus share their windows, and these rows. */
function windowRows(windows: readonly DmaWindow[]): WindowRow[] {
  let rows = known.get(windows);
  if (rows === undefined) {
    rows = windows.slice(0, MOST_WINDOWS).map(({ busFrom, machineFrom, size }) => ({
      dma: hex(busFrom),
      machine: hex(machineFrom),
      size: `0x${size.toString(16)}`,
    }));
    known.set(windows, rows);
  }
  return rows;
}
