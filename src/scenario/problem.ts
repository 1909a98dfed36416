/** What is wrong with a file, and where: all of it, up to a limit. */
import type { LineCounter } from 'yaml';

/** Something wrong with a scenario file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** What was found and what was expected. */
  readonly message: string;
}

/** @param at characters from the beginning of the file. */
export type AddProblem = (at: number, message: string) => void;

/** More are not of use to anybody. */
const MAX_PROBLEMS = 10;

/** Collects problems by their place in the text. */
export class Problems {
  readonly #lines: LineCounter;
  readonly #found = new Map<string, Problem & { readonly at: number }>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  get any(): boolean {
    return this.#found.size > 0;
  }

  /** @param at characters from the beginning of the file. */
  add(at: number, message: string): void {
    const { line, col } = this.#lines.linePos(at);
    // An empty file has no line.
    const problem = { at, line: Math.max(line, 1), column: Math.max(col, 1), message };
    this.#found.set(`${at} ${message}`, problem);
  }

  /** In the order of the file, the first ten. */
  list(): Problem[] {
    return [...this.#found.values()]
      .sort((a, b) => a.at - b.at)
      .slice(0, MAX_PROBLEMS)
      .map(({ line, column, message }) => ({ line, column, message }));
  }
}

/** Text of the file as an error message shows it: one line of it, not too long. */
export function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}...` : line);
}
