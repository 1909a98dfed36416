/**
 * Sweeps: from a file to the trees of its cases. Paths of a sweep name the fields that it replaces, before anything is
 * checked, so that every case is checked as if it had been written out.
 */
import { z } from 'zod';
import { hex, unknownName } from './report.ts';
import { child, nearest, type Path, size, type TreeMap, type TreeNode, type TreeScalar } from './tree.ts';
import { fields, integer, parseInteger } from './values.ts';

const MAX_CASES = 10_000;
/** Cases times values in the file: some seconds. */
const MAX_WORK = 2_000_000;
/** Characters of a value in the name of a case. */
const MAX_LABEL = 40;
/** What may be swept. */
const SECTIONS = ['platform', 'domains', 'devices', 'buffers', 'agents', 'steps', 'schedule'];

const bound = (what: string) => integer(-(2 ** 52), 2 ** 52, what);
const values = z.union([
  z.array(z.unknown()).min(1).describe('values, smallest first'),
  fields({
    from: bound('a number'),
    to: bound('a number'),
    step: integer(1, 2 ** 52, 'a number from 1 on').optional(),
  }).describe('numbers [from, to), half open; by 1 if there is no step'),
]);
const together = z.array(
  fields({
    paths: z.array(z.string()).min(1),
    values: z.array(z.array(z.unknown())).min(1).describe('one value a path, smallest first'),
  }),
);

/** Paths such as `buffers.data.offset` and what is put there. */
export const sweepShape = z
  .object({ together: together.optional().describe('paths whose values change together') })
  .catchall(values);

/** One case: its name, and the file as it would be written out. */
export interface SweptCase {
  readonly name: string;
  readonly root: TreeNode;
}
/** Something is wrong with what stands there. */
type Report = (node: TreeNode, message: string) => void;

/** A value in its place. */
interface Setting {
  readonly path: readonly string[];
  readonly key: TreeScalar;
  readonly value: TreeNode;
  readonly label: string;
}
/** Settings of which one is in force at a time; each may be of several paths. */
type Axis = readonly (readonly Setting[])[];

/**
 * All cases, the last path changing fastest.
 * @param sweep what stands at `sweep`, of the right shape.
 * @returns undefined where something is wrong, which is reported.
 */
export function casesOf(root: TreeMap, sweep: TreeMap, report: Report): Iterable<SweptCase> | undefined {
  const base: TreeMap = { ...root, entries: new Map([...root.entries].filter(([key]) => key !== 'sweep')) };
  const axes = axesOf(sweep, report);
  if (axes === undefined || !checkPaths(axes, base, report)) return undefined;
  const count = axes.reduce((product, axis) => product * axis.length, 1);
  const most = Math.min(MAX_CASES, Math.floor(MAX_WORK / size(base)));
  if (count > most) {
    report(sweep, `found a sweep of ${count} cases, expected at most ${most} of a file of this size`);
    return undefined;
  }
  return odometer(axes, base);
}

function* odometer(axes: readonly Axis[], base: TreeNode): Iterable<SweptCase> {
  const [axis, ...rest] = axes;
  if (axis === undefined) {
    yield { name: '', root: base };
    return;
  }
  for (const settings of axis) {
    const label = settings.map(({ path, label }) => `${path.join('.')}=${label}`).join(',');
    for (const { name, root } of odometer(rest, settings.reduce(replace, base)))
      yield { name: name === '' ? label : `${label},${name}`, root };
  }
}

function axesOf(sweep: TreeMap, report: Report): Axis[] | undefined {
  const axes: Axis[] = [];
  let good = true;
  for (const [name, { key, value }] of sweep.entries) {
    if (name === 'together') {
      const groups = value.kind === 'list' ? value.items : [];
      for (const group of groups) axes.push(groupOf(group, report));
    } else if (value.kind === 'list') {
      axes.push(value.items.map((item, index) => [setting(key, item, index)]));
    } else {
      axes.push(numbers(key, value, report));
    }
    good &&= axes.every((axis) => axis.length > 0);
  }
  return good ? axes : undefined;
}

function setting(key: TreeScalar, value: TreeNode, index: number): Setting {
  return { path: key.text.split('.'), key, value, label: labelOf(value, index) };
}

/** Empty, and a problem, where there are none, or far too many. */
function numbers(key: TreeScalar, node: TreeNode, report: Report): Axis {
  const field = (name: string) => {
    const found = child(node, name);
    return found?.kind === 'scalar' ? found.text : '';
  };
  const from = parseInteger(field('from')) ?? 0;
  const to = parseInteger(field('to')) ?? 0;
  const step = parseInteger(field('step')) ?? 1;
  const written = /^0x/i.test(field('from')) ? hex : String;
  const count = Math.ceil((to - from) / step);
  if (count < 1) report(node, `found no number from ${from} to before ${to}, expected at least one`);
  if (count > MAX_CASES) report(node, `found ${count} numbers, expected at most ${MAX_CASES}`);
  if (count < 1 || count > MAX_CASES) return [];
  return Array.from({ length: count }, (_, index) => {
    const text = written(from + index * step);
    return [setting(key, { kind: 'scalar', text, from: node.from, to: node.to }, index)];
  });
}

