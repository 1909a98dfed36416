/** The report of `audit` for people: a table of devices, what is suspicious, and a summary of many boards. */
import { hex } from '../../address/index.ts';
import {
  type AuditedDevice,
  type BoardAudit,
  type Finding,
  listRanges,
  type Severity,
} from '../../audit/index.ts';
import type { Style } from '../style.ts';
import { plural, wrap } from '../words.ts';
import { columns } from './columns.ts';

const WIDTH = 118;

/** One board: lines ending in newlines. */
export function auditReport(file: string, audit: BoardAudit, style: Style): string {
  const { devices, findings } = audit;
  const sections = [
    heading(file, audit, style),
    devices.length === 0 ? 'No enabled device does DMA.' : table(devices, style),
    reasons(devices, style),
    grouped(findings, style),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function heading(file: string, { board, devices }: BoardAudit, style: Style): string {
  const { platform, setup, ram } = board;
  const coherent = devices.filter((device) => device.coherent).length;
  const lines = [
    style.bold(`${file}: ${platform.model || platform.compatible[0] || 'a board without a name'}`),
    `  ${platform.compatible.join(', ') || 'no compatible'}; ${platform.architecture ?? 'unknown architecture'}, ${plural(platform.cpus, 'CPU')}`,
    `  RAM: ${ram.length === 0 ? 'not in the tree (the boot loader fills it in)' : listRanges(ram)}`,
    `  ${plural(devices.length, 'device')} with DMA, ${coherent} of them coherent; dom0 ${setup.dom0 === 'translated' ? 'is not direct mapped' : 'direct mapped'}${setup.smmu ? '' : ', iommu=no'}`,
  ];
  return lines.join('\n');
}

function table(devices: readonly AuditedDevice[], style: Style): string {
  const head = ['device', 'coherent', 'reaches', 'behind', 'under Xen'];
  const rows = devices.map((device) => [
    `${device.node.path}${device.names === '' ? '' : ` (${device.names})`}`,
    device.coherent ? 'yes' : 'no',
    device.windows.length === 0
      ? 'all'
      : device.dmaLimit === null
        ? 'nothing'
        : `up to ${hex(device.dmaLimit)}`,
    [device.iommu?.name, device.outerCache?.split('/').at(-1)]
      .filter((name) => name !== undefined)
      .join(', ') || '-',
    device.underXen.class,
  ]);
  const [first = '', ...lines] = columns(head, rows);
  return [style.dim(first), ...lines.map((line, i) => coloured(line, rows[i]?.[4] ?? '', style))].join('\n');
}

function coloured(line: string, what: string, style: Style): string {
  if (what.startsWith('unsafe') || what === 'cannot address') return style.red(line);
  return what === 'bounce' ? style.yellow(line) : line;
}

/** Each distinct reason once. */
function reasons(devices: readonly AuditedDevice[], style: Style): string {
  const groups = Map.groupBy(
    devices,
    ({ node, underXen }) => `${underXen.class}\n${underXen.because.replaceAll(node.path, 'the device')}`,
  );
  const lines = [...groups].flatMap(([key, same]) => {
    const [name = '', because = ''] = key.split('\n');
    const { designs } = same[0]?.underXen ?? { designs: [] };
    const which = same.length === 1 ? (same[0]?.node.path ?? '') : plural(same.length, 'device');
    return [
      `${style.bold(name)}: ${which}`,
      ...wrap(`${because}.`, 2, WIDTH),
      style.dim(`  holds for ${designs.join(', ')}`),
    ];
  });
  return lines.join('\n');
}

/** Findings that differ in the node only stand once. */
function grouped(findings: BoardAudit['findings'], style: Style): string {
  const groups = new Map<string, { finding: Finding; paths: string[] }>();
  for (const finding of findings) {
    const { rule, severity, explanation } = finding;
    const { path } = finding.node;
    const about = explanation.startsWith(path)
      ? explanation
          .slice(path.length)
          .replace(/^ \(([^)]*)\)/, '')
          .replace(/^: | /, '')
      : explanation;
    const key = `${severity} ${rule}\n${about}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { finding, paths: [path] });
    else group.paths.push(path);
  }
  return [...groups]
    .map(([key, { finding, paths }]) => {
      const about = key.slice(key.indexOf('\n') + 1);
      return [
        `${label(finding.severity, style)} ${style.bold(finding.rule)}: ${paths.join(', ')}`,
        ...wrap(about, 2, WIDTH),
      ].join('\n');
    })
    .join('\n');
}

function label(severity: Severity, style: Style): string {
  if (severity === 'error') return style.red('ERROR');
  return severity === 'hazard' ? style.yellow('HAZARD') : style.dim('NOTE');
}
