/** What each design would have done on this load, and at what cost: a table, and the sentence that follows from it. */
import Table from 'cli-table3';
import type { TrackResult, Verdict } from '../replay/index.ts';
import type { ReportContext } from './context.ts';
import type { Style } from './style.ts';
import { plural } from './words.ts';

const HEADINGS = [
  'design',
  'verdict',
  'corrupted',
  'hazards',
  'hypercalls',
  'cleaned',
  'invalidated',
  'clean+inv',
  'bounced',
];

export function designTable(context: ReportContext, style: Style): string {
  const table = new Table({
    head: HEADINGS,
    colAligns: HEADINGS.map((_, i) => (i < 2 ? 'left' : 'right')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    chars: NO_BORDERS,
  });
  for (const result of shown(context)) table.push(rowOf(result, style));
  return [
    style.bold('What each design would have done on this load') +
      style.dim(' (mappings; hypercalls; cache lines cleaned, invalidated, both; bytes bounced)'),
    ...table
      .toString()
      .split('\n')
      .map((line) => `  ${line.trimEnd()}`),
  ].join('\n');
}

/** One sentence: which releases are wrong on this load. */
export function designSentences(context: ReportContext): string {
  const releases = shown(context).filter(({ track }) => track.design?.releases !== undefined);
  if (releases.length === 0) return '';
  const wrong = releases.filter(({ verdict }) => verdict === 'errors');
  const right = releases.filter(({ verdict }) => verdict === 'clean' || verdict === 'hazards');
  const names = (results: readonly TrackResult[]) => results.map(({ track }) => track.name).join(', ');
  if (wrong.length === 0)
    return right.length === releases.length
      ? 'On this load every release\u2019s design maintains what it has to.'
      : `On this load no release\u2019s design was found wrong; ${names(releases.filter((r) => !right.includes(r)))}: inconclusive.`;
  const counts = new Set(wrong.map(({ track }) => track.findings.errorMappings));
  const [first] = counts;
  const much = counts.size === 1 ? plural(first ?? 0, 'mapping') : 'mappings';
  return `On this load ${names(wrong)} corrupt${wrong.length === 1 ? 's' : ''} ${much}${right.length > 0 ? `; ${names(right)} ${right.length === 1 ? 'does' : 'do'} not` : ''}.`;
}

function shown(context: ReportContext): TrackResult[] {
  return context.result.tracks.filter(({ track }) => context.shown.has(track.name));
}

function rowOf({ track, verdict }: TrackResult, style: Style): string[] {
  const { cost, findings, name } = track;
  if (verdict === 'not-recorded') return [name, 'not recorded', ...HEADINGS.slice(2).map(() => '')];
  const colour: Record<Verdict, (text: string) => string> = {
    errors: style.red,
    hazards: style.yellow,
    clean: style.green,
    inconclusive: style.yellow,
    'not-recorded': style.dim,
  };
  return [
    name,
    colour[verdict](verdict),
    ...[
      findings.errorMappings,
      findings.hazardMappings,
      cost.hypercalls,
      cost.linesCleaned,
      cost.linesInvalidated,
      cost.linesCleanInvalidated,
      cost.bouncedBytes,
    ].map(String),
  ];
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
