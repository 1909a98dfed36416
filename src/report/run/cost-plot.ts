/** What maintenance costs against size and offset of requests, as a picture: a column for each offset, a row for each measure. */
import type { CostPoint } from '../../pv/index.ts';
import { element, type Svg, text } from '../svg-text.ts';

/** Costs of one design at one offset of buffers. */
export interface CostSeries {
  readonly design: string;
  readonly align: number;
  readonly points: readonly CostPoint[];
}

// Pixels.
const PANEL = { width: 230, height: 140 };
const GAP = 28;
const LEFT = 70;
const TOP = 64;
const LEGEND_LINE = 20;
const FONT = 12;

const TITLE = 'What cache maintenance costs: a request to a PV disk, written and read back';
const INK = '#1a1a1a';
const PALE = '#d0d0d0';
/** Okabe and Ito: apart in every kind of colour blindness. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#7a7a00', '#000000'];
const DASHES = ['', '6 3', '2 3', '8 3 2 3'];

/** A measure, and how to read it off. */
const MEASURES: readonly { readonly title: string; readonly of: (point: CostPoint) => number }[] = [
  { title: 'cache_flush hypercalls', of: ({ flushes }) => flushes },
  { title: 'cache lines per KiB', of: ({ lines, request }) => lines / (request / 1024) },
  { title: 'bytes bounced per byte', of: ({ bounced, request }) => bounced / request },
];

