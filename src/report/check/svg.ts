/**
 * A counterexample as a picture: time runs downwards, a lane for each agent, one for each copy of the byte. Colours are apart for
 * the colour-blind, and patterns and words say the same without colour.
 */
import type { CheckRow, Copy, TimelineStep, Violation } from '../../explore/index.ts';
import { element, type Svg, text } from '../svg-text.ts';
import {
  actingAgents,
  copyText,
  isAgents,
  stepText,
  tellingSteps,
  valueWords,
  whatItTakes,
} from './counterexample.ts';
import { type End, type Flow, flowOf } from './counterexample-flow.ts';
import { fold } from './counterexample-text.ts';

export interface PictureContext {
  readonly title: string;
  /** File of the scenario, whose lines are shown. */
  readonly scenario: string;
}

// Pixels.
const MARGIN = 20;
const LINE = 16;
const PAD = 7;
const CHARACTER = 7.2;
const NUMBERS = 44;
const COPY = 92;
const COPY_GAP = 46;
const LANE_GAP = 14;
const LONGEST = 34;
const LEAST_LANE = 90;

const INK = '#1a1a1a';
const PALE = '#8a8a8a';
const WRONG = '#b03a00';
const WRONG_BAND = '#fbe6da';
/** Okabe and Ito's blue and orange: apart in every kind of colour blindness, dark and light in grey. */
const GOOD = '#005b8f';
const BAD = '#f0b040';
const HARDWARE = 'hardware';

interface Lane {
  readonly name: string;
  readonly from: number;
  readonly width: number;
}
interface Row {
  readonly step: TimelineStep;
  readonly lines: readonly string[];
  readonly from: number;
  readonly height: number;
}
interface Picture {
  readonly violation: Violation;
  readonly lanes: readonly Lane[];
  readonly copies: readonly Lane[];
  readonly rows: readonly Row[];
  readonly width: number;
  /** Where the last row ends. */
  readonly end: number;
}

