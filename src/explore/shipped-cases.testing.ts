/** The cases of the scenarios that ship, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DESIGNS } from '../designs/index.ts';
import type { Design } from '../linux/index.ts';
import { type Case, parseScenario } from '../scenario/index.ts';

const ROOT = fileURLToPath(new URL('../../scenarios/', import.meta.url));

/** The first cases of each scenario with each design that it expects something of. @param most cases of a scenario. */
export function shippedCases(most: number): { file: string; one: Case; design: Design }[] {
  const entries = readdirSync(ROOT, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => {
      const parsed = parseScenario(readFileSync(file, 'utf8'), file);
      if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
      const { cases, expectations } = parsed.scenario;
      const names = new Set(expectations.flatMap(({ designs }) => designs));
      return cases.slice(0, most).flatMap((one) =>
        DESIGNS.filter(({ name }) => names.has(name)).map((design) => ({
          file: file.slice(ROOT.length),
          one,
          design,
        })),
      );
    });
}
