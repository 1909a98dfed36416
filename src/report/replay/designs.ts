/** What each design would have done on this load, and at what cost: a table, and the sentence that follows from it. */
import Table from 'cli-table3';
import type { TrackResult, Verdict } from '../../replay/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../words.ts';
import type { ReportContext } from './context.ts';

const HEADINGS = [
  'design',
  'verdict',
  'wrong',
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
    ...shown(context).flatMap((result) => [...tableCost(result), ...unsaid(context, result, style)]),
  ].join('\n');
}

/** What keeping a table cost, for the designs that keep one. */
function tableCost({ track: { name, cost } }: TrackResult): string[] {
  const { indexInserts, indexRemoves, indexLookups, indexPeak } = cost;
  if (indexInserts + indexRemoves + indexLookups === 0) return [];
  return [
    `  ${name} keeps a table: ${plural(indexInserts, 'insert')}, ${plural(indexRemoves, 'remove')}, ${plural(indexLookups, 'look-up')}, at most ${indexPeak} entries at once`,
  ];
}

/** Why a design is inconclusive, as far as it is for reasons of its own. */
function unsaid(context: ReportContext, { track, inconclusive }: TrackResult, style: Style): string[] {
  if (track.design === undefined) return [];
  const common = new Set(
    context.result.tracks
      .filter((other) => other.track.design === undefined || other.track.name === context.ownDesign)
      .flatMap((other) => other.inconclusive.map(({ because }) => because)),
  );
  const own = new Map<string, number>();
  for (const { because } of inconclusive)
    if (!common.has(because)) own.set(because, (own.get(because) ?? 0) + 1);
  return [...own].map(([because, count]) => {
    const where = track.design?.needs === undefined ? ` (${plural(count, 'mapping')})` : '';
    return style.yellow(`  ${track.name} is inconclusive: ${because}${where}`);
  });
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
  const groups = new Map<string, TrackResult[]>();
  for (const result of wrong) {
    const { verb, mappings } = damageOf(result);
    const key = `${verb} ${mappings}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const parts = [...groups.values()].map((results) => {
    const { verb, mappings } = damageOf(results[0] as TrackResult);
    const fitting = results.length === 1 ? VERBS[verb].one : VERBS[verb].several;
    return `${names(results)} ${fitting} ${plural(mappings, 'mapping')}`;
  });
  if (right.length > 0) parts.push(`${names(right)} ${right.length === 1 ? 'has' : 'have'} no errors`);
  return `On this load ${parts.join('; ')}.`;
}

const VERBS = {
  corrupt: { one: 'corrupts', several: 'corrupt' },
  fail: { one: 'fails on', several: 'fail on' },
} as const;

/** Where nothing is mapped no data is lost: the transfer fails. */
function damageOf({ track }: TrackResult): { readonly verb: keyof typeof VERBS; readonly mappings: number } {
  const { problems, errorMappings } = track.findings;
  const faults = problems.every(({ rule, severity }) => rule === 'fault' || severity === 'hazard');
  return { verb: faults ? 'fail' : 'corrupt', mappings: errorMappings };
}

function shown(context: ReportContext): TrackResult[] {
  return context.result.tracks.filter(({ track }) => context.shown.has(track.name));
}

function rowOf({ track, verdict }: TrackResult, style: Style): string[] {
  const { cost, findings, name } = track;
  const blank = HEADINGS.slice(2).map(() => '');
  if (verdict === 'not-recorded') return [name, 'not recorded', ...blank];
  if (track.design?.needs !== undefined) return [name, style.yellow(verdict), ...blank];
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
