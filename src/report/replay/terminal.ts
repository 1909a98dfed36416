/** The report for people: the verdict first, each distinct problem once, then what each design would have done. */
import { type ByteRange, type DmaAddr, hex } from '../../address/index.ts';
import { DIRECTION_NAMES } from '../../linux/index.ts';
import type { Problem, TrackResult } from '../../replay/index.ts';
import { kernelSourceText } from '../kernel-source.ts';
import type { Style } from '../style.ts';
import { plural, wrap } from '../words.ts';
import { ASSUMPTIONS, type ReportContext } from './context.ts';
import { designSentences, designTable } from './designs.ts';
import { headline } from './headline.ts';
import { byteName, timeline } from './timeline.ts';

/** The whole report, lines ending in newlines. */
export function terminalReport(context: ReportContext, style: Style): string {
  const recorded = context.result.tracks.find(({ track }) => track.design === undefined);
  const own = context.result.tracks.find(({ track }) => track.name === context.ownDesign);
  const judged = recorded && recorded.verdict !== 'not-recorded' ? recorded : own;
  const sections = [
    headline(context, recorded, own, style),
    about(context, own),
    devices(context, style),
    ...(judged ? problems(context, judged, style) : []),
    ...misuse(context, style),
    ...inconclusive(judged, style),
    designTable(context, style),
    designSentences(context),
    kernelSourceText(context.source, style),
    assumptions(style),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function about(context: ReportContext, own: TrackResult | undefined): string {
  const { summary, result, ownDesign } = context;
  const { platform, mappings, foreignMappings } = result.session;
  const lines = [
    `${plural(summary.lines, 'line')}, ${plural(summary.events, 'event')}, ${plural(mappings, 'mapping')}` +
      (platform.xen ? `, ${foreignMappings} of them of foreign pages` : ''),
    `${platform.xen ? 'on Xen' : 'not on Xen'} (${platform.xenBecause}); cache lines of ${platform.lineSize} bytes`,
    `the kernel\u2019s own design is ${ownDesign} (${context.ownDesignBecause})`,
    ...(platform.xen ? [`local or foreign: ${result.locality}`] : []),
  ];
  const { unparsed, lost, overwritten } = summary;
  if (overwritten > 0)
    lines.push(
      `${plural(overwritten, 'event')} before the first one here were overwritten in the kernel\u2019s buffer`,
    );
  if (unparsed > 0) lines.push(`${plural(unparsed, 'event')} could not be read`);
  if (lost > 0) lines.push(`${plural(lost, 'event')} lost by the kernel: what they touch is inconclusive`);
  const conformance = own?.conforms ? own.track.conformance : undefined;
  if (conformance && conformance.operations > 0) {
    const { matched, operations } = conformance;
    const share = matched === operations ? 'all' : `${matched}`;
    lines.push(
      `${ownDesign} predicts ${share} of ${plural(operations, 'recorded operation')}, argument by argument`,
    );
    for (const { line, predicted, recorded } of conformance.mismatches.slice(0, 3))
      lines.push(`  line ${line}: predicted ${predicted ?? 'nothing'}, recorded ${recorded ?? 'nothing'}`);
  }
  return lines.map((line) => `  ${line}`).join('\n');
}

function devices(context: ReportContext, style: Style): string {
  const rows = context.result.devices
    .filter(({ mappings }) => mappings > 0)
    .map(({ device, mappings, foreignMappings }) => {
      const coherent = device.unknown ? 'unknown' : device.coherent ? 'coherent' : 'non-coherent';
      const foreign = foreignMappings > 0 ? `, ${foreignMappings} foreign` : '';
      return [device.name, coherent, `${plural(mappings, 'mapping')}${foreign}`, device.because] as const;
    });
  if (rows.length === 0) return '';
  const width = (column: 0 | 1 | 2) => Math.max(...rows.map((row) => row[column].length));
  const lines = rows.map(
    ([name, coherent, count, because]) =>
      `  ${name.padEnd(width(0))}  ${coherent.padEnd(width(1))}  ${count.padEnd(width(2))}  ${style.dim(because)}`,
  );
  return [style.bold('Devices'), ...lines].join('\n');
}

/** Errors one by one with an example each, hazards summed up. */
function problems(context: ReportContext, judged: TrackResult, style: Style): string[] {
  const errors = judged.track.findings.problems.filter(({ severity }) => severity === 'error');
  const hazards = judged.track.findings.problems.filter(({ severity }) => severity === 'hazard');
  const sections = errors.map((problem) => errorSection(context, problem, style));
  if (hazards.length > 0)
    sections.push(
      [
        style.bold('Hazards') +
          style.dim(' (they depend on neighbours in shared lines, or on a strict reading of the API)'),
        ...hazards.map(
          ({ rule, device, direction, mappings, example }) =>
            `  ${rule}  ${device}  ${DIRECTION_NAMES[direction]}: ${plural(mappings, 'mapping')}, for example line ${example.finding.line}, ${bytes(example.finding.missed.length > 0 ? example.finding.missed : example.finding.touched)}`,
        ),
      ].join('\n'),
    );
  return sections;
}

function errorSection(context: ReportContext, problem: Problem, style: Style): string {
  const { rule, device, direction, mappings, example, foreign } = problem;
  const { finding, lane } = example;
  const lines = [
    `${style.red(style.bold(`ERROR ${rule}`))}  ${plural(mappings, 'mapping')}: ${DIRECTION_NAMES[direction]}${foreign ? ', foreign pages' : ''}, ${device}`,
    `  example: the map at line ${finding.line}, DMA address ${hex(finding.dma)}, size 0x${finding.size.toString(16)}`,
  ];
  if (finding.missed.length > 0)
    lines.push(`    missed   ${bytes(finding.missed)}  ${style.dim('bytes of the buffer')}`);
  if (finding.touched.length > 0)
    lines.push(`    touched  ${bytes(finding.touched)}  ${style.dim('bytes outside it')}`);
  lines.push(...wrap(finding.explanation, 4, 96));
  const story = context.result.story(problem);
  if (story) {
    const moves = story.witness.hardwareMoves;
    const how =
      moves === 0
        ? 'a lazy cache fails by itself, every time'
        : `needs ${plural(moves, 'hardware move')} (*)`;
    lines.push('', `    byte ${byteName(story, lane.dma, lane.bus)}: ${how}`);
    lines.push(
      `      ${style.dim('what happens'.padEnd(52))}${style.dim('cache'.padEnd(16))}${style.dim('memory')}`,
    );
    for (const { what, cache, memory, wrong } of timeline(story)) {
      const text = `${what.padEnd(51)} ${cache.padEnd(15)} ${memory}`;
      lines.push(`      ${wrong ? style.red(text) : text}`);
    }
  }
  return lines.join('\n');
}

function bytes(ranges: readonly ByteRange<DmaAddr>[]): string {
  const shown = ranges.slice(0, 4).map(([from, to]) => `[${hex(from)}, ${hex(to)})`);
  return shown.join(' ') + (ranges.length > 4 ? ` and ${ranges.length - 4} more` : '');
}

function misuse(context: ReportContext, style: Style): string[] {
  const { kept, count } = context.result.session.misuse;
  if (count === 0) return [];
  const lines = kept
    .slice(0, 10)
    .map(
      ({ rule, severity, device, line, dma, explanation }) =>
        `  ${severity === 'error' ? style.red(rule) : rule}  ${device}, line ${line}, ${hex(dma)}: ${explanation}`,
    );
  if (count > lines.length) lines.push(`  and ${count - lines.length} more`);
  return [[style.bold('Misuse of the DMA API by drivers'), ...lines].join('\n')];
}

function inconclusive(judged: TrackResult | undefined, style: Style): string[] {
  if (!judged || judged.inconclusive.length === 0) return [];
  const byReason = new Map<string, { count: number; line: number; device: string }>();
  for (const { because, line, device } of judged.inconclusive) {
    const known = byReason.get(because);
    if (known) known.count++;
    else byReason.set(because, { count: 1, line, device });
  }
  const lines = [...byReason].slice(0, 8).map(([because, { count, line, device }]) => {
    const where = line > 0 ? ` (${plural(count, 'mapping')}, first at line ${line}, ${device})` : '';
    return `  ${because}${where}`;
  });
  if (byReason.size > 8) lines.push(`  and ${byReason.size - 8} more reasons`);
  return [[style.yellow(style.bold('Inconclusive')), ...lines].join('\n')];
}

function assumptions(style: Style): string {
  const text = `Assumed: ${ASSUMPTIONS.join('; ')}.`;
  return wrap(text, 0, 100).map(style.dim).join('\n');
}