/** A group of paths that change together. Empty, and a problem, where a row has not one value a path. */
function groupOf(group: TreeNode, report: Report): Axis {
  const paths = itemsOf(group, 'paths').filter((path) => path.kind === 'scalar');
  const rows = itemsOf(group, 'values');
  const uneven = rows.find((row) => row.kind !== 'list' || row.items.length !== paths.length);
  if (uneven) {
    const found = uneven.kind === 'list' ? uneven.items.length : 0;
    report(uneven, `found ${found} values, expected ${paths.length}, one for each path`);
    return [];
  }
  return rows.map((row, index) =>
    paths.flatMap((path, column) => {
      const value = row.kind === 'list' ? row.items[column] : undefined;
      return value ? [setting(path, value, index)] : [];
    }),
  );
}

function itemsOf(node: TreeNode, key: string): readonly TreeNode[] {
  const found = child(node, key);
  return found?.kind === 'list' ? found.items : [];
}

/** Every path leads to a field of something that is there, and no two to the same. */
function checkPaths(axes: readonly Axis[], base: TreeMap, report: Report): boolean {
  const settings = axes.flatMap((axis) => axis[0] ?? []);
  const wrong = settings.map((one, index) => {
    const clash = settings
      .slice(0, index)
      .find(({ path }) => isWithin(path, one.path) || isWithin(one.path, path));
    const message = clash
      ? `found the path ${one.key.text} beside ${clash.key.text}, expected each field once`
      : wrongPath(one.path, base);
    if (message !== undefined) report(one.key, message);
    return message !== undefined;
  });
  return !wrong.includes(true);
}

function isWithin(outer: Path, inner: Path): boolean {
  return outer.every((step, index) => step === inner[index]);
}

/** What is wrong with a path; undefined if nothing is. What it ends in may be missing: it then replaces a default. */
function wrongPath(path: readonly string[], base: TreeMap): string | undefined {
  const [section = ''] = path;
  if (path.includes('__proto__')) return 'found __proto__ in a path, expected names of fields';
  if (!SECTIONS.includes(section)) return unknownName('a path that begins with one', section, SECTIONS);
  for (const [index, step] of path.entries()) {
    const { node } = nearest(base, path.slice(0, index));
    if (isEmpty(node)) continue;
    if (node.kind === 'scalar')
      return `found ${JSON.stringify(step)} below a value, expected a path to a field`;
    if (node.kind === 'list' && node.items[Number(step)] === undefined)
      return `found the index ${JSON.stringify(step)}, expected one from 0 to ${node.items.length - 1}`;
    const isThere = node.kind === 'list' || node.entries.has(step);
    if (isThere || index === path.length - 1) continue;
    // All of the platform has defaults, so it may be missing.
    if (section === 'platform') return undefined;
    return unknownName('a name in the file', step, node.kind === 'map' ? [...node.entries.keys()] : []);
  }
  return undefined;
}

/** The tree with the value in its place. */
function replace(node: TreeNode, { path, key, value }: Setting): TreeNode {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const inner = { path: rest, key, value, label: '' };
  if (node.kind === 'list')
    return {
      ...node,
      items: node.items.map((item, index) => (index === Number(step) ? replace(item, inner) : item)),
    };
  const entries = new Map(node.kind === 'map' ? node.entries : []);
  const old = entries.get(step);
  const below = old?.value ?? { kind: 'map', from: key.from, to: key.to, entries: new Map() };
  entries.set(step, { key: old?.key ?? { ...key, text: step }, value: replace(below, inner) });
  return { kind: 'map', from: node.from, to: node.to, entries };
}

function isEmpty(node: TreeNode): boolean {
  return node.kind === 'scalar' && node.text === '';
}

/** A value in the name of a case. */
function labelOf(value: TreeNode, index: number): string {
  const text = flow(value);
  return text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL)}...#${index}` : text;
}

function flow(node: TreeNode): string {
  switch (node.kind) {
    case 'scalar':
      return node.text.replaceAll(/\s+/g, ' ');
    case 'list':
      return `[${node.items.map(flow).join(' ')}]`;
    case 'map':
      return `{${[...node.entries].map(([key, { value }]) => `${key}: ${flow(value)}`).join(' ')}}`;
  }
}
