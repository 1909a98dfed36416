/** How what builds a case says what is wrong with it. */
import { closest } from '../text/index.ts';
import type { Path } from './tree.ts';

/** Something is wrong with what stands at a path of the file. `at` the key where the name itself is wrong. */
export type Report = (path: Path, message: string, at?: 'key') => void;

/** Text of a message about a name that nothing has. @param what "a buffer" */
export function unknownName(what: string, found: string, known: readonly string[]): string {
  const names = [...new Set(known)];
  const expected = names.length === 0 ? `${what}, and there is none` : `${what}: ${names.join(', ')}`;
  return `found ${JSON.stringify(found)}${closest(found, names)}, expected ${expected}`;
}

/** Hexadecimal, as messages show addresses. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
