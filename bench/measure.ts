/**
 * Times whole processes, on one core where `taskset` is there, peers in turn (A B A B ...): on a shared machine only
 * what ran side by side can be compared, and only as a ratio.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hasTool } from './tools.ts';

/** One run of a process, in seconds. */
export interface Sample {
  readonly wall: number;
  /** User and system time together. */
  readonly cpu: number;
}

/** Medians over some runs. */
export interface Timing extends Sample {
  readonly runs: number;
}

export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** Exit codes that are no failure (default 0). */
  readonly accept?: readonly number[];
}

/** The last core this process may use: the first ones serve most interrupts. */
export function pinnedCore(): number | undefined {
  if (!hasTool('taskset')) return undefined;
  const status = readFileSync('/proc/self/status', 'utf8');
  const last = /^Cpus_allowed_list:.*?(\d+)$/m.exec(status)?.[1];
  return last === undefined ? undefined : Number(last);
}

/** Run a command with its output thrown away; bash's `time` knows the CPU time of its child alone. */
export function timeProcess(command: Command, core: number | undefined): Sample {
  const argv = pinned(command.argv, core);
  const script = 'TIMEFORMAT="#time %3R %3U %3S"; time "$@" >/dev/null';
  const run = spawnSync('bash', ['-c', script, 'bash', ...argv], {
    cwd: command.cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const times = /#time ([\d.]+) ([\d.]+) ([\d.]+)/.exec(run.stderr);
  if (times === null || !(command.accept ?? [0]).includes(run.status ?? -1))
    throw new Error(`${command.argv.join(' ')}: exit ${run.status}\n${run.stderr.slice(-2000)}`);
  return { wall: Number(times[1]), cpu: Number(times[2]) + Number(times[3]) };
}

/** Standard output of a command that must succeed, on the same core. */
export function outputOf(command: readonly string[], core: number | undefined): string {
  const argv = pinned(command, core);
  const run = spawnSync(argv[0] as string, argv.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`${command.join(' ')}: exit ${run.status}\n${run.stderr}`);
  return run.stdout;
}

function pinned(argv: readonly string[], core: number | undefined): readonly string[] {
  return core === undefined ? argv : ['taskset', '-c', String(core), ...argv];
}

/** Run every contender once, then every one again, and so on. */
export function interleave<Name extends string>(
  contenders: Readonly<Record<Name, () => Sample>>,
  rounds: number,
): Record<Name, Timing> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (let round = 0; round < rounds; round++)
    for (const name of names) samples[name].push(contenders[name]());
  return Object.fromEntries(names.map((name) => [name, medians(samples[name])])) as Record<Name, Timing>;
}

function medians(samples: readonly Sample[]): Timing {
  return {
    wall: median(samples.map((sample) => sample.wall)),
    cpu: median(samples.map((sample) => sample.cpu)),
    runs: samples.length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
