/**
 * A counterexample as a timeline no wider than 75 columns, fit for a mail: agents side by side, each indented as its name is, and what
 * each copy of one byte holds afterwards.
 */
import { type AnyAddr, hex } from '../../address/index.ts';
import type { Copy, Rule, TimelineKind, TimelineStep, Violation } from '../../explore/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../words.ts';
import { fold } from './counterexample-text.ts';

/** Columns of a mail that quotes once and still fits into 80. */
export const MAIL_WIDTH = 75;
const INDENT = '  ';
const GAP = '  ';
/** Columns that the last agent's text has at least; where agents leave less, each line says who acts. */
const LEAST_TEXT = 22;
/** An agent is indented from the one before by at least so much. */
const LEAST_STEP = 6;

/** What stands before a line that is not an agent's doing, or is where it goes wrong. */
const MARKS: Partial<Readonly<Record<TimelineKind, { readonly mark: string; readonly meaning: string }>>> = {
  move: { mark: '*', meaning: 'move of the hardware' },
  window: { mark: '~', meaning: 'may come at any time' },
  late: { mark: '~', meaning: 'may come at any time' },
  wrong: { mark: '!', meaning: 'here it goes wrong' },
};

/** The timeline, without a newline at the end. */
export function counterexample(violation: Violation, style: Style): string {
  const { rule, explanation, missed, touched, steps } = violation;
  const followed = steps.find(({ kind }) => kind === 'before')?.at;
  const facts: readonly (readonly [string, string])[] = [
    ['missed', ranges(missed)],
    ['touched', ranges(touched)],
    ['byte', followed === undefined ? '' : `${followed}, as each copy holds it:`],
  ];
  const told = facts.filter(([, text]) => text !== '');
  return [
    ...block(`${rule}: ${whatItTakes(violation)}`).map((line) => style.red(style.bold(line))),
    ...told.flatMap(([name, text]) => block(text, `${name.padEnd(7)}  `)),
    '',
    ...timeline(steps, rule, style),
    '',
    ...block(explanation),
  ].join('\n');
}

/** What the hardware has to do by itself for it. */
export function whatItTakes({ hardwareMoves }: Violation): string {
  if (hardwareMoves === null) return 'whatever the caches do';
  if (hardwareMoves === 0) return 'without any move of the hardware';
  return `with ${plural(hardwareMoves, 'move')} of the hardware (*)`;
}

/** What a copy holds, in a word or two: `dirty new`, `old`, `-`. */
export function copyText({ line, current }: Copy, rule: Rule): string {
  if (line === 'absent') return '-';
  const [good, bad] = valueWords(rule);
  return [line, current === undefined ? undefined : current ? good : bad]
    .filter((word) => word !== undefined)
    .join(' ');
}

/** Words for the value that should be read, and for any other. */
export function valueWords(rule: Rule): readonly [good: string, bad: string] {
  return rule === 'disclosure' ? ['own', 'other'] : ['new', 'old'];
}

/** A line of the timeline in words. */
export function stepText({ kind, action, at, copies }: TimelineStep): string {
  if (kind === 'before') return 'at first';
  // The followed byte has been named.
  if (at === '' || (kind === 'wrong' && copies.length > 0)) return action;
  return kind === 'wrong' ? `${action} at ${at}` : `${action} ${at}`;
}

/** Lines that tell something: signals and waits only order the others, which stand in that order. */
export function tellingSteps(steps: readonly TimelineStep[]): readonly TimelineStep[] {
  return steps.filter(({ kind }) => kind !== 'order');
}

/** Names of the agents that do something, in the order in which they begin. */
export function actingAgents(steps: readonly TimelineStep[]): string[] {
  return [...new Set(steps.filter(isAgents).map(({ agent }) => agent))];
}

export function isAgents({ kind }: TimelineStep): boolean {
  return kind === 'step' || kind === 'order' || kind === 'maintenance' || kind === 'wrong';
}

/** Indented lines, the first one after `label`. */
function block(text: string, label = ''): string[] {
  return fold(text, MAIL_WIDTH - INDENT.length - label.length).map(
    (line, i) => `${INDENT}${i === 0 ? label : ' '.repeat(label.length)}${line}`,
  );
}

function ranges(list: readonly (readonly [AnyAddr, AnyAddr])[]): string {
  const shown = list.slice(0, 2).map(([from, to]) => `[${hex(from)}, ${hex(to)})`);
  return shown.join(' ') + (list.length > 2 ? ` and ${list.length - 2} more` : '');
}

/** A column for what a copy holds. */
interface CopyColumn {
  readonly name: string;
  readonly width: number;
}

