/** The machine-readable report: dmalab/replay@1. */
import { type ByteRange, type DmaAddr, hex } from '../../address/index.ts';
import { DIRECTION_NAMES } from '../../linux/index.ts';
import type { Finding, Misuse, TrackResult } from '../../replay/index.ts';
import { kernelSourceMember } from '../kernel-source-json.ts';
import { ASSUMPTIONS, type ReportContext } from './context.ts';
import type { ReplayDocument } from './schema.ts';

export function jsonReport(context: ReportContext): ReplayDocument {
  const { summary, result } = context;
  const { session } = result;
  return {
    schema: 'dmalab/replay@1',
    ...kernelSourceMember(context.source),
    trace: {
      lines: summary.lines,
      events: summary.events,
      mappings: session.mappings,
      foreignMappings: session.foreignMappings,
      unparsed: summary.unparsed,
      lost: summary.lost,
      kernel: context.kernel,
      maintenanceRecorded: result.maintenanceRecorded,
    },
    platform: {
      xen: session.platform.xen,
      xenBecause: session.platform.xenBecause,
      ownDesign: context.ownDesign,
      ownDesignBecause: context.ownDesignBecause,
      lineSize: session.platform.lineSize,
      locality: result.locality,
    },
    devices: result.devices.map(({ device, mappings, foreignMappings }) => ({
      name: device.name,
      coherent: device.unknown ? null : device.coherent,
      because: device.because,
      mappings,
      foreignMappings,
    })),
    misuse: session.misuse.kept.map(misuseRow),
    designs: result.tracks.filter(({ track }) => context.shown.has(track.name)).map(designRow),
    assumptions: [...ASSUMPTIONS],
  };
}

function designRow({
  track,
  verdict,
  inconclusive,
  conforms,
}: TrackResult): ReplayDocument['designs'][number] {
  const recorded = verdict !== 'not-recorded';
  const { conformance } = track;
  return {
    name: track.name,
    verdict,
    inconclusive: inconclusive.map((item) => ({ ...item })),
    findings: recorded ? track.findings.kept().map(findingRow) : [],
    findingsDropped: recorded ? track.findings.dropped : 0,
    cost: { ...track.cost },
    conformance:
      conforms && conformance
        ? {
            operations: conformance.operations,
            matched: conformance.matched,
            mismatches: conformance.mismatches.map(({ line, predicted, recorded }) => ({
              line,
              predicted,
              recorded,
            })),
          }
        : null,
  };
}

function findingRow(finding: Finding): ReplayDocument['designs'][number]['findings'][number] {
  const { rule, severity, hardwareMoves, device, line, explanation } = finding;
  return {
    rule,
    severity,
    hardwareMoves,
    device,
    line,
    dmaAddr: hex(finding.dma),
    size: finding.size,
    dir: DIRECTION_NAMES[finding.direction],
    missed: finding.missed.map(pair),
    touched: finding.touched.map(pair),
    explanation,
  };
}

function misuseRow(misuse: Misuse): ReplayDocument['misuse'][number] {
  const { rule, severity, device, line, size, explanation } = misuse;
  return {
    rule,
    severity,
    device,
    line,
    dmaAddr: hex(misuse.dma),
    size,
    dir: DIRECTION_NAMES[misuse.direction],
    explanation,
  };
}

function pair([from, to]: ByteRange<DmaAddr>): [string, string] {
  return [hex(from), hex(to)];
}
