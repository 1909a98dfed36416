/** The benchmark's numbers as text. */

import type { AuditSpeed } from './audit-speed.ts';
import type { SourceRates, SourceSpeed } from './kernel-source.ts';
import type { MemoryCurve } from './replay-memory.ts';
import type { Rate, ReplaySpeed } from './replay-speed.ts';
import type { MachineFacts } from './tools.ts';
import type { Comparison, VerdictSpeed } from './verdict.ts';
import { PEER_LABELS, type PeerName } from './verdict-peers.ts';

interface Skipped {
  readonly skipped: string;
}

export interface Report {
  readonly schema: 'dmalab/bench@1';
  readonly machine: MachineFacts;
  readonly replay: ReplaySpeed | Skipped;
  readonly memory: readonly MemoryCurve[];
  readonly kernelSource: SourceSpeed | Skipped;
  readonly audit: AuditSpeed | Skipped;
  readonly verdict: VerdictSpeed | Skipped;
}

export function renderReport(report: Report): string {
  return [
    machineText(report.machine),
    '',
    'Replay of text against trace-cmd report on the binary of the same events',
    'skipped' in report.replay ? `  skipped: ${report.replay.skipped}` : replayText(report.replay),
    '',
    'Peak memory of replay, text through stdin',
    report.memory.map(memoryText).join('\n'),
    '',
    'A kernel\u2019s own source against the design of its release, operations of the DMA API a second of CPU',
    'skipped' in report.kernelSource
      ? `  skipped: ${report.kernelSource.skipped}`
      : sourceText(report.kernelSource),
    '',
    'Audit of boards in one process against dtc -I dtb -O dts on each',
    'skipped' in report.audit ? `  skipped: ${report.audit.skipped}` : auditText(report.audit),
    '',
    'Verdict over all cache behaviours, FROM_DEVICE buffer of n lines',
    'skipped' in report.verdict ? `  skipped: ${report.verdict.skipped}` : verdictText(report.verdict),
    '',
  ].join('\n');
}

function machineText(machine: MachineFacts): string {
  const pinned =
    machine.pinnedToCore === null ? 'not pinned (no taskset)' : `pinned to core ${machine.pinnedToCore}`;
  const tools = Object.entries(machine.tools).map(([tool, version]) => `${tool} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, load ${machine.load}`,
    ['node', machine.node, ...tools].join(' '),
    `${pinned}; medians, peers in turn`,
  ].join('\n');
}

function replayText(replay: ReplaySpeed): string {
  const row = (what: string, rate: Rate) => [
    what,
    `${seconds(rate.wall)} s`,
    `${seconds(rate.cpu)} s`,
    `${(rate.eventsPerSecond / 1e6).toFixed(3)} M/s`,
    `x${(rate.eventsPerSecond / replay.traceCmd.eventsPerSecond).toFixed(2)}`,
    `${seconds(rate.once)} s`,
    `${(rate.afterwards / 1e6).toFixed(3)} M/s`,
    `x${(rate.afterwards / replay.traceCmd.afterwards).toFixed(2)}`,
  ];
  return [
    `  ${whole(replay.events)} events: ${replay.datMB.toFixed(0)} MB trace.dat, ${replay.textMB.toFixed(0)} MB text, ${replay.replay.runs} runs each; dmalab writes its report for people`,
    table([
      ['', 'wall', 'cpu', 'events', 'ratio', 'recording once', 'after that', 'ratio'],
      row('trace-cmd report', replay.traceCmd),
      row("dmalab replay, trace-cmd's text", replay.replay),
      row("dmalab replay, the kernel's text", replay.replayKernelText),
    ]),
    `  goal: ${replay.goal} times trace-cmd's events/s: ${reached(replay.reached)} (x${replay.ratio.toFixed(2)}, by CPU time x${replay.ratioByCpuTime.toFixed(2)})`,
  ].join('\n');
}

function sourceText(speed: SourceSpeed): string {
  const row = (what: string, { calls, compared, judged, check }: SourceRates) => [
    what,
    `${(calls / 1e6).toFixed(3)} M/s`,
    `${(compared / 1e6).toFixed(3)} M/s`,
    `${(judged / 1e6).toFixed(3)} M/s`,
    `${whole(Math.round(check))} /s`,
  ];
  return [
    `  ${whole(speed.operations)} operations, ${speed.rounds} rounds each`,
    table([
      ['', 'calls alone', 'compared with its design', 'judged for every cache', 'in scenarios'],
      row(speed.release, speed.source),
      row('its design', speed.design),
    ]),
    `  goal: ${whole(speed.goal)} operations a second, judged: ${reached(speed.reached)}`,
  ].join('\n');
}