/** How the timeline is laid out. */
interface Layout {
  readonly rule: Rule;
  /** Digits of the longest line number of the scenario. */
  readonly number: number;
  /** Columns for what is done. */
  readonly text: number;
  /** Where each agent's text begins; undefined: too many, lines say who acts. */
  readonly begin: ReadonlyMap<string, number> | undefined;
  readonly copies: readonly CopyColumn[];
}

function timeline(all: readonly TimelineStep[], rule: Rule, style: Style): string[] {
  const steps = tellingSteps(all);
  const layout = layOut(steps, rule);
  const used = Object.values(MARKS).filter(({ mark }) =>
    steps.some(({ kind }) => MARKS[kind]?.mark === mark),
  );
  const legend = [...new Set(used.map(({ mark, meaning }) => `${mark} ${meaning}`))].join('   ');
  return [
    ...heading(steps, layout).map((line) => style.dim(line)),
    ...steps.flatMap((step) => {
      const lines = rowOf(step, layout);
      return step.wrong ? lines.map((line) => style.red(line)) : lines;
    }),
    '',
    style.dim(`${INDENT}${legend}`),
  ];
}

function layOut(steps: readonly TimelineStep[], rule: Rule): Layout {
  const names = [...new Set(steps.flatMap(({ copies }) => copies.map(({ name }) => name)))];
  const copies = names.map((name) => ({
    name,
    width: Math.max(name.length, ...steps.map((step) => cellOf(step, name, rule).length)),
  }));
  const number = Math.max(...steps.map(({ line }) => (line === undefined ? 0 : String(line).length)));
  const taken = copies.reduce((sum, { width }) => sum + width + GAP.length, copies.length > 0 ? 1 : 0);
  const text = MAIL_WIDTH - INDENT.length - 2 - number - GAP.length - taken;
  return { rule, number, text, begin: beginnings(actingAgents(steps), text), copies };
}

function beginnings(agents: readonly string[], text: number): ReadonlyMap<string, number> | undefined {
  const most = Math.floor((text - LEAST_TEXT) / Math.max(1, agents.length - 1));
  if (agents.length > 1 && most < LEAST_STEP) return undefined;
  let at = 0;
  return new Map(
    agents.map((name) => {
      const begin = at;
      at += Math.min(most, Math.max(LEAST_STEP, name.length + GAP.length));
      return [name, begin];
    }),
  );
}

/** Names over what they are of: on one line where they do not run into each other. */
function heading(steps: readonly TimelineStep[], layout: Layout): string[] {
  const agents = actingAgents(steps);
  const { begin, text } = layout;
  if (begin === undefined) return [lineOf('line', 'who: what', '', layout, true)];
  const lines: string[] = [];
  let line = '';
  for (const name of agents) {
    const at = begin.get(name) ?? 0;
    if (line.length > 0 && line.length + GAP.length > at) {
      lines.push(line);
      line = '';
    }
    line = `${line.padEnd(at)}${name}`;
  }
  const all = [...lines, line].flatMap((each) => fold(each, text));
  return all.map((each, i) => lineOf('', each, '', layout, i === all.length - 1));
}

function rowOf(step: TimelineStep, layout: Layout): string[] {
  const { begin, text } = layout;
  const who = isAgents(step) ? step.agent : '';
  const at = begin?.get(who) ?? 0;
  const words = begin === undefined && who !== '' ? `${who}: ${stepText(step).trimStart()}` : stepText(step);
  const number = step.line === undefined || step.kind === 'maintenance' ? '' : String(step.line);
  return fold(words, text - at, GAP.length).map((line, i) =>
    lineOf(
      i === 0 ? number : '',
      `${' '.repeat(at)}${line}`,
      i === 0 ? (MARKS[step.kind]?.mark ?? '') : '',
      layout,
      i === 0 ? step : false,
    ),
  );
}

/** @param cells what stands in the columns of the copies: what they hold after a step, their names, or nothing. */
function lineOf(
  number: string,
  words: string,
  mark: string,
  layout: Layout,
  cells: TimelineStep | boolean,
): string {
  const { copies, rule, text } = layout;
  const texts = copies.map(({ name, width }) =>
    (cells === true ? name : cells === false ? '' : cellOf(cells, name, rule)).padEnd(width),
  );
  const state = texts.length > 0 ? `| ${texts.join(GAP)}` : '';
  const left = `${mark.padEnd(2)}${number.padStart(layout.number)}${GAP}${words.padEnd(text)}`;
  return `${INDENT}${left} ${state}`.trimEnd();
}

function cellOf({ copies }: TimelineStep, name: string, rule: Rule): string {
  const copy = copies.find((each) => each.name === name);
  return copy === undefined ? '' : copyText(copy, rule);
}
