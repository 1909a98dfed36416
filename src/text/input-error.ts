/** A file that is not what it should be. */

/** Where and what, so that the message needs no guessing. */
export interface InputErrorDetails {
  /** From 1. */
  readonly line?: number;
  readonly found: string;
  readonly expected: string;
  /** What the user can do about it. */
  readonly hint?: string;
}

/** An input file that cannot be read. The caller adds the file's name. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly line: number | undefined;
  readonly found: string;
  readonly expected: string;
  readonly hint: string | undefined;

  constructor(details: InputErrorDetails) {
    const where = details.line === undefined ? '' : `line ${details.line}: `;
    const hint = details.hint === undefined ? '' : ` (${details.hint})`;
    super(`${where}found ${details.found}, expected ${details.expected}${hint}`);
    this.line = details.line;
    this.found = details.found;
    this.expected = details.expected;
    this.hint = details.hint;
  }
}
