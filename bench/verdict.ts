/**
 * Verdict over all cache behaviours for a buffer of n lines: the may-set automaton against Spin and Rumur.
 *
 * Every checker is asked the story with the invalidate and without it, and must give the expected verdict, or
 * the benchmark fails. Only the story that holds is timed: there every state has to be seen.
 */
import { join } from 'node:path';
import { interleave, median, outputOf, type Timing, timeProcess } from './measure.ts';
import { expectedVerdict, type Story, type Verdict } from './models/story.ts';
import type { OwnVerdict } from './verdict-ours.ts';
import { type Checker, makeChecker, PEER_LABELS, type PeerName } from './verdict-peers.ts';

/** The goal: a 64 KiB buffer in less time than Spin takes for 6 lines. */
const OWN_LINES = 1024;
const SPIN_LINES = 6;

export interface PeerPoint {
  readonly lines: number;
  readonly states: number;
  readonly buildSeconds: number;
  readonly searchSeconds: number;
}

export interface OwnPoint {
  readonly lines: number;
  /** Milliseconds to the verdict, automaton cold: as one buffer, and line by line. */
  readonly bufferMs: number;
  readonly apartMs: number;
}

export interface Comparison {
  readonly what: string;
  readonly ownSeconds: number;
  readonly spinSeconds: number;
  /** Spin's time by ours. */
  readonly ratio: number;
  readonly reached: boolean;
}

export interface VerdictSpeed {
  readonly verdictsAgree: readonly {
    readonly lines: number;
    readonly with: Verdict;
    readonly without: Verdict;
  }[];
  readonly peers: Readonly<Record<PeerName, readonly PeerPoint[]>>;
  readonly own: readonly OwnPoint[];
  /** Time grows with the lines to this power, from 1,024 to 16,384 lines judged one by one. */
  readonly growthExponent: number;
  readonly atMostLinear: boolean;
  /** Loading the engine, in milliseconds, and the whole of a node process that does nothing. */
  readonly loadMs: number;
  readonly goals: readonly Comparison[];
  /** No goal: node's start and the loading of the engine, against a checker that is compiled already. */
  readonly unequal: Comparison;
}

export interface VerdictLimits {
  /** Buffers for the peers, and for the automaton; 6 and 1,024 among them. */
  readonly peerLines: readonly number[];
  readonly ownLines: readonly number[];
  /** A peer goes no further once a search is expected to take longer. */
  readonly seconds: number;
  readonly rounds: number;
}

export function measureVerdicts(
  limits: VerdictLimits,
  core: number | undefined,
  folder: string,
): VerdictSpeed {
  const peers: Record<PeerName, PeerPoint[]> = { spin: [], rumur: [], rumurSymmetric: [] };
  const names = Object.keys(PEER_LABELS) as PeerName[];
  const agreed: VerdictSpeed['verdictsAgree'][number][] = [];
  const checkers = new Map<string, Checker>();
  for (const lines of limits.peerLines) {
    const going = names.filter((name) => mayGoOn(peers[name], lines, limits.seconds));
    if (going.length === 0) break;
    const story: Story = { lines, invalidate: true };
    for (const name of going) {
      const checker = makeChecker(name, story, folder, core);
      demand(PEER_LABELS[name], story, checker.verdict);
      checkers.set(name, checker);
    }
    const timings = interleave(
      Object.fromEntries(going.map((name) => [name, (checkers.get(name) as Checker).search])),
      (peers.spin.at(-1)?.searchSeconds ?? 0) > 2 ? 1 : limits.rounds,
    );
    for (const name of going) {
      const { states, build } = checkers.get(name) as Checker;
      const search = timings[name] as Timing;
      peers[name].push({ lines, states, buildSeconds: build.wall, searchSeconds: search.wall });
    }
    if (lines === limits.peerLines[0] || lines === SPIN_LINES) agreed.push(agreement(lines, folder, core));
    if (lines === SPIN_LINES) checkers.set('goal', checkers.get('spin') as Checker);
  }
  // Short, so that more of them cost little.
  const rounds = Math.max(5, limits.rounds);
  const own = limits.ownLines.map((lines) => ownPoint(lines, rounds, core));
  const goal = checkers.get('goal');
  if (goal === undefined) throw new Error(`Spin was not asked for ${SPIN_LINES} lines`);
  const growthExponent = exponent(own);
  return {
    verdictsAgree: agreed,
    peers,
    own,
    growthExponent,
    atMostLinear: growthExponent <= 1.1,
    loadMs: median(repeat(rounds, () => askOwn({ lines: 1, invalidate: true }, 'buffer', core).loadMs)),
    ...compare(goal, own, limits.rounds, core),
  };
}

