/**
 * The story of models/story.ts for the may-set automaton: run as a process of its own, so that everything is cold.
 *
 * `node bench/verdict-ours.ts LINES with|without buffer|apart` prints one line of JSON. "buffer" judges the buffer as
 * replay does, by runs of bytes with one history; "apart" judges each line by itself, as if no two were alike.
 */
import type { MachineAddr } from '../src/address/index.ts';
import type { Node } from '../src/coherence/index.ts';
import type { MaintenanceCall } from '../src/machine/index.ts';
import type { Story, Verdict } from './models/story.ts';

export interface OwnVerdict {
  readonly verdict: Verdict;
  /** Milliseconds: loading and stripping the engine's modules; then everything to the verdict, automaton cold. */
  readonly loadMs: number;
  readonly judgeMs: number;
  /** May-sets that the automaton made. */
  readonly nodes: number;
}

const LINE_SIZE = 64;
const BASE = 0x1388dd000;

async function judge(story: Story, apart: boolean): Promise<OwnVerdict> {
  const begin = performance.now();
  const { Automaton, NEVER, Operation, Start } = await import('../src/coherence/index.ts');
  const { forEachPiece, maintenanceCalls, Runs } = await import('../src/machine/index.ts');
  const loaded = performance.now();

  const automaton = new Automaton();
  const calls = maintenanceCalls('EL2');
  let holds = true;
  const judgeBytes = (from: MachineAddr, to: MachineAddr) => {
    const runs = new Runs<Node>(from, to, automaton.start(Start.dontCare));
    const maintain = (call: MaintenanceCall) =>
      forEachPiece(call, from, to, LINE_SIZE, (low, high, operation) => {
        runs.update(low, high, (node) => automaton.step(node, operation));
      });
    maintain(calls.clean);
    runs.update(from, to, (node) => automaton.step(node, Operation.deviceWrite));
    if (story.invalidate) maintain(calls.invalidate);
    runs.visit(from, to, (node) => {
      if (automaton.staleMoves(node, Operation.cpuRead) !== NEVER) holds = false;
    });
  };
  const step = apart ? LINE_SIZE : story.lines * LINE_SIZE;
  for (let offset = 0; offset < story.lines * LINE_SIZE; offset += step)
    judgeBytes((BASE + offset) as MachineAddr, (BASE + offset + step) as MachineAddr);
  const done = performance.now();
  return {
    verdict: holds ? 'holds' : 'violated',
    loadMs: loaded - begin,
    judgeMs: done - loaded,
    nodes: automaton.size,
  };
}

if (import.meta.main) {
  const [lines, invalidate, how] = process.argv.slice(2);
  const story = { lines: Number(lines), invalidate: invalidate === 'with' };
  process.stdout.write(`${JSON.stringify(await judge(story, how === 'apart'))}\n`);
}
