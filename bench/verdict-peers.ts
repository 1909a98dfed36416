/**
 * Spin and Rumur on the story: build a checker for n lines, ask it, time both.
 *
 * Options are those under which each was fastest here on this model while still searching every state:
 * - Spin: gcc -O2 -DSAFETY (no cycles are looked for; -O3, -DCOLLAPSE, -DNOREDUCE and -DBFS gained nothing, -DHC and
 *   bit-state hashing skip states); -w and -m as large as needed, because the default hash table of 128 MB costs small n
 *   more than their search.
 * - Rumur: one thread (one core for all), -O3 -march=native as its manual says, no deadlock check (the story ends),
 *   states not packed, no traces kept. Symmetry is reduced by its default heuristic, scalarset schedules off: those
 *   cost 30 times the rest.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sample, timeProcess } from './measure.ts';
import { murphi } from './models/murphi.ts';
import { promela } from './models/promela.ts';
import type { Story, Verdict } from './models/story.ts';

export type PeerName = 'spin' | 'rumur' | 'rumurSymmetric';
export const PEER_LABELS: Readonly<Record<PeerName, string>> = {
  spin: 'Spin',
  rumur: 'Rumur',
  rumurSymmetric: 'Rumur, symmetry reduced',
};

/** A checker made for one story. */
export interface Checker {
  readonly verdict: Verdict;
  readonly states: number;
  /** Model checker's generator and C compiler together. */
  readonly build: Sample;
  /** Only the search. */
  readonly search: () => Sample;
  /** Everything from the model on. */
  readonly whole: () => Sample;
}

const RUMUR_OPTIONS =
  '--threads 1 --deadlock-detection off --pack-state off --counterexample-trace off --scalarset-schedules off';
const NATIVE = process.arch === 'x64' ? ['-march=native', '-mcx16'] : [];

export function makeChecker(peer: PeerName, story: Story, folder: string, core: number | undefined): Checker {
  const cwd = join(folder, `${peer}-${story.lines}-${story.invalidate}`);
  mkdirSync(cwd);
  const steps = peer === 'spin' ? spinSteps(story, cwd) : rumurSteps(story, cwd, peer === 'rumurSymmetric');
  const run = (argv: readonly string[], accept: readonly number[] = [0]) =>
    timeProcess({ argv, cwd, accept }, core);
  const build = () => sum(steps.build.map((argv) => run(argv)));
  // Rumur's checker exits with 1 where an assertion fails; Spin's never does.
  const search = () => run(steps.search, [0, 1]);
  const built = build();
  return { ...ask(steps.search, cwd), build: built, search, whole: () => sum([build(), search()]) };
}

interface Steps {
  readonly build: readonly (readonly string[])[];
  readonly search: readonly string[];
}

function spinSteps(story: Story, cwd: string): Steps {
  writeFileSync(join(cwd, 'model.pml'), promela(story));
  // Each line makes 4.3 times the states; two slots for each. A stack for 528 steps is enough for 8 lines.
  const hashBits = Math.max(16, Math.ceil(2.2 * story.lines) + 2);
  const depth = story.lines <= 8 ? 10_000 : 1_000_000;
  return {
    build: [
      ['spin', '-a', 'model.pml'],
      ['gcc', '-O2', '-w', '-DSAFETY', '-o', 'pan', 'pan.c'],
    ],
    search: ['./pan', `-m${depth}`, `-w${hashBits}`],
  };
}

function rumurSteps(story: Story, cwd: string, symmetric: boolean): Steps {
  writeFileSync(join(cwd, 'model.m'), murphi(story, symmetric));
  return {
    build: [
      ['rumur', ...RUMUR_OPTIONS.split(' '), '--output', 'model.c', 'model.m'],
      ['gcc', '-std=c11', '-O3', '-w', ...NATIVE, '-o', 'model', 'model.c', '-lpthread'],
    ],
    search: ['./model'],
  };
}

/** Run the checker once for what it says. */
function ask(argv: readonly string[], cwd: string): { verdict: Verdict; states: number } {
  const run = spawnSync(argv[0] as string, argv.slice(1), { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  const text = run.stdout;
  if (/max search depth too small/.test(text))
    throw new Error(`${cwd}: search depth too small, not every state was seen`);
  const errors = /errors: (\d+)/.exec(text)?.[1] ?? /(\d+) error\(s\) found/.exec(text)?.[1];
  const clean = errors === '0' || /No error found/.test(text);
  const states =
    /(\d+) states[, ]/.exec(text.slice(text.lastIndexOf('rror')))?.[1] ??
    /(\d+) states, stored/.exec(text)?.[1];
  if ((errors === undefined && !clean) || states === undefined)
    throw new Error(`${cwd}: no verdict in the checker's output\n${text.slice(-2000)}${run.stderr}`);
  return { verdict: clean ? 'holds' : 'violated', states: Number(states) };
}

function sum(samples: readonly Sample[]): Sample {
  return samples.reduce((a, b) => ({ wall: a.wall + b.wall, cpu: a.cpu + b.cpu }), { wall: 0, cpu: 0 });
}
