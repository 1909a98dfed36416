/** zod's issues as problems: what was found there, what was expected, and which name was probably meant. */
import type { z } from 'zod';
import { closest } from '../text/index.ts';
import { type AddProblem, excerpt } from './problem.ts';
import { keyAt, nearest, type TreeNode } from './tree.ts';
import type { MeantParams } from './values.ts';

const TYPES: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
  string: 'a text',
};

/** @param text the file's, to quote from. */
export function addIssues(
  issues: readonly z.core.$ZodIssue[],
  root: TreeNode,
  text: string,
  add: AddProblem,
): void {
  for (const issue of issues.flatMap((one) => decided(one, root))) addIssue(issue, root, text, add);
}

function addIssue(issue: z.core.$ZodIssue, root: TreeNode, text: string, add: AddProblem): void {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(', ');
    for (const key of issue.keys) {
      const at = keyAt(root, [...issue.path, key])?.from ?? nearest(root, issue.path).node.from;
      add(at, `found the key ${excerpt(key)}${closest(key, known)}, expected one of: ${issue.message}`);
    }
    return;
  }
  if (issue.code === 'invalid_key') {
    const key = keyAt(root, issue.path);
    const expected = issue.issues[0]?.message ?? 'a name';
    add(key?.from ?? 0, `found ${excerpt(key?.text ?? '')}, expected ${expected}`);
    return;
  }
  const { node, exact } = nearest(root, issue.path);
  // A text in place of a map is the value of its main field.
  const isThere = exact || (node.kind === 'scalar' && issue.code === 'invalid_format');
  const found = isThere ? describe(node, text) : `no ${JSON.stringify(issue.path.map(String).at(-1))}`;
  add(node.from, `found ${found}${meant(issue, node)}, expected ${expected(issue)}`);
}

/** The issues of the branch of a union that was meant: the one that the kind of what was found belongs to. */
function decided(issue: z.core.$ZodIssue, root: TreeNode): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const { kind } = nearest(root, issue.path).node;
  const branches = issue.errors.filter((branch) => !branch.some((one) => isOfAnotherKind(one, kind)));
  const meantBranch = branches.find((branch) => branch.every(({ path }) => path.length > 0)) ?? branches[0];
  if (meantBranch && (branches.length === 1 || meantBranch.every(({ path }) => path.length > 0))) {
    const whole = meantBranch.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
    return whole.flatMap((one) => decided(one, root));
  }
  const alternatives = (branches.length > 0 ? branches : issue.errors).flatMap((branch) =>
    branch.slice(0, 1),
  );
  return [
    {
      code: 'custom',
      path: issue.path,
      input: issue.input,
      message: alternatives.map(expected).join(', or '),
      params: alternatives.map(paramsOf).find(({ meant }) => meant !== undefined) ?? {},
    },
  ];
}

/** Is it said of a branch that takes other kinds of values? */
function isOfAnotherKind({ code, path }: z.core.$ZodIssue, kind: TreeNode['kind']): boolean {
  return path.length === 0 && (code === 'invalid_type' || (code === 'invalid_value' && kind !== 'scalar'));
}

/** What would have been right. */
function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of: ${issue.values.join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${elements(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${elements(issue.origin)}`;
    default:
      return issue.message;
  }
}

function elements(origin: string): string {
  return origin === 'array' ? ' elements' : '';
}

function meant(issue: z.core.$ZodIssue, node: TreeNode): string {
  const { meant } = paramsOf(issue);
  if (meant !== undefined) return ` (did you mean ${meant}?)`;
  if (issue.code !== 'invalid_value' || node.kind !== 'scalar') return '';
  return closest(node.text, issue.values.map(String));
}

function paramsOf(issue: z.core.$ZodIssue): MeantParams {
  return issue.code === 'custom' ? (issue.params ?? {}) : {};
}

function describe(node: TreeNode, text: string): string {
  switch (node.kind) {
    case 'scalar':
      return node.text === '' ? 'nothing' : excerpt(node.text);
    case 'list':
      return node.items.length === 0
        ? 'an empty list'
        : `the list ${excerpt(text.slice(node.from, node.to))}`;
    case 'map':
      return node.entries.size === 0 ? 'an empty map' : `the map ${excerpt(text.slice(node.from, node.to))}`;
  }
}
