/** `dmalab export SCENARIO --design NAME --to promela|murphi`: the same question for another checker. */
import { writeFileSync } from 'node:fs';
import { DESIGNS, findDesign } from '../designs/index.ts';
import { CannotExport, exportCase, type Language } from '../export/index.ts';
import type { Design } from '../linux/index.ts';
import { type Case, parseScenario, type Scenario } from '../scenario/index.ts';
import { closest } from '../text/index.ts';
import { Exit } from './exit-code.ts';
import { type Io, UsageError } from './io.ts';
import { scenarioBoards } from './scenario-boards.ts';
import { nameOf, readWhole } from './sources.ts';

export interface ExportFlags {
  readonly design: string;
  readonly to: Language;
  readonly case?: string;
  readonly lines?: number;
  readonly output?: string;
}

/** Run the command; the model goes to `io` or the file. @returns the exit code. @throws UsageError for what cannot be exported. */
export async function exportCommand(path: string, flags: ExportFlags, io: Io): Promise<Exit> {
  const source = { path, io, wanted: 'a scenario' };
  const design = designOf(flags.design);
  const text = new TextDecoder().decode(await readWhole(source));
  const parsed = parseScenario(text, nameOf(source), scenarioBoards(path));
  if ('errors' in parsed) throw new UsageError(parsed.errors.join('\ndmalab: '));
  const { scenario } = parsed;
  const one = caseOf(scenario, flags.case);
  const model = textOf(scenario, one, design, flags);
  if (flags.output === undefined) io.out(model);
  else write(flags.output, model);
  return Exit.nothingFound;
}

function textOf(scenario: Scenario, one: Case, design: Design, { to, lines }: ExportFlags): string {
  const name = one.name === '' ? scenario.file : `${scenario.file}#${one.name}`;
  const about = [scenario.title, `${name}, design ${design.name}`];
  try {
    return exportCase(one, design, {
      language: to,
      bounds: scenario.bounds,
      about,
      ...(lines === undefined ? {} : { lines }),
    });
  } catch (error) {
    if (!(error instanceof CannotExport)) throw error;
    throw new UsageError(
      `${name}, design ${design.name}: cannot be written in ${NAMES[to]}: ${error.message}`,
    );
  }
}

const NAMES: Readonly<Record<Language, string>> = { promela: 'Promela', murphi: 'Murphi' };

function designOf(name: string): Design {
  const design = findDesign(name);
  if (design) return design;
  const names = DESIGNS.map((each) => each.name);
  throw new UsageError(
    `--design: found ${JSON.stringify(name)}${closest(name, names)}, expected one of: ${names.join(', ')}`,
  );
}

/** By number from 1, or by name; not needed where there is one only. */
function caseOf({ cases, file }: Scenario, wanted: string | undefined): Case {
  const [only] = cases;
  const found =
    wanted === undefined
      ? cases.length === 1
        ? only
        : undefined
      : (cases.find(({ name }) => name === wanted) ??
        (/^\d+$/.test(wanted) ? cases[Number(wanted) - 1] : undefined));
  if (found) return found;
  const what = wanted === undefined ? `${cases.length} cases` : `no case ${JSON.stringify(wanted)}`;
  const expected =
    cases.length === 1 ? '1' : `a number from 1 to ${cases.length}, or a name as "${cases[0]?.name}"`;
  throw new UsageError(`${file}: found ${what}, expected --case ${expected}`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(
      `${path}: cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