/** @throws RangeError for what is not violated. */
export function counterexampleSvg({ violation, design }: CheckRow, context: PictureContext): string {
  if (violation === undefined) throw new RangeError('nothing is violated');
  const head = [context.title, `${violation.rule}: ${whatItTakes(violation)}`];
  const followed = violation.steps.find(({ kind }) => kind === 'before')?.at;
  const about = `${context.scenario}, ${design}${followed === undefined ? '' : `; the byte at ${followed}`}`;
  const top = MARGIN + (head.length + 1) * (LINE + 4) + 34;
  const picture = layOut(violation, top, Math.max(...[...head, about].map((line) => line.length)));
  const explained = fold(violation.explanation, Math.floor((picture.width - 2 * MARGIN) / CHARACTER));
  const legend = legendOf(picture, picture.end + 26);
  const textFrom = picture.end + 26 + (legend === '' ? 0 : 26);
  const height = textFrom + explained.length * (LINE + 2) + MARGIN;
  const body = [
    element('title', {}, text(`${context.title}: ${violation.rule}`)),
    element('desc', {}, text(violation.explanation)),
    DEFINITIONS,
    element('rect', { width: picture.width, height, fill: '#ffffff' }),
    label(MARGIN, MARGIN + 12, head[0] ?? '', { 'font-size': 15, 'font-weight': 'bold' }),
    label(MARGIN, MARGIN + 34, head[1] ?? '', { fill: WRONG, 'font-weight': 'bold' }),
    label(MARGIN, MARGIN + 54, about, { fill: '#555555' }),
    ...heads(picture, top),
    ...picture.rows.flatMap((row) => band(row, picture)),
    ...guides(picture, top),
    ...picture.copies.flatMap((lane, i) => bars(lane, i, picture)),
    ...picture.rows.flatMap((row) => box(row, picture)),
    ...picture.rows.flatMap((row) => arrow(row, picture)),
    legend,
    ...explained.map((line, i) => label(MARGIN, textFrom + i * (LINE + 2) + 12, line)),
  ];
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    width: picture.width,
    height,
    viewBox: `0 0 ${picture.width} ${height}`,
    role: 'img',
    'font-family': 'DejaVu Sans, Verdana, Arial, sans-serif',
    'font-size': 12,
    fill: INK,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('svg', root, ...body)}\n`;
}

const DEFINITIONS = element(
  'defs',
  {},
  element(
    'pattern',
    { id: 'old', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    element('rect', { width: 6, height: 6, fill: BAD }),
    element('line', { x1: 0, y1: 0, x2: 0, y2: 6, stroke: '#ffffff', 'stroke-width': 2 }),
  ),
  ...[
    ['arrow', INK],
    ['wrong-arrow', WRONG],
  ].map(([id = '', fill = '']) =>
    element(
      'marker',
      {
        id,
        viewBox: '0 0 8 8',
        refX: 7,
        refY: 4,
        markerWidth: 8,
        markerHeight: 8,
        markerUnits: 'userSpaceOnUse',
        orient: 'auto',
      },
      element('path', { d: 'M0,0.5 L8,4 L0,7.5 z', fill }),
    ),
  ),
);

function layOut(violation: Violation, top: number, longest: number): Picture {
  const steps = tellingSteps(violation.steps);
  const agents = actingAgents(steps);
  const names = [...agents, ...(steps.some((step) => laneName(step) === HARDWARE) ? [HARDWARE] : [])];
  let at = MARGIN + NUMBERS;
  const lanes = names.map((name): Lane => {
    const texts = steps.filter((step) => laneName(step) === name).flatMap(linesOf);
    const characters = Math.max(...texts.map((line) => line.length), name.length);
    const width = Math.max(LEAST_LANE, Math.ceil(characters * CHARACTER) + 2 * PAD);
    const lane = { name, from: at, width };
    at += width + LANE_GAP;
    return lane;
  });
  const copies = (steps.at(-1)?.copies ?? []).map(({ name }, i): Lane => {
    const from = at + COPY_GAP - LANE_GAP + i * (COPY + COPY_GAP);
    return { name, from, width: COPY };
  });
  let from = top;
  const rows = steps.map((step): Row => {
    const lines = linesOf(step);
    const height = lines.length * LINE + 2 * PAD + 4;
    const row = { step, lines, from, height };
    from += height;
    return row;
  });
  const last = copies.at(-1) ?? lanes.at(-1);
  const width = Math.max((last?.from ?? 0) + (last?.width ?? 0) + MARGIN, longest * 8 + 2 * MARGIN);
  return { violation, lanes, copies, rows, width: Math.ceil(width), end: from };
}

/** What no agent does stands in a lane of its own; how it began, in none. */
function laneName(step: TimelineStep): string {
  return isAgents(step) ? step.agent : step.kind === 'before' ? '' : HARDWARE;
}

const MARKS: Partial<Readonly<Record<TimelineStep['kind'], string>>> = {
  move: '* ',
  wrong: '! ',
  window: '~ ',
  late: '~ ',
};

function linesOf(step: TimelineStep): string[] {
  return fold(`${MARKS[step.kind] ?? ''}${stepText(step).trim()}`, LONGEST);
}

function label(
  x: number,
  y: number,
  words: string,
  more: Readonly<Record<string, string | number>> = {},
): Svg {
  return element('text', { x, y, ...more }, text(words));
}

function heads({ lanes, copies }: Picture, top: number): Svg[] {
  const bold = { 'font-weight': 'bold', 'text-anchor': 'middle' };
  return [...lanes, ...copies].map(({ name, from, width }) => label(from + width / 2, top - 12, name, bold));
}

function guides({ lanes, end }: Picture, top: number): Svg[] {
  return lanes.map(({ from, width }) => {
    const x = from + width / 2;
    return element('line', {
      x1: x,
      y1: top - 4,
      x2: x,
      y2: end,
      stroke: '#c8c8c8',
      'stroke-dasharray': '2 3',
    });
  });
}

function band({ step, from, height }: Row, { width }: Picture): Svg[] {
  const number = step.line === undefined || step.kind === 'maintenance' ? [] : [String(step.line)];
  return [
    ...(step.wrong
      ? [
          element('rect', {
            x: MARGIN / 2,
            y: from,
            width: width - MARGIN,
            height,
            fill: WRONG_BAND,
            stroke: WRONG,
          }),
        ]
      : []),
    ...number.map((line) => label(MARGIN, from + PAD + 14, line, { fill: PALE })),
  ];
}

function box({ step, lines, from, height }: Row, { lanes }: Picture): Svg[] {
  const lane = lanes.find(({ name }) => name === laneName(step)) ?? lanes[0];
  if (lane === undefined) return [];
  const isPlain = step.kind === 'before';
  const isMaintenance = step.kind === 'maintenance';
  const rect = element('rect', {
    x: lane.from,
    y: from + 2,
    width: lane.width,
    height: height - 4,
    rx: isMaintenance || lane.name === HARDWARE ? 9 : 2,
    fill: '#ffffff',
    stroke: step.wrong ? WRONG : isMaintenance ? INK : PALE,
    'stroke-width': step.wrong ? 2 : 1,
    ...(lane.name === HARDWARE ? { 'stroke-dasharray': '4 3' } : {}),
  });
  const words = lines.map((line, i) =>
    label(lane.from + lane.width / 2, from + PAD + 14 + i * LINE, line, {
      'text-anchor': 'middle',
      ...(step.wrong ? { fill: WRONG, 'font-weight': 'bold' } : {}),
      ...(isPlain ? { fill: '#555555', 'font-style': 'italic' } : {}),
    }),
  );
  return isPlain ? words : [rect, ...words];
}

/** What a copy holds, from where it begins to hold it to where it no longer does. */
function bars(lane: Lane, index: number, { rows, violation }: Picture): Svg[] {
  const spans: { copy: Copy; from: number; to: number }[] = [];
  for (const { step, from, height } of rows) {
    const copy = step.copies[index];
    const last = spans.at(-1);
    if (copy === undefined) continue;
    if (last && last.to === from && last.copy.line === copy.line && last.copy.current === copy.current)
      last.to = from + height;
    else spans.push({ copy, from, to: from + height });
  }
  return spans.flatMap(({ copy, from, to }) => {
    const isAbsent = copy.line === 'absent';
    const rect = element('rect', {
      x: lane.from,
      y: from + 1,
      width: lane.width,
      height: to - from - 2,
      fill: isAbsent ? '#ffffff' : copy.current ? GOOD : 'url(#old)',
      stroke: isAbsent ? PALE : INK,
      'stroke-width': copy.line === 'dirty' ? 3 : 1,
      ...(isAbsent ? { 'stroke-dasharray': '3 3' } : {}),
    });
    const words = isAbsent ? 'absent' : copyText(copy, violation.rule);
    const y = from + PAD + 14;
    const middle = lane.from + lane.width / 2;
    const plate = {
      x: middle - words.length * 4,
      y: y - 12,
      width: words.length * 8,
      height: LINE,
      fill: '#ffffff',
      rx: 3,
    };
    return [
      rect,
      ...(isAbsent || copy.current ? [] : [element('rect', plate)]),
      label(middle, y, words, {
        'text-anchor': 'middle',
        fill: isAbsent ? PALE : copy.current ? '#ffffff' : INK,
      }),
    ];
  });
}

function arrow(row: Row, picture: Picture): Svg[] {
  const { step, from, height } = row;
  const flow = flowOf(step, picture.violation.rule);
  if (flow === undefined) return [];
  const y = from + height - 7;
  if ('dropped' in flow) {
    const lane = picture.copies[flow.dropped];
    if (!lane) return [];
    const x = lane.from - COPY_GAP / 2;
    return [
      element('path', {
        d: `M${x - 6},${y - 12} l12,12 m0,-12 l-12,12`,
        stroke: step.wrong ? WRONG : INK,
        'stroke-width': 2.5,
        fill: 'none',
      }),
    ];
  }
  const actor = picture.lanes.find(({ name }) => name === laneName(step));
  const laneOf = (end: End) => (end === 'actor' ? actor : picture.copies[end]);
  const [source, target] = [laneOf(flow.from), laneOf(flow.to)];
  if (!source || !target || source === target) return [];
  const rightwards = source.from < target.from;
  const x1 = rightwards ? source.from + source.width : source.from;
  const x2 = rightwards ? target.from : target.from + target.width;
  return [
    // A white edge, where it crosses a bar.
    element('line', { x1, y1: y, x2, y2: y, stroke: '#ffffff', 'stroke-width': 5 }),
    element('line', {
      x1,
      y1: y,
      x2,
      y2: y,
      stroke: step.wrong ? WRONG : INK,
      'stroke-width': step.wrong ? 2.5 : 1.5,
      ...(step.wrong || step.kind === 'move' ? { 'stroke-dasharray': '6 3' } : {}),
      'marker-end': `url(#${step.wrong ? 'wrong-arrow' : 'arrow'})`,
    }),
  ];
}

