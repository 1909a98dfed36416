/**
 * Replay (parse, pair, judge, one design) against `trace-cmd report` on the same events, whole processes on one core.
 *
 * trace-cmd reads the binary file, dmalab the text that trace-cmd prints of it, and in a second row the text that the
 * kernel itself prints of the same events (which has the column of flags). Both peers write their result to /dev/null.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { amplifyDat, readDat } from './amplify-dat.ts';
import { demandEvents, EXAMPLE_DAT, exampleText, jsonReplayCommand, replayCommand } from './example.ts';
import { interleave, outputOf, type Timing, timeProcess } from './measure.ts';
import { TextStream } from './text-stream.ts';

/** The goal: times trace-cmd's events a second. */
const GOAL = 5;

export interface ReplaySpeed {
  readonly events: number;
  readonly textMB: number;
  readonly datMB: number;
  readonly traceCmd: Rate;
  /** On trace-cmd's text; this one decides. */
  readonly replay: Rate;
  /** On the kernel's text. */
  readonly replayKernelText: Rate;
  /** dmalab's events a second by trace-cmd's. */
  readonly ratio: number;
  readonly ratioByCpuTime: number;
  readonly ratioKernelText: number;
  readonly goal: number;
  readonly reached: boolean;
}

export interface Rate extends Timing {
  /** By wall clock. */
  readonly eventsPerSecond: number;
  /** Seconds for the recording once: what starting costs. */
  readonly once: number;
  /** Events a second beyond the first round. */
  readonly afterwards: number;
}

export function measureReplaySpeed(
  times: number,
  rounds: number,
  core: number | undefined,
  folder: string,
): ReplaySpeed {
  const once = makeLoad(1, folder);
  const big = makeLoad(times, folder);
  for (const text of [big.text, big.kernelText])
    demandEvents(outputOf(jsonReplayCommand(text), core), big.events);
  const contenders = (load: Load) => ({
    traceCmd: () => timeProcess({ argv: traceCmdReport(load.dat) }, core),
    replay: () => timeProcess({ argv: replayCommand(load.text) }, core),
    replayKernelText: () => timeProcess({ argv: replayCommand(load.kernelText) }, core),
  });
  const short = interleave(contenders(once), rounds);
  const long = interleave(contenders(big), rounds);
  const rate = (name: keyof typeof long): Rate => ({
    ...long[name],
    eventsPerSecond: big.events / long[name].wall,
    once: short[name].wall,
    afterwards: (big.events - once.events) / (long[name].wall - short[name].wall),
  });
  const ratio = long.traceCmd.wall / long.replay.wall;
  return {
    events: big.events,
    textMB: statSync(big.text).size / 1e6,
    datMB: statSync(big.dat).size / 1e6,
    traceCmd: rate('traceCmd'),
    replay: rate('replay'),
    replayKernelText: rate('replayKernelText'),
    ratio,
    ratioByCpuTime: long.traceCmd.cpu / long.replay.cpu,
    ratioKernelText: long.traceCmd.wall / long.replayKernelText.wall,
    goal: GOAL,
    reached: ratio >= GOAL,
  };
}

/** The same events three times: binary, as trace-cmd prints them, as the kernel does. */
interface Load {
  readonly events: number;
  readonly dat: string;
  readonly text: string;
  readonly kernelText: string;
}

function makeLoad(times: number, folder: string): Load {
  const at = (name: string) => join(folder, `${times}-${name}`);
  const load = { dat: at('trace.dat'), text: at('report.txt'), kernelText: at('trace.txt') };
  const { events } = amplifyDat(readDat(EXAMPLE_DAT), times, load.dat);
  const printed = printReport(load.dat, load.text);
  if (printed !== events) throw new Error(`trace-cmd report printed ${printed} events, expected ${events}`);
  writeKernelText(load.kernelText, times, events);
  return { events, ...load };
}

const traceCmdReport = (dat: string): string[] => ['trace-cmd', 'report', '-i', dat];

/** `trace-cmd report` into a file; returns how many events it printed. */
export function printReport(dat: string, text: string): number {
  const file = openSync(text, 'w');
  const [peer, ...args] = traceCmdReport(dat);
  const run = spawnSync(peer as string, args, { stdio: ['ignore', file, 'pipe'] });
  closeSync(file);
  if (run.status !== 0) throw new Error(`trace-cmd report -i ${dat}: exit ${run.status}\n${run.stderr}`);
  return countEvents(text);
}

/** Lines but for "cpus=1" and "CPU 1 is empty" at the beginning. */
function countEvents(path: string): number {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(1 << 20);
  let lines = 0;
  let headers = 0;
  try {
    for (let first = true, read = 1; read > 0; first = false) {
      read = readSync(file, chunk);
      if (first) headers = chunk.toString('latin1', 0, read).match(/^(?:cpus=|CPU )/gm)?.length ?? 0;
      for (let at = chunk.indexOf(10); at >= 0 && at < read; at = chunk.indexOf(10, at + 1)) lines++;
    }
  } finally {
    closeSync(file);
  }
  return lines - headers;
}

function writeKernelText(path: string, times: number, events: number): void {
  const stream = new TextStream(exampleText());
  if (stream.events * times !== events)
    throw new Error(`the kernel's text has ${stream.events} events, its trace.dat ${events / times}`);
  for (let round = 0; round < times; round++) appendFileSync(path, stream.next());
}
