/**
 * Reading boards, and auditing them, in one process against `dtc -I dtb -O dts` on each of them, on one core, in turn.
 *
 * The boards are the folder that BOARDS names (scripts/fetch-boards.sh fetches Debian's 1,474), else the blobs of the tests, as many
 * times over.
 */
import { copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditPass } from './audit-ours.ts';
import { median, outputOf, type Sample, timeProcess } from './measure.ts';
import type { ReadBoards } from './read-boards.ts';

/** The goal: times dtc's speed. */
const GOAL = 10;
const ROOT = join(import.meta.dirname, '..');
const FIXTURES = join(ROOT, 'src/devicetree/boards');

const PARTS = ['read', 'command', 'first', 'later'] as const;
type Part = (typeof PARTS)[number];

export interface AuditSpeed {
  readonly boards: number;
  readonly MB: number;
  /** Which boards they are. */
  readonly from: string;
  readonly dtc: Sample;
  /** The whole command, with start and loading. */
  readonly command: Sample;
  /** Without these: the files read, each checked from its first to its last token, and no more. */
  readonly read: Sample;
  /** The first pass over the boards, and the third. */
  readonly first: Sample;
  readonly later: Sample;
  /** dtc's time by ours. */
  readonly ratio: Readonly<Record<Part, number>>;
  readonly goal: number;
  readonly reached: Readonly<Record<Part, boolean>>;
}

export function measureAudit(rounds: number, core: number | undefined, folder: string): AuditSpeed {
  const given = process.env['BOARDS'];
  const boards = given ?? copies(join(folder, 'boards'));
  const files = readdirSync(boards, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.dtb'))
    .map((name) => join(boards, name));
  if (files.length === 0) throw new Error(`${boards}: found no *.dtb`);
  const samples: Record<'dtc' | Part, Sample[]> = { dtc: [], read: [], command: [], first: [], later: [] };
  const ours = (script: string, ...args: string[]) => [
    process.execPath,
    '--max-semi-space-size=8',
    join(ROOT, script),
    ...args,
  ];
  for (let round = 0; round < rounds; round++) {
    const loop = 'for f in "$@"; do dtc -q -I dtb -O dts -o /dev/null "$f" || exit 1; done';
    samples.dtc.push(timeProcess({ argv: ['sh', '-c', loop, 'sh', ...files] }, core));
    samples.command.push(
      timeProcess({ argv: ours('src/cli/main.js', 'audit', boards, '--json', '--exit-zero') }, core),
    );
    const read = JSON.parse(outputOf(ours('bench/read-boards.ts', boards), core)) as ReadBoards;
    if (read.boards !== files.length) throw new Error(`read ${read.boards} of ${files.length} boards`);
    samples.read.push(read);
    const passes = outputOf(ours('bench/audit-ours.ts', boards, '3'), core)
      .trim()
      .split('\n');
    const [first, , later] = passes.map((line) => JSON.parse(line) as AuditPass);
    if (first === undefined || later === undefined || first.boards !== files.length)
      throw new Error(`audited ${first?.boards} of ${files.length} boards`);
    samples.first.push(first);
    samples.later.push(later);
  }
  const of = (name: 'dtc' | Part): Sample => ({
    wall: median(samples[name].map(({ wall }) => wall)),
    cpu: median(samples[name].map(({ cpu }) => cpu)),
  });
  const dtc = of('dtc');
  const ratioOf = (part: Part) => dtc.wall / of(part).wall;
  const ofParts = <Value>(value: (part: Part) => Value) =>
    Object.fromEntries(PARTS.map((part) => [part, value(part)])) as Record<Part, Value>;
  return {
    boards: files.length,
    MB: files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6,
    from: given ?? 'the tests\u2019 blobs, again and again (BOARDS=FOLDER for others)',
    dtc,
    ...ofParts(of),
    ratio: ofParts(ratioOf),
    goal: GOAL,
    reached: ofParts((part) => ratioOf(part) >= GOAL),
  };
}

/** As many blobs as Debian has, in a folder. */
function copies(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const blobs = readdirSync(FIXTURES).filter((name) => name.endsWith('.dtb'));
  for (let i = 0; i < 100; i++)
    for (const name of blobs) copyFileSync(join(FIXTURES, name), join(folder, `${i}-${name}`));
  return folder;
}
