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
    yield JSON.stringify(value, undefined, 2).replaceAll('\n', newline);
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

function membersOf(value: unknown): (readonly [key: string, member: unknown])[] | undefined {
  if (Array.isArray(value)) return value.map((member) => ['', member]);
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => [`${JSON.stringify(key)}: `, member]);
}

/** What JSON.stringify puts around the only member of a list of lists. */
const BEFORE = '[\n  [\n    '.length;
const AFTER = '\n  ]\n]'.length;

/** A member of a list in a document, as text: thousands of members are better kept so than as objects. */
export function memberText(member: unknown): string {
  return JSON.stringify([[member]], undefined, 2).slice(BEFORE, -AFTER);
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