const isDrop = (flow: Flow | undefined): boolean => flow !== undefined && 'dropped' in flow;

function legendOf({ copies, rows, violation }: Picture, y: number): Svg {
  if (copies.length === 0) return '';
  const [good, bad] = valueWords(violation.rule);
  const items: readonly (readonly [string, Readonly<Record<string, string | number>>])[] = [
    [good, { fill: GOOD, stroke: INK }],
    [bad, { fill: 'url(#old)', stroke: INK }],
    ['absent', { fill: '#ffffff', stroke: PALE, 'stroke-dasharray': '3 3' }],
    ['dirty: thick edge', { fill: '#ffffff', stroke: INK, 'stroke-width': 3 }],
  ];
  const marks = [
    ...(rows.some(({ step }) => isDrop(flowOf(step, violation.rule))) ? ['\u00d7 the line is dropped'] : []),
    ...(rows.some(({ step }) => step.kind === 'move') ? ['* move of the hardware'] : []),
    ...(rows.some(({ step }) => step.kind === 'window' || step.kind === 'late')
      ? ['~ may come at any time']
      : []),
  ];
  let x = MARGIN;
  const parts: Svg[] = [];
  for (const [words, how] of items) {
    parts.push(element('rect', { x, y: y - 11, width: 22, height: 14, ...how }), label(x + 28, y, words));
    x += 28 + words.length * 8 + 14;
  }
  for (const words of marks) {
    parts.push(label(x, y, words));
    x += words.length * 8 + 14;
  }
  return element('g', { id: 'legend' }, ...parts);
}
