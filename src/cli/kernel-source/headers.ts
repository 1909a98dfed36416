/**
 * The folder of headers that the compiler looks in besides the shims': the tree's own are forwarded to, the others are empty.
 * Nothing else of the tree is in the compiler's way.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Configuration, headerPath, OWN_HEADERS, PRIVATE_HEADERS } from '../../kernel-source/index.ts';

/** The shims include a header of the tree that they stand before as <own/...>. */
const OWN = 'own';

/** Forward to the tree's own headers from `folder`. */
export function forwardHeaders(folder: string, tree: string, configuration: Configuration): void {
  for (const name of OWN_HEADERS) {
    const path = join(tree, headerPath(name, configuration));
    if (!existsSync(path)) continue;
    write(join(folder, name), forwardTo(path));
    write(join(folder, OWN, name), forwardTo(path));
  }
  for (const name of PRIVATE_HEADERS) write(join(folder, OWN, name), forwardTo(join(tree, name)));
}

/** Make those empty that are included and that nobody has. */
export function emptyHeaders(folder: string, names: readonly string[]): void {
  for (const name of names) write(join(folder, name), '');
}

function forwardTo(path: string): string {
  return `#include ${JSON.stringify(path)}\n`;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The files that the rules of a depfile name, without their targets. A blank in a name is escaped. */
export function dependenciesOf(depfile: string): string[] {
  return depfile
    .replaceAll('\\\n', ' ')
    .replaceAll('\\ ', '\0')
    .split(/\s+/)
    .filter((name) => name !== '' && !name.endsWith(':'))
    .map((name) => name.replaceAll('\0', ' '));
}