function memoryText(curve: MemoryCurve): string {
  const points = curve.peaks.map((peak) => `${peak.peakMiB.toFixed(0)} MiB at ${peak.textMB.toFixed(0)} MB`);
  return `  ${curve.load}: ${points.join(', ')} (${curve.growth.toFixed(0)} MiB per 100 MB); goal flat: ${reached(curve.flat)}`;
}

function auditText(audit: AuditSpeed): string {
  const row = (what: string, { wall, cpu }: AuditSpeed['dtc']) => [
    what,
    `${seconds(wall)} s`,
    `${seconds(cpu)} s`,
    `${((wall / audit.boards) * 1000).toFixed(2)} ms`,
    `x${(audit.dtc.wall / wall).toFixed(1)}`,
    `x${(audit.dtc.cpu / cpu).toFixed(1)}`,
  ];
  return [
    `  ${whole(audit.boards)} boards, ${audit.MB.toFixed(0)} MB: ${audit.from}`,
    table([
      ['', 'wall', 'cpu', 'a board', 'ratio', 'by cpu'],
      row('dtc, a process a board', audit.dtc),
      row('dmalab reading them, without its start', audit.read),
      row('dmalab audit --json, the whole command', audit.command),
      row('without start and loading, first pass', audit.first),
      row('the third pass', audit.later),
    ]),
    `  goal: ${audit.goal} times dtc's speed: reading ${reached(audit.reached.read)}, audit as a whole command ${reached(audit.reached.command)}, first pass ${reached(audit.reached.first)}, third pass ${reached(audit.reached.later)}`,
  ].join('\n');
}

function verdictText(verdict: VerdictSpeed): string {
  const peers = Object.keys(verdict.peers) as PeerName[];
  const lines = [...new Set(peers.flatMap((peer) => verdict.peers[peer].map((point) => point.lines)))];
  const rows = lines
    .toSorted((a, b) => a - b)
    .map((n) => [
      String(n),
      ...peers.flatMap((peer) => {
        const point = verdict.peers[peer].find((at) => at.lines === n);
        return point
          ? [whole(point.states), `${seconds(point.searchSeconds)} s`, `${seconds(point.buildSeconds)} s`]
          : ['-', '-', '-'];
      }),
    ]);
  const own = verdict.own.map((point) => [
    whole(point.lines),
    `${point.bufferMs.toFixed(2)} ms`,
    `${point.apartMs.toFixed(2)} ms`,
  ]);
  const agree = verdict.verdictsAgree.map((agreed) => agreed.lines).join(', ');
  return [
    `  all checkers say: holds with the invalidate, violated without it (n = ${agree})`,
    table([['n', ...peers.flatMap((peer) => [`${PEER_LABELS[peer]}: states`, 'search', 'build'])], ...rows]),
    `  dmalab, automaton cold, without start and loading (${verdict.loadMs.toFixed(0)} ms to load the engine)`,
    table([['n', 'one buffer', 'line by line'], ...own]),
    `  goal: growth at most linear in n: ${reached(verdict.atMostLinear)} (n^${verdict.growthExponent.toFixed(2)}, line by line)`,
    '  goal: 64 KiB (1,024 lines) in less time than Spin takes for 6 lines',
    ...verdict.goals.map((goal) => `    ${comparison(goal)}: ${reached(goal.reached)}`),
    `    unequal, no goal: ${comparison(verdict.unequal)}`,
  ].join('\n');
}

function comparison(of: Comparison): string {
  return `${of.what}: ${seconds(of.ownSeconds)} s, ${seconds(of.spinSeconds)} s, x${of.ratio.toFixed(1)}`;
}

/** Columns aligned: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `    ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`,
    )
    .join('\n');
}

const seconds = (value: number): string => value.toFixed(value < 0.1 ? 4 : value < 10 ? 3 : 1);
const whole = (value: number): string => value.toLocaleString('en-US');
const reached = (yes: boolean): string => (yes ? 'reached' : 'NOT reached');