/** Each line makes about five times the work. */
function mayGoOn(points: readonly PeerPoint[], lines: number, seconds: number): boolean {
  const last = points.at(-1);
  return last === undefined || last.searchSeconds * 5 ** (lines - last.lines) < seconds;
}

/** Verdicts of all on n lines without the invalidate, and our own with it; theirs with it were met before. */
function agreement(
  lines: number,
  folder: string,
  core: number | undefined,
): VerdictSpeed['verdictsAgree'][number] {
  const without: Story = { lines, invalidate: false };
  for (const name of Object.keys(PEER_LABELS) as PeerName[])
    demand(PEER_LABELS[name], without, makeChecker(name, without, folder, core).verdict);
  for (const how of ['buffer', 'apart'] as const)
    for (const story of [without, { lines, invalidate: true }])
      demand('dmalab', story, askOwn(story, how, core).verdict);
  return { lines, with: 'holds', without: 'violated' };
}

function demand(who: string, story: Story, verdict: Verdict): void {
  if (verdict !== expectedVerdict(story))
    throw new Error(
      `${who}, ${story.lines} lines ${story.invalidate ? 'with' : 'without'} invalidate: ${verdict}`,
    );
}

function ownCommand(story: Story, how: 'buffer' | 'apart'): string[] {
  const script = join(import.meta.dirname, 'verdict-ours.ts');
  return [process.execPath, script, String(story.lines), story.invalidate ? 'with' : 'without', how];
}

/** The same story of 64 KiB as a scenario; exit 0 where it holds as expected. */
function checkCommand(): string[] {
  const folder = import.meta.dirname;
  return [
    process.execPath,
    join(folder, '../src/cli/main.js'),
    'check',
    join(folder, 'models/receive-64k.yaml'),
    '--quiet',
  ];
}

function askOwn(story: Story, how: 'buffer' | 'apart', core: number | undefined): OwnVerdict {
  return JSON.parse(outputOf(ownCommand(story, how), core)) as OwnVerdict;
}

function ownPoint(lines: number, rounds: number, core: number | undefined): OwnPoint {
  const story: Story = { lines, invalidate: true };
  const time = (how: 'buffer' | 'apart') => median(repeat(rounds, () => askOwn(story, how, core).judgeMs));
  return { lines, bufferMs: time('buffer'), apartMs: time('apart') };
}

function exponent(own: readonly OwnPoint[]): number {
  const from = own.find((point) => point.lines === OWN_LINES);
  const to = own.at(-1);
  if (from === undefined || to === undefined) throw new Error('no growth was measured');
  return Math.log(to.apartMs / from.apartMs) / Math.log(to.lines / from.lines);
}

function compare(
  spin: Checker,
  own: readonly OwnPoint[],
  rounds: number,
  core: number | undefined,
): Pick<VerdictSpeed, 'goals' | 'unequal'> {
  const process = () =>
    timeProcess({ argv: ownCommand({ lines: OWN_LINES, invalidate: true }, 'buffer') }, core);
  // Fails unless it holds, as expected.
  const check = () => timeProcess({ argv: checkCommand() }, core);
  const timings = interleave({ whole: spin.whole, search: spin.search, process, check }, rounds);
  const judged = own.find((point) => point.lines === OWN_LINES);
  const against = (what: string, ownSeconds: number, spinSeconds: number): Comparison => ({
    what,
    ownSeconds,
    spinSeconds,
    ratio: spinSeconds / ownSeconds,
    reached: ownSeconds < spinSeconds,
  });
  const cold = (judged?.bufferMs ?? Number.NaN) / 1000;
  return {
    goals: [
      against(
        'from the model on: node process; spin -a + gcc + ./pan',
        timings.process.wall,
        timings.whole.wall,
      ),
      against(
        'the whole system, from the scenario on: dmalab check; spin -a + gcc + ./pan',
        timings.check.wall,
        timings.whole.wall,
      ),
      against('the checking alone: cold automaton; ./pan', cold, timings.search.wall),
    ],
    unequal: against('node process with its start; ./pan', timings.process.wall, timings.search.wall),
  };
}

function repeat<T>(times: number, make: () => T): T[] {
  return Array.from({ length: times }, make);
}
