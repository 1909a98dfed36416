/** Which peers are installed, and what machine this is. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';

export type Tool = 'trace-cmd' | 'spin' | 'rumur' | 'gcc' | 'dtc' | 'taskset';
const PEERS: readonly Tool[] = ['trace-cmd', 'spin', 'rumur', 'gcc', 'dtc'];

export function hasTool(tool: Tool): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function missingOf(tools: readonly Tool[]): Tool[] {
  return tools.filter((tool) => !hasTool(tool));
}

/** What to say where a peer is missing. */
export function installHint(missing: readonly Tool[]): string {
  return `${missing.join(', ')} not found: apt-get install ${PEERS.map(packageOf).join(' ')}`;
}

/** The Debian package that has it. */
function packageOf(tool: Tool): string {
  return tool === 'dtc' ? 'device-tree-compiler' : tool;
}

/**
 * For tests that need the model checkers: what to say where one is missing, so that they are skipped visibly.
 * @throws with CI set in the environment: there a missing oracle is a failure.
 */
export function missingCheckers(): string | undefined {
  const missing = missingOf(['spin', 'rumur', 'gcc']);
  if (missing.length === 0) return undefined;
  if (process.env['CI']) throw new Error(installHint(missing));
  return installHint(missing);
}

export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average over a minute when the run began. */
  readonly load: number;
  readonly pinnedToCore: number | null;
  readonly tools: Readonly<Record<string, string>>;
}

export function machineFacts(core: number | undefined): MachineFacts {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    pinnedToCore: core ?? null,
    tools: Object.fromEntries(PEERS.filter(hasTool).map((tool) => [tool, versionOf(tool)])),
  };
}

function versionOf(tool: Tool): string {
  const run = spawnSync(tool, [tool === 'spin' ? '-V' : '--version'], { encoding: 'utf8' });
  return /\bv?\d+\.[\d.]+/.exec(`${run.stdout}${run.stderr}`)?.[0] ?? 'unknown';
}
