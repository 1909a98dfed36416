/**
 * A counterexample in the Trace Event Format (JSON object form), which Perfetto and chrome://tracing open: a track for each agent and one
 * for each copy of the byte. There is no real time: a line of the timeline takes one microsecond.
 */
import type { CheckRow, Rule, TimelineStep } from '../../explore/index.ts';
import { actingAgents, copyText, isAgents, stepText } from './counterexample.ts';

export interface TraceContext {
  readonly title: string;
  /** File of the scenario, whose lines are named. */
  readonly scenario: string;
  /** Of this program. */
  readonly version: string;
}

type Arguments = Readonly<Record<string, string | number>>;
interface Track {
  readonly pid: number;
  readonly tid: number;
}
/** As the format has them: M metadata, X slices, i instants, s and f the ends of a flow. Times are microseconds. */
export type TraceEvent =
  | (Track & { readonly ph: 'M'; readonly name: string; readonly ts: 0; readonly args: Arguments })
  | (Track & {
      readonly ph: 'X';
      readonly name: string;
      readonly cat: string;
      readonly ts: number;
      readonly dur: number;
      readonly args: Arguments;
      readonly cname?: string;
    })
  | (Track & {
      readonly ph: 'i';
      readonly name: string;
      readonly cat: string;
      readonly ts: number;
      readonly s: 't' | 'g';
      readonly args: Arguments;
    })
  | (Track & {
      readonly ph: 's' | 'f';
      readonly name: string;
      readonly cat: string;
      readonly ts: number;
      readonly id: number;
      readonly bp?: 'e';
    });

export interface TraceDocument {
  readonly displayTimeUnit: 'ns';
  readonly otherData: Arguments;
  readonly traceEvents: readonly TraceEvent[];
}

const AGENTS = 1;
const COPIES = 2;
const HARDWARE = 'hardware';

/** @throws RangeError for what is not violated. */
export function counterexampleTrace({ violation, design }: CheckRow, context: TraceContext): TraceDocument {
  if (violation === undefined) throw new RangeError('nothing is violated');
  const { steps, rule, hardwareMoves, explanation } = violation;
  const agents = [...actingAgents(steps), HARDWARE];
  const copies = steps.at(-1)?.copies.map(({ name }) => name) ?? [];
  return {
    displayTimeUnit: 'ns',
    otherData: {
      tool: `dmalab ${context.version}`,
      title: context.title,
      scenario: context.scenario,
      design,
      rule,
      hardwareMoves: hardwareMoves ?? 'no cache is involved',
      explanation,
      time: 'not real: one microsecond a line of the timeline',
    },
    traceEvents: [
      ...names(AGENTS, 'agents', agents),
      ...(copies.length > 0 ? names(COPIES, `copies of the byte at ${byteOf(steps)}`, copies) : []),
      ...steps.flatMap((step, i) => eventOf(step, i, steps, agents)),
      ...copies.flatMap((name, i) => holdings(name, i, steps, rule)),
      ...flow(steps, agents, rule),
    ],
  };
}

function byteOf(steps: readonly TimelineStep[]): string {
  return steps.find(({ kind }) => kind === 'before')?.at ?? '';
}

function names(pid: number, process: string, threads: readonly string[]): TraceEvent[] {
  const meta = (tid: number, name: string, args: Arguments): TraceEvent => ({
    ph: 'M',
    name,
    pid,
    tid,
    ts: 0,
    args,
  });
  return [
    meta(0, 'process_name', { name: process }),
    meta(0, 'process_sort_index', { sort_index: pid }),
    ...threads.flatMap((name, i) => [
      meta(i + 1, 'thread_name', { name }),
      meta(i + 1, 'thread_sort_index', { sort_index: i + 1 }),
    ]),
  ];
}

function trackOf(step: TimelineStep, agents: readonly string[]): Track {
  const name = isAgents(step) ? step.agent : HARDWARE;
  return { pid: AGENTS, tid: (isAgents(step) ? agents.indexOf(name) : agents.length - 1) + 1 };
}

function eventOf(
  step: TimelineStep,
  ts: number,
  steps: readonly TimelineStep[],
  agents: readonly string[],
): TraceEvent[] {
  if (step.kind === 'before') return [];
  const track = trackOf(step, agents);
  const args = {
    ...(step.line === undefined ? {} : { line: step.line }),
    ...(step.at === '' ? {} : { at: step.at }),
  };
  const common = { ...track, name: stepText(step).trim(), cat: step.kind, ts, args } as const;
  if (!isAgents(step)) return [{ ph: 'i', s: 't', ...common }];
  const slice = { ph: 'X', dur: lasts(ts, steps), ...common } as const;
  if (!step.wrong) return [slice];
  return [
    { ...slice, cname: 'terrible' },
    { ph: 'i', s: 'g', ...common },
  ];
}

/** A step lasts as long as the maintenance in it, which lies within its slice. */
function lasts(at: number, steps: readonly TimelineStep[]): number {
  const { kind, agent } = steps[at] ?? {};
  if (kind !== 'step') return 1;
  const end = steps.findIndex((each, i) => i > at && (each.kind !== 'maintenance' || each.agent !== agent));
  return (end < 0 ? steps.length : end) - at;
}

/** What one copy holds: a slice for as long as it stays the same. */
function holdings(name: string, index: number, steps: readonly TimelineStep[], rule: Rule): TraceEvent[] {
  const slices: { word: string; ts: number; dur: number }[] = [];
  for (const [ts, { copies }] of steps.entries()) {
    const copy = copies[index];
    if (copy === undefined) continue;
    const word = copy.line === 'absent' ? 'absent' : copyText(copy, rule);
    const last = slices.at(-1);
    if (last?.word === word && last.ts + last.dur === ts) last.dur += 1;
    else slices.push({ word, ts, dur: 1 });
  }
  return slices.map(({ word, ts, dur }) => ({
    ph: 'X',
    name: word,
    cat: 'copy',
    pid: COPIES,
    tid: index + 1,
    ts,
    dur,
    args: { copy: name },
  }));
}

/** From the last write of the byte by an agent to where it goes wrong. */
function flow(steps: readonly TimelineStep[], agents: readonly string[], rule: Rule): TraceEvent[] {
  const end = steps.findIndex(({ wrong }) => wrong);
  const begin = steps.findLastIndex(
    (step, i) => i < end && isAgents(step) && step.operations.some((name) => /Write/.test(name)),
  );
  const [from, to] = [steps[begin], steps[end]];
  if (from === undefined || to === undefined) return [];
  const common = { name: rule, cat: 'flow', id: 1 } as const;
  return [
    { ph: 's', ...common, ...trackOf(from, agents), ts: begin },
    { ph: 'f', bp: 'e', ...common, ...trackOf(to, agents), ts: end },
  ];
}
