/**
 * `npm run bench`: how fast, side by side with the peers in one run.
 *
 * --quick for CI (below a minute), --big for 16 million events and 2 GB in the memory curve, --json for numbers. Ratios count: absolute times say
 * little on a shared machine. A goal that is not reached is said and is no failure; wrong events or verdicts are.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAudit } from './audit-speed.ts';
import { measureKernelSource } from './kernel-source.ts';
import { pinnedCore } from './measure.ts';
import { measureReplayMemory } from './replay-memory.ts';
import { measureReplaySpeed } from './replay-speed.ts';
import { type Report, renderReport } from './report.ts';
import { installHint, machineFacts, missingOf, type Tool } from './tools.ts';
import { measureVerdicts } from './verdict.ts';

const REPLAY_TOOLS: readonly Tool[] = ['trace-cmd'];
const VERDICT_TOOLS: readonly Tool[] = ['spin', 'rumur', 'gcc'];
const AUDIT_TOOLS: readonly Tool[] = ['dtc'];

interface Plan {
  /** How often the recording of 15,551 events is repeated. */
  readonly times: number;
  readonly rounds: number;
  /** Operations of the DMA API that a kernel's source does in a round. */
  readonly operations: number;
  readonly sizesMB: readonly number[];
  readonly peerLines: readonly number[];
  readonly ownLines: readonly number[];
  /** Longest search of a peer. */
  readonly seconds: number;
}
const FULL: Plan = {
  times: 260,
  rounds: 5,
  operations: 2_000_000,
  sizesMB: [10, 200],
  peerLines: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  ownLines: [1, 16, 256, 1024, 4096, 16_384],
  seconds: 60,
};
const QUICK: Plan = {
  times: 65,
  rounds: 3,
  operations: 1_000_000,
  sizesMB: [10, 60],
  peerLines: [1, 6],
  ownLines: [1, 1024, 16_384],
  seconds: 60,
};

async function measure(plan: Plan, folder: string): Promise<Report> {
  const core = pinnedCore();
  const machine = machineFacts(core);
  const missing = (tools: readonly Tool[]) => {
    const absent = missingOf(tools);
    return absent.length > 0 ? { skipped: installHint(absent) } : undefined;
  };
  progress('replay against trace-cmd report');
  const replay = missing(REPLAY_TOOLS) ?? measureReplaySpeed(plan.times, plan.rounds, core, folder);
  progress('memory of replay');
  const memory = await measureReplayMemory(plan.sizesMB, folder);
  progress('audit against dtc');
  const audit = missing(AUDIT_TOOLS) ?? measureAudit(plan.rounds, core, folder);
  progress('a kernel\u2019s source against the design of its release');
  const kernelSource = measureKernelSource(plan.operations, plan.rounds);
  progress('verdicts against Spin and Rumur');
  const verdict = missing(VERDICT_TOOLS) ?? measureVerdicts(plan, core, folder);
  return { schema: 'dmalab/bench@1', machine, replay, memory, kernelSource, audit, verdict };
}

function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${what} ...\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      big: { type: 'boolean', default: false },
    },
  });
  const missing = missingOf([...REPLAY_TOOLS, ...VERDICT_TOOLS, ...AUDIT_TOOLS]);
  if (missing.length > 0) {
    process.stderr.write(`${installHint(missing)}\n`);
    if (process.env['CI']) return 1;
  }
  const plan = values.quick ? QUICK : FULL;
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
  try {
    const report = await measure(
      values.big ? { ...plan, times: 1040, sizesMB: [...plan.sizesMB, 2000] } : plan,
      folder,
    );
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 0;
}

process.exitCode = await main();
