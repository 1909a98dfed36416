/** What `check` found, for people: expectations first, then scenarios by designs, then how it goes wrong. */
import { DESIGNS } from '../../designs/index.ts';
import { type CheckRow, type CheckSummary, isOpen, isUnmet, type Shrinking } from '../../explore/index.ts';
import { kernelSourceText } from '../kernel-source.ts';
import type { KernelSourceReport } from '../kernel-source-facts.ts';
import type { Style } from '../style.ts';
import { plural, wrap } from '../words.ts';
import { counterexample } from './counterexample.ts';

/** Everything that was checked: one summary a scenario and design. */
export interface CheckContext {
  readonly summaries: readonly CheckSummary[];
  /** Show how each violation happens, also of expected ones. */
  readonly explain: boolean;
  /** Elapsed, milliseconds. */
  readonly ms: number;
  /** A kernel's source is among the designs. */
  readonly source?: KernelSourceReport | undefined;
}

/** The whole report, lines ending in newlines. */
export function checkReport(context: CheckContext, style: Style): string {
  const sections = [
    verdictLine(context, style),
    designsOf(context).length > 1 || scenariosOf(context).length > 1 ? matrix(context, style) : '',
    ...unexpected(context, style),
    ...inconclusive(context, style),
    ...notes(context, style),
    ...(context.explain ? explained(context, style) : []),
    kernelSourceText(context.source, style),
    totals(context, style),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function verdictLine({ summaries }: CheckContext, style: Style): string {
  const scenarios = new Set(summaries.map(({ scenario }) => scenario.file)).size;
  const designs = new Set(summaries.map(({ design }) => design)).size;
  const expected = summaries.filter(({ asExpected }) => asExpected !== null);
  const wrong = expected.filter(isUnmet);
  const open = summaries.filter(isOpen);
  const met = expected.filter(({ asExpected }) => asExpected === true);
  const violated = summaries.filter(
    ({ verdict, asExpected }) => verdict === 'violated' && asExpected === null,
  );
  const [only] = summaries;
  const parts = [
    `${plural(scenarios, 'scenario')}, ${designs === 1 && only ? only.design : plural(designs, 'design')}`,
  ];
  if (expected.length > 0)
    parts.push(
      met.length === expected.length
        ? style.green(`all ${plural(expected.length, 'expectation')} met`)
        : wrong.length === 0
          ? style.yellow(`${met.length} of ${plural(expected.length, 'expectation')} met`)
          : style.red(`${wrong.length} of ${plural(expected.length, 'expectation')} not met`),
    );
  if (violated.length > 0) parts.push(style.red(`${violated.length} violated`));
  if (open.length > 0) parts.push(style.yellow(`${open.length} inconclusive`));
  if (expected.length + violated.length + open.length === 0) parts.push(style.green('all hold'));
  return style.bold(parts.join('; '));
}

/** One letter a cell; capitals where something was expected. */
function cell(summary: CheckSummary | undefined, style: Style): string {
  if (summary === undefined) return style.dim('\u00b7');
  const { verdict, asExpected } = summary;
  const letter = verdict === 'holds' ? 'h' : verdict === 'violated' ? 'v' : '?';
  if (isUnmet(summary)) return style.red(style.bold('!'));
  if (isOpen(summary)) return style.yellow(letter);
  if (asExpected === null) return verdict === 'holds' ? style.dim(letter) : style.yellow(letter);
  return verdict === 'holds' ? style.green('H') : style.yellow(letter.toUpperCase());
}

function matrix(context: CheckContext, style: Style): string {
  const designs = designsOf(context);
  const files = scenariosOf(context);
  const found = new Map(
    context.summaries.map((summary) => [`${summary.scenario.file}\n${summary.design}`, summary]),
  );
  const width = Math.max(...files.map((file) => file.length));
  const column = (i: number) => String(i + 1).padStart(3);
  const lines = [
    ...designs.map((name, i) => `  ${column(i)}  ${name}`),
    '',
    `  ${''.padEnd(width)}${designs.map((_, i) => column(i)).join('')}`,
    ...files.map(
      (file) =>
        `  ${file.padEnd(width)}${designs.map((design) => `  ${cell(found.get(`${file}\n${design}`), style)}`).join('')}`,
    ),
    style.dim(
      '  H holds, V violated, both as expected; h, v: nothing expected; ? inconclusive; ! not as expected; \u00b7 not run',
    ),
  ];
  return [style.bold('Designs and scenarios'), ...lines].join('\n');
}

function unexpected(context: CheckContext, style: Style): string[] {
  return context.summaries.filter(isUnmet).map((summary) => {
    const { row, scenario, design } = summary;
    const lines = [
      `${style.red(style.bold('NOT AS EXPECTED'))}  ${row.scenario}  ${design}`,
      ...wrap(`${scenario.title}: ${row.because ?? ''}`, 2, 96),
      ...(row.expectation ? wrap(`expected because: ${row.expectation.because}`, 2, 96) : []),
    ];
    if (row.violation) lines.push('', counterexample(row.violation, style));
    return lines.join('\n');
  });
}

/** Why there is no verdict, where none was expected either. */
function inconclusive({ summaries }: CheckContext, style: Style): string[] {
  return summaries
    .filter(({ verdict }) => verdict === 'inconclusive')
    .map(({ row, design }) => {
      const hint = row.because?.startsWith('the bound') ? ' (--executions and --transitions say more)' : '';
      return `${style.yellow(style.bold('INCONCLUSIVE'))}  ${row.scenario}  ${design}\n  ${row.because ?? ''}${hint}`;
    });
}

/** What holds and means little. */
function notes({ summaries }: CheckContext, style: Style): string[] {
  return summaries
    .filter(({ verdict, asExpected, row }) => verdict === 'holds' && asExpected !== false && row.because)
    .map(({ row, design }) => `${style.yellow('NOTE')}  ${row.scenario}  ${design}\n  ${row.because}`);
}

/** How each violation happens, those that were not as expected aside (they have been shown). */
function explained({ summaries }: CheckContext, style: Style): string[] {
  return summaries
    .filter(({ asExpected, row }) => asExpected !== false && row.violation)
    .map(({ row, scenario, design, cases, violated }) => {
      const share = cases > 1 ? `; ${violated} of ${cases} cases are violated, this is the smallest` : '';
      return [
        `${style.bold(row.scenario)}  ${design}: ${scenario.title}${share}`,
        ...shrinking(row),
        ...(row.violation ? [counterexample(row.violation, style)] : []),
      ].join('\n');
    });
}

function shrinking({ shrunk }: CheckRow): string[] {
  if (shrunk === undefined) return [];
  const { before, after, tried, budget, minimal } = shrunk;
  const size = ({ agents, steps }: Shrinking['before']) =>
    `${plural(agents, 'agent')}, ${plural(steps, 'step')}`;
  const end = minimal ? 'nothing smaller is left' : 'there may be smaller ones';
  return [`  shrunk from ${size(before)} to ${size(after)}; ${tried} of at most ${budget} tries, ${end}`];
}

function totals({ summaries, ms }: CheckContext, style: Style): string {
  const sum = (of: (one: CheckSummary) => number) => summaries.reduce((total, one) => total + of(one), 0);
  const bounds = new Set(
    summaries.map(
      ({ scenario: { bounds } }) => `${bounds.executions} executions, ${bounds.transitions} transitions`,
    ),
  );
  return style.dim(
    `${plural(
      sum(({ cases }) => cases),
      'case',
    )}, ${plural(
      sum(({ executions }) => executions),
      'execution',
    )}, ${plural(
      sum(({ transitions }) => transitions),
      'transition',
    )} in ${(ms / 1000).toFixed(1)} s; bounds a case: ${[...bounds].join(' or ')}`,
  );
}

/** Oldest first, as they are registered. */
const designsOf = ({ summaries }: CheckContext) => {
  const found = new Set(summaries.map(({ design }) => design));
  const builtIn = DESIGNS.map(({ name }) => name).filter((name) => found.has(name));
  return [...new Set([...builtIn, ...found])];
};
const scenariosOf = ({ summaries }: CheckContext) => [
  ...new Set(summaries.map(({ scenario }) => scenario.file)),
];