/** The file. Designs whose costs are the same share a line. */
export function costPlotSvg(series: readonly CostSeries[]): string {
  const offsets = [...new Set(series.map(({ align }) => align))];
  const groups = groupsOf(series);
  const width = LEFT + offsets.length * (PANEL.width + GAP);
  const plotBottom = TOP + MEASURES.length * (PANEL.height + GAP) + 24;
  const height = plotBottom + groups.length * LEGEND_LINE + 14;
  const panels = MEASURES.flatMap((measure, row) => {
    const top = Math.max(...series.flatMap(({ points }) => points.map(measure.of)), 1);
    return offsets.map((align, column) => {
      const x = LEFT + column * (PANEL.width + GAP);
      const y = TOP + row * (PANEL.height + GAP);
      return panel({ x, y, top, align, measure, row, column, groups, last: row === MEASURES.length - 1 });
    });
  });
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      'font-family': 'sans-serif',
      'font-size': FONT,
    },
    element('title', {}, text(TITLE)),
    element('rect', { width, height, fill: '#ffffff' }),
    words(LEFT, 22, TITLE, { 'font-size': 15 }),
    ...panels,
    words(LEFT + (width - LEFT - GAP) / 2, plotBottom - 4, 'bytes of the request', {
      'text-anchor': 'middle',
    }),
    ...legend(groups, plotBottom + 18),
  )}\n`;
}

/** Designs with one cost. */
interface Group {
  readonly names: readonly string[];
  readonly colour: string;
  readonly dash: string;
  readonly at: ReadonlyMap<number, readonly CostPoint[]>;
  readonly wrong: boolean;
}

function groupsOf(series: readonly CostSeries[]): Group[] {
  const byDesign = new Map<string, Map<number, readonly CostPoint[]>>();
  for (const { design, align, points } of series) {
    const at = byDesign.get(design) ?? new Map<number, readonly CostPoint[]>();
    at.set(align, points);
    byDesign.set(design, at);
  }
  const groups = new Map<string, { names: string[]; at: Map<number, readonly CostPoint[]> }>();
  for (const [design, at] of byDesign) {
    const key = JSON.stringify([...at]);
    const group = groups.get(key) ?? { names: [], at };
    group.names.push(design);
    groups.set(key, group);
  }
  return [...groups.values()].map((group, i) => ({
    ...group,
    colour: COLOURS[i % COLOURS.length] ?? INK,
    dash: DASHES[i % DASHES.length] ?? '',
    wrong: [...group.at.values()].some((points) => points.some(({ wrong }) => wrong)),
  }));
}

interface Panel {
  readonly x: number;
  readonly y: number;
  readonly top: number;
  readonly align: number;
  readonly measure: (typeof MEASURES)[number];
  readonly row: number;
  readonly column: number;
  readonly groups: readonly Group[];
  readonly last: boolean;
}

function panel({ x, y, top, align, measure, row, column, groups, last }: Panel): Svg {
  const sizes = groups[0]?.at.get(align)?.map(({ request }) => request) ?? [];
  const xOf = (i: number) => x + 10 + (i * (PANEL.width - 20)) / Math.max(1, sizes.length - 1);
  const yOf = (value: number) => y + PANEL.height - (value / top) * (PANEL.height - 12);
  const ticks = ticksTo(top);
  return element(
    'g',
    {},
    element('rect', { x, y, width: PANEL.width, height: PANEL.height, fill: 'none', stroke: INK }),
    ...(row === 0
      ? [words(x + PANEL.width / 2, y - 8, `buffer at offset ${align}`, { 'text-anchor': 'middle' })]
      : []),
    ...(column === 0 ? [sideways(x - 44, y + PANEL.height / 2, measure.title)] : []),
    ...ticks.map((value) =>
      element('line', { x1: x, x2: x + PANEL.width, y1: yOf(value), y2: yOf(value), stroke: PALE }),
    ),
    ...(column === 0
      ? ticks.map((value) => words(x - 6, yOf(value) + 4, String(value), { 'text-anchor': 'end' }))
      : []),
    ...(last
      ? sizes.map((size, i) =>
          words(xOf(i), y + PANEL.height + 15, short(size), { 'text-anchor': 'middle', 'font-size': 10 }),
        )
      : []),
    ...groups.flatMap((group) =>
      curve(group, group.at.get(align) ?? [], xOf, (point) => yOf(measure.of(point))),
    ),
  );
}

function curve(
  { colour, dash }: Group,
  points: readonly CostPoint[],
  xOf: (i: number) => number,
  yOf: (point: CostPoint) => number,
): Svg[] {
  const path = points.map((point, i) => `${xOf(i).toFixed(1)},${yOf(point).toFixed(1)}`).join(' ');
  const line = { points: path, fill: 'none', stroke: colour, 'stroke-width': 2 };
  return [
    element('polyline', dash === '' ? line : { ...line, 'stroke-dasharray': dash }),
    ...points.map((point, i) =>
      point.wrong
        ? cross(xOf(i), yOf(point), colour)
        : element('circle', { cx: xOf(i), cy: yOf(point), r: 3, fill: colour }),
    ),
  ];
}

/** Data can be corrupted here. */
function cross(x: number, y: number, colour: string): Svg {
  const d = `M${x - 5},${y - 5}L${x + 5},${y + 5}M${x - 5},${y + 5}L${x + 5},${y - 5}`;
  return element('path', { d, stroke: colour, 'stroke-width': 2.5 });
}

function legend(groups: readonly Group[], y: number): Svg[] {
  return groups.flatMap(({ names, colour, dash, wrong }, i) => {
    const at = y + i * LEGEND_LINE;
    const line = { x1: LEFT, x2: LEFT + 36, y1: at, y2: at, stroke: colour, 'stroke-width': 2 };
    return [
      element('line', dash === '' ? line : { ...line, 'stroke-dasharray': dash }),
      ...(wrong ? [cross(LEFT + 18, at, colour)] : []),
      words(
        LEFT + 46,
        at + 4,
        `${names.join(', ')}${wrong ? ' (where crossed, data can arrive wrong)' : ''}`,
      ),
    ];
  });
}

function words(
  x: number,
  y: number,
  content: string,
  more: Readonly<Record<string, string | number>> = {},
): Svg {
  return element('text', { x, y, fill: INK, ...more }, text(content));
}
function sideways(x: number, y: number, content: string): Svg {
  return words(x, y, content, { 'text-anchor': 'middle', transform: `rotate(-90 ${x} ${y})` });
}

/** Round values from 0 to the top, about four. */
function ticksTo(top: number): number[] {
  const rough = top / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10) * unit);
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
}

function short(size: number): string {
  return size < 1024 ? String(size) : `${size / 1024}K`;
}
