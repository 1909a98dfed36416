/** What `run` found, for people: did the data arrive, which bytes did not, why, and what it cost. */
import { hex } from '../../address/index.ts';
import type { RunFinding, WrongRange } from '../../pv/index.ts';
import type { Style } from '../style.ts';
import { plural, wrap } from '../words.ts';
import { type RunRow, verdictOf } from './json.ts';
import type { RunDocument } from './schema.ts';

const WIDTH = 110;
/** Ranges and findings that are listed of one run. */
const LISTED = 12;

/** The whole report, lines ending in newlines. Of several runs with one design only the first that went wrong is explained. */
export function runReport(
  { load, machine }: Pick<RunDocument, 'load' | 'machine'>,
  rows: readonly RunRow[],
  style: Style,
): string {
  const about = `${load.description}; ${machine.coherent ? 'coherent' : 'non-coherent'} device, lines of ${machine.lineSize} bytes, ${machine.kind === 'concrete' ? `cache ${machine.cache}` : 'every cache behaviour'}`;
  const designs = [...new Set(rows.map(({ design }) => design))];
  const sections = [
    about,
    ...designs.map((design) =>
      ofDesign(
        rows.filter((row) => row.design === design),
        style,
      ),
    ),
    costTable(rows),
  ];
  return `${sections.join('\n\n')}\n`;
}

function ofDesign(rows: readonly RunRow[], style: Style): string {
  const bad = rows.filter((row) => verdictOf(row) !== 'intact');
  const [first] = bad;
  const [one] = rows;
  if (one === undefined) return '';
  if (first === undefined) return style.green(`${one.design}: ${intactText(rows)}`);
  const head = style.red(`${one.design}: ${badText(first, bad.length, rows.length)}`);
  return [head, ...explained(first)].join('\n');
}

function intactText(rows: readonly RunRow[]): string {
  const [one] = rows;
  if (one?.adversarial) return 'intact, whatever the caches do';
  return rows.length === 1
    ? `arrived intact (seed ${one?.seed})`
    : `arrived intact with ${rows.length} seeds`;
}

function badText(row: RunRow, bad: number, all: number): string {
  const { result, seed } = row;
  const { wrong, errors } = result;
  const seeds = all === 1 ? '' : `, with ${bad} of ${all} seeds; the first of them:`;
  if (verdictOf(row) === 'failed') return `${plural(errors, 'request')} answered with an error${seeds}`;
  if (row.adversarial) return 'can be corrupted';
  const bytes = wrong.reduce((sum, { from, to }) => sum + to - from, 0);
  const differing = wrong.reduce((sum, range) => sum + range.differing, 0);
  const data =
    bytes === 0
      ? 'the data arrived, but bytes went wrong on the way'
      : `${plural(bytes, 'byte')} arrived wrong, ${differing} of them different`;
  return `${data} (seed ${seed})${seeds}`;
}

function explained({ result }: RunRow): string[] {
  const { wrong, findings } = result;
  const lines: string[] = [];
  for (const range of wrong.slice(0, LISTED)) lines.push(`  ${rangeText(range)}`);
  if (wrong.length > LISTED) lines.push(`  ... and ${wrong.length - LISTED} more ranges`);
  const own = findings.map((finding, i) => ({ finding, i })).filter(({ finding }) => !finding.consequence);
  for (const { finding, i } of own.slice(0, LISTED)) lines.push(...findingText(finding, i));
  if (own.length > LISTED) lines.push(`  ... and ${own.length - LISTED} more causes`);
  return lines;
}

function rangeText({ from, to, differing, request, finding }: WrongRange): string {
  const cause = finding === undefined ? 'cause unknown' : `cause ${finding + 1}`;
  return `data [0x${from.toString(16)}, 0x${to.toString(16)}), request ${request}: ${differing} of ${to - from} bytes differ; ${cause}`;
}

function findingText({ cause, ranges }: RunFinding, index: number): string[] {
  const bytes = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  const head = `  cause ${index + 1}: ${cause.rule}, ${plural(bytes, 'byte')} in ${plural(ranges.length, 'range')}, first line ${hex(cause.line)}${movesText(cause.moves)}`;
  return [head, ...wrap(cause.text, 4, WIDTH)];
}

function movesText(moves: number | null): string {
  if (moves === null) return '';
  return `, ${moves === 0 ? 'without any move' : `after ${plural(moves, 'move')}`} of the hardware`;
}

function costTable(rows: readonly RunRow[]): string {
  const columns = [
    'design',
    'mappings',
    'native',
    'cache_flush',
    'other hypercalls',
    'cleaned',
    'invalidated',
    'clean+inv',
    'bounced',
  ];
  const designs = new Map(rows.map((row) => [row.design, row]));
  const cells = [...designs.values()].map(({ design, result }) => {
    const { costs, mappings } = result;
    const { GNTTABOP_cache_flush: flushes = 0, ...others } = costs.hypercalls;
    const other = Object.values(others).reduce((sum, each) => sum + each, 0);
    return [
      design,
      mappings,
      costs.nativeCalls,
      flushes,
      other,
      costs.linesCleaned,
      costs.linesInvalidated,
      costs.linesCleanInvalidated,
      costs.bouncedBytes,
    ].map(String);
  });
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((row) => row[i]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `  ${row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ')}`;
  return ['What it cost (calls, cache lines, bytes):', line(columns), ...cells.map(line)].join('\n');
}
