/**
 * JSON text in pieces: the document of a long trace with many findings is longer than the longest string of
 * JavaScript. What it yields is what JSON.stringify(value, undefined, 2) would.
 */

const PIECE = 2 ** 20;

/** Arrays and objects nested deeper than this are small enough to be one string. */
const DEEPEST = 4;

export function* jsonText(value: unknown): Generator<string> {
  let held = '';
  for (const piece of pieces(value, 0, '\n')) {
    held += piece;
    if (held.length < PIECE) continue;
    yield held;
    held = '';
  }
  yield held;
}

/** @param newline a newline and the indentation of `value`. */
function* pieces(value: unknown, depth: number, newline: string): Generator<string> {
  const members = depth < DEEPEST ? membersOf(value) : undefined;
  if (members === undefined || members.length === 0) {
    yield textAt(value, depth);
    return;
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const inner = `${newline}  `;
  let before = `${open}${inner}`;
  for (const [key, member] of members) {
    yield before + key;
    yield* pieces(member, depth + 1, inner);
    before = `,${inner}`;
  }
  yield `${newline}${close}`;
}

/** A value as it stands in a document, so many levels deep. Indented in lists: to indent the lines of a text is slower. */
function textAt(value: unknown, depth: number): string {
  let wrapped = value;
  for (let i = 0; i < depth; i++) wrapped = [wrapped];
  // Around it stand "[" and a newline with 2, 4 ... blanks, and a newline with ... 2, 0 blanks and "]".
  const before = depth * (depth + 3);
  const after = depth * (depth + 1);
  return JSON.stringify(wrapped, undefined, 2).slice(before, after === 0 ? undefined : -after);
}

function membersOf(value: unknown): (readonly [key: string, member: unknown])[] | undefined {
  if (Array.isArray(value)) return value.map((member) => ['', member]);
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => [`${JSON.stringify(key)}: `, member]);
}

/** A member of a list in a document, as text: thousands of members are better kept so than as objects. */
export function memberText(member: unknown): string {
  return textAt(member, 2);
}

/**
 * The text of a document whose only empty list has these members.
 * @param members by memberText; at least one.
 */
export function* textWithMembers(document: unknown, members: readonly string[]): Generator<string> {
  const [before = '', after = ''] = JSON.stringify(document, undefined, 2).split('[]');
  let held = `${before}[\n    `;
  for (const [i, member] of members.entries()) {
    if (i > 0) held += ',\n    ';
    held += member;
    if (held.length < PIECE) continue;
    yield held;
    held = '';
  }
  yield `${held}\n  ]${after}`;
}
