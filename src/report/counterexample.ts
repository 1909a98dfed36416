/**
 * A counterexample as a timeline no wider than 75 columns, fit for a mail: a column for each agent, and what each copy of the byte
 * holds afterwards.
 */
import { type AnyAddr, hex } from '../address/index.ts';
import type { Copy, TimelineStep, Violation } from '../explore/index.ts';
import type { Style } from './style.ts';
import { plural, wrap } from './words.ts';

/** Columns of a mail that quotes once and still fits into 80. */
export const MAIL_WIDTH = 75;
const INDENT = 2;
const GAP = 2;
/** "dirty new". */
const COPY_WIDTH = 9;
/** An agent's column is no narrower; more agents than fit share one column, by name. */
const LEAST_COLUMN = 14;

/** The timeline, without a newline at the end. */
export function counterexample(violation: Violation, style: Style): string {
  const { rule, hardwareMoves, explanation, missed, touched } = violation;
  const how =
    hardwareMoves === null
      ? 'whatever the caches do'
      : hardwareMoves === 0
        ? 'a lazy cache fails by itself, every time'
        : `needs ${plural(hardwareMoves, 'hardware move')} (*)`;
  const lines = [`${style.red(style.bold(rule))}  ${how}`];
  if (missed.length > 0) lines.push(`missed   ${ranges(missed)}`);
  if (touched.length > 0) lines.push(`touched  ${ranges(touched)}`);
  return [
    ...lines.map((line) => `${' '.repeat(INDENT)}${line}`),
    '',
    ...timelineRows(violation.steps, style),
    '',
    ...wrap(explanation, INDENT, MAIL_WIDTH),
  ].join('\n');
}

function ranges(list: readonly (readonly [AnyAddr, AnyAddr])[]): string {
  const shown = list.slice(0, 2).map(([from, to]) => `[${hex(from)}, ${hex(to)})`);
  return shown.join(' ') + (list.length > 2 ? ` and ${list.length - 2} more` : '');
}

interface Column {
  readonly title: string;
  readonly width: number;
  text(step: TimelineStep): string;
}

function timelineRows(steps: readonly TimelineStep[], style: Style): string[] {
  const copies = [...new Set(steps.flatMap((step) => step.copies.map(({ name }) => name)))];
  const columns = [
    ...agentColumns(steps, MAIL_WIDTH - INDENT - copies.length * (COPY_WIDTH + GAP)),
    ...copies.map(
      (name): Column => ({
        title: name,
        width: COPY_WIDTH,
        text: (step) => copyText(step.copies.find((copy) => copy.name === name)),
      }),
    ),
  ];
  return [
    style.dim(tableRow(columns, ({ title }) => title)[0] ?? ''),
    ...steps.flatMap((step) => {
      const rows = tableRow(columns, (column) => column.text(step));
      return step.wrong ? rows.map((row) => style.red(row)) : rows;
    }),
  ];
}

/** A column an agent; one for all where they would be too narrow. */
function agentColumns(steps: readonly TimelineStep[], width: number): Column[] {
  const agents = [...new Set(steps.map(({ agent }) => agent))].filter(
    (agent) => agent !== 'hardware' && agent !== '',
  );
  const own = Math.floor((width - GAP * (agents.length - 1)) / Math.max(1, agents.length));
  /** What no agent does: the hardware by itself, and how it began. */
  const nobodys = (step: TimelineStep) =>
    step.agent === 'hardware' ? `* ${step.action}` : step.agent === '' ? actionText(step) : '';
  if (own < LEAST_COLUMN || agents.length < 2)
    return [
      {
        title: agents.length < 2 ? (agents[0] ?? 'hardware') : 'who: what',
        width: width - GAP,
        text: (step) =>
          nobodys(step) || (agents.length < 2 ? actionText(step) : `${step.agent}: ${actionText(step)}`),
      },
    ];
  return agents.map((agent, i) => ({
    title: agent,
    width: own - (i === agents.length - 1 ? GAP : 0),
    text: (step) => (step.agent === agent ? actionText(step) : i === 0 ? nobodys(step) : ''),
  }));
}

const actionText = ({ action, at }: TimelineStep): string => (at === '' ? action : `${action} ${at}`);

function copyText(copy: Copy | undefined): string {
  if (copy === undefined) return '';
  const value = copy.current === undefined ? '' : copy.current ? 'new' : 'old';
  if (copy.line === 'absent') return '-';
  return copy.line === undefined ? value : `${copy.line} ${value}`;
}

/** One row of the table: as many lines as its longest cell needs. */
function tableRow(columns: readonly Column[], text: (column: Column) => string): string[] {
  const cells = columns.map((column) => wrap(text(column), 0, column.width));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, i) =>
    `${' '.repeat(INDENT)}${columns
      .map(({ width }, column) => (cells[column]?.[i] ?? '').slice(0, width).padEnd(width))
      .join(' '.repeat(GAP))}`.trimEnd(),
  );
}
