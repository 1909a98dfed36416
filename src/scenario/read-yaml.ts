/** From the text of a file to a tree. Whatever is wrong with the text is a problem with its place, and nothing takes long. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  type YAMLError,
} from 'yaml';
import { excerpt, Problems } from './problem.ts';
import type { TreeEntry, TreeNode, TreeScalar } from './tree.ts';

/** Characters. Scenarios have some hundred lines; the YAML library takes half a second for some texts of this size. */
const MAX_TEXT = 64 * 1024;
/** Scalars, lists and maps, where each alias counts as what it stands for. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 32;
const TOO_DEEP = `found lists or maps nested too deeply, expected at most ${MAX_DEPTH} levels`;

/** Control characters other than white space: what is in no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for.
const BINARY = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffd]/;

/** The document's root, where there are no problems. */
export interface Reading {
  readonly root: TreeNode | undefined;
  readonly problems: Problems;
  /** Line, from 1, of a character of the text. */
  readonly lineOf: (at: number) => number;
}

/** Read YAML 1.2. */
export function readYaml(text: string): Reading {
  const lineCounter = new LineCounter();
  const problems = new Problems(lineCounter);
  const lineOf = (at: number) => lineCounter.linePos(at).line;
  const nothing = { root: undefined, problems, lineOf };
  const refusal = refused(text);
  if (refusal !== undefined) {
    problems.add(0, refusal);
    return nothing;
  }
  const document = parse(text, lineCounter);
  if (document === undefined) {
    problems.add(0, TOO_DEEP);
    return nothing;
  }
  for (const error of [...document.errors, ...document.warnings]) problems.add(error.pos[0], explain(error));
  if (problems.any) return nothing;
  const root = new Converter(document, problems).root();
  return { root: problems.any ? undefined : root, problems, lineOf };
}

/** What can be told without parsing. */
function refused(text: string): string | undefined {
  const expected = 'expected a scenario as YAML text';
  if (text.length > MAX_TEXT)
    return `found ${text.length} characters, ${expected} of at most ${MAX_TEXT} characters`;
  if (text.trim() === '') return `found an empty file, ${expected}`;
  const binary = BINARY.exec(text);
  if (binary === null) return undefined;
  const code = binary[0].charCodeAt(0).toString(16).padStart(4, '0');
  return `found binary data (U+${code} at character ${binary.index}), ${expected}`;
}

/** undefined: nested so deeply that the library's recursion gave up. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // Duplicate keys are looked for below: the library's own search is quadratic.
    return parseDocument(text, { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, lineCounter });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What the library says of an error, and more of what authors often do. */
function explain({ code, message }: YAMLError): string {
  // Some of its exhausted recursions are errors of the text to the library.
  if (message.includes('Maximum call stack')) return TOO_DEEP;
  const hint = code === 'BLOCK_AS_IMPLICIT_KEY' ? ' (a text with ": " in it stands in quotes)' : '';
  return `cannot be read as YAML: ${message.split('\n', 1)[0]}${hint}`;
}

/** Makes the tree of a document. */
class Converter {
  readonly #document: Document.Parsed;
  readonly #problems: Problems;
  /** The latest node of each anchor, so far; the library's own search visits the document for each alias. */
  readonly #anchors = new Map<string, unknown>();
  #nodes = 0;

  constructor(document: Document.Parsed, problems: Problems) {
    this.#document = document;
    this.#problems = problems;
  }

  root(): TreeNode {
    return this.#node(this.#document.contents, 0, 0);
  }

  /** @param at where it would stand, should there be nothing. */
  #node(node: unknown, at: number, depth: number): TreeNode {
    const nothing: TreeScalar = { kind: 'scalar', text: '', from: at, to: at };
    if (this.#nodes > MAX_NODES) return nothing;
    this.#nodes++;
    if (this.#nodes > MAX_NODES) {
      this.#problems.add(at, `found more than ${MAX_NODES} values, aliases written out`);
      return nothing;
    }
    if (depth > MAX_DEPTH) {
      this.#problems.add(at, TOO_DEEP);
      return nothing;
    }
    if (isAlias(node)) return this.#alias(node, at, depth);
    if (isNode(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return scalar(node, at);
    if (isSeq(node)) {
      const [from, to] = node.range ?? [at, at];
      return { kind: 'list', from, to, items: node.items.map((item) => this.#node(item, from, depth + 1)) };
    }
    if (isMap(node)) {
      const [from, to] = node.range ?? [at, at];
      const entries = new Map<string, TreeEntry>();
      for (const { key, value } of node.items) {
        const name = this.#key(key, from, entries);
        if (name) entries.set(name.text, { key: name, value: this.#node(value, name.to, depth + 1) });
      }
      return { kind: 'map', from, to, entries };
    }
    return nothing;
  }

  #alias({ source, range }: Alias, at: number, depth: number): TreeNode {
    const from = range?.[0] ?? at;
    const target = this.#anchors.get(source);
    if (target === undefined)
      this.#problems.add(from, `found the alias *${source}, expected an anchor &${source} before it`);
    return this.#node(target, from, depth + 1);
  }

  /** undefined, and a problem, for what can be no key. */
  #key(key: unknown, at: number, before: ReadonlyMap<string, TreeEntry>): TreeScalar | undefined {
    const name = isScalar(key) ? scalar(key, at) : undefined;
    if (name === undefined) {
      this.#problems.add(at, 'found a list, a map or an alias as a key, expected a name');
      return undefined;
    }
    const first = before.get(name.text);
    // zod, as others do, passes over this name, which is the prototype of an object.
    if (first === undefined && name.text !== '__proto__') return name;
    const wrong = first ? ' a second time, expected each key once' : ', expected another name';
    this.#problems.add(name.from, `found the key ${excerpt(name.text)}${wrong}`);
    return undefined;
  }
}

function scalar(node: Scalar, at: number): TreeScalar {
  const [from, to] = node.range ?? [at, at];
  return { kind: 'scalar', text: node.type === 'PLAIN' ? (node.source ?? '') : String(node.value), from, to };
}
