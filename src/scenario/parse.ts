/** From the text of a scenario file to a scenario, or to everything that is wrong with it. */
import { DESIGNS } from '../designs/index.ts';
import { noBoards, type ReadBoard } from './board.ts';
import { buildCase } from './build.ts';
import { addIssues } from './issues.ts';
import type { Problem, Problems } from './problem.ts';
import { readYaml } from './read-yaml.ts';
import type { Report } from './report.ts';
import { type ScenarioFile, scenarioFile } from './schema.ts';
import { casesOf, type SweptCase, sweepShape } from './sweep.ts';
import { child, keyAt, nearest, type Path, plain, type TreeNode } from './tree.ts';
import { type Case, DEFAULT_BOUNDS, type Expectation, type Scenario } from './types.ts';

export type ParseResult = { readonly scenario: Scenario } | ParseErrors;
export interface ParseErrors {
  /** A line each: `file:line:column: found ..., expected ...`; at most ten, in the order of the file. */
  readonly errors: readonly string[];
  /** The same for those who show them in the text. */
  readonly problems: readonly Problem[];
}

/**
 * Read a scenario. Never throws.
 * @param file its name, for messages and results.
 * @param readBoard reads the device tree that it may name.
 */
export function parseScenario(text: string, file: string, readBoard: ReadBoard = noBoards): ParseResult {
  const { root, problems, lineOf } = readYaml(text);
  const scenario = root && read(root, { text, file, problems, lineOf, readBoard });
  if (scenario && !problems.any) return { scenario };
  const list = problems.list();
  const errors = list.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
  return { errors, problems: list };
}

interface Context {
  readonly text: string;
  readonly file: string;
  readonly problems: Problems;
  readonly lineOf: (at: number) => number;
  readonly readBoard: ReadBoard;
}

function read(root: TreeNode, context: Context): Scenario | undefined {
  const swept = casesIn(root, context);
  if (swept === undefined) return undefined;
  const cases: Case[] = [];
  let first: ScenarioFile | undefined;
  for (const one of swept) {
    const shape = readCase(one, context, cases);
    if (shape === undefined) return undefined;
    first ??= shape;
  }
  if (first === undefined) return undefined;
  const { title, story = '', bounds } = first;
  return {
    file: context.file,
    title,
    story,
    cases,
    expectations: expectationsOf(first, cases, reporter(root, context.problems, '')),
    bounds: {
      executions: bounds?.executions ?? DEFAULT_BOUNDS.executions,
      transitions: bounds?.transitions ?? DEFAULT_BOUNDS.transitions,
    },
  };
}

/** The cases of the sweep, or the one there is without. undefined where something is wrong with the sweep. */
function casesIn(root: TreeNode, { text, problems }: Context): Iterable<SweptCase> | undefined {
  const sweep = child(root, 'sweep');
  if (root.kind !== 'map' || sweep === undefined) return [{ name: '', root }];
  const shape = sweepShape.safeParse(plain(sweep));
  if (!shape.success) {
    const issues = shape.error.issues.map((issue) => ({ ...issue, path: ['sweep', ...issue.path] }));
    addIssues(issues, root, text, (at, message) => problems.add(at, message));
    return undefined;
  }
  if (sweep.kind !== 'map') return undefined;
  return casesOf(root, sweep, (node, message) => problems.add(node.from, message));
}

/** Adds the case. @returns the file that it is of; undefined where something is wrong with it. */
function readCase({ name, root }: SweptCase, context: Context, cases: Case[]): ScenarioFile | undefined {
  const { text, problems } = context;
  const note = name === '' ? '' : ` (case ${name})`;
  const shape = scenarioFile.safeParse(plain(root));
  if (!shape.success) {
    addIssues(shape.error.issues, root, text, (at, message) => problems.add(at, message + note));
    return undefined;
  }
  const report = reporter(root, problems, note);
  const lineOf = (path: Path) => context.lineOf(nearest(root, path).node.from);
  cases.push(buildCase(shape.data, { name, report, lineOf, readBoard: context.readBoard }));
  return problems.any ? undefined : shape.data;
}

function reporter(root: TreeNode, problems: Problems, note: string): Report {
  return (path, message, at) => {
    const { from } = (at === 'key' ? keyAt(root, path) : undefined) ?? nearest(root, path).node;
    problems.add(from, message + note);
  };
}

/** Names of designs are those of the registry; each is expected to do one thing, on a platform that it runs on. */
function expectationsOf(
  { expect = [] }: ScenarioFile,
  cases: readonly Case[],
  report: Report,
): Expectation[] {
  const platforms = new Set(cases.map(({ platform }) => (platform.xen ? 'xen' : 'bare-metal')));
  const usable = DESIGNS.filter(({ on }) => platforms.has(on)).map(({ name }) => name);
  const seen = new Set<string>();
  return expect.map(({ designs, verdict, rule, because }, index) => {
    const path = ['expect', index];
    const names = designs === 'all' ? usable : designs;
    for (const [i, name] of names.entries()) {
      const at = designs === 'all' ? [...path, 'designs'] : [...path, 'designs', i];
      if (!usable.includes(name))
        report(
          at,
          `found ${name}, expected a design for ${[...platforms].join(' or ')}: ${usable.join(', ')}`,
        );
      else if (seen.has(name)) report(at, `found ${name} once more, expected one verdict of each design`);
      seen.add(name);
    }
    if (rule !== undefined && verdict !== 'violated')
      report([...path, 'rule'], `found a rule for the verdict ${verdict}, expected one only for violated`);
    return { designs: names, verdict, rule, because };
  });
}
