/** Help for tests of the command line: run it in this process, or for real; small traces; files that go away. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, vi } from 'vitest';
import { type ReplayDocument, replayDocument } from '../report/replay/schema.ts';
import { run } from './run.ts';

const example = fileURLToPath(new URL('../../examples/xen-domu-pvblk', import.meta.url));
export const TRACE = join(example, 'trace.txt.gz');
export const DTB = join(example, 'machine.dtb');
export const IOMEM = join(example, 'iomem.txt');
export const BOARD = ['--dtb', DTB, '--iomem', IOMEM];
export const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/** The example's trace as text. */
export const exampleText = () => gunzipSync(readFileSync(TRACE)).toString();

// Whole traces and processes take a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const folder = mkdtempSync(join(tmpdir(), 'dmalab-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A path for a file that goes away after the tests of this file. */
export const pathOf = (name: string) => join(folder, name);

/** Write such a file; returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = pathOf(name);
  writeFileSync(path, content);
  return path;
}

export interface Outcome {
  readonly exit: number;
  readonly out: string;
  /** Lines of standard error, without "dmalab: ". */
  readonly errors: readonly string[];
}

/** Run a command in this process. @param input chunks of standard input. */
export async function dmalab(args: readonly string[], input: readonly Uint8Array[] = []): Promise<Outcome> {
  const errors: string[] = [];
  let out = '';
  const exit = await run(args, {
    stdin: Readable.from(input),
    out: (text) => {
      out += text;
    },
    complain: (message) => errors.push(message),
    colours: false,
    terminal: undefined,
  });
  return { exit, out, errors };
}

/** Run `replay --json`; the document is checked against its schema. */
export async function replayJson(
  trace: string,
  args: readonly string[],
  input?: readonly Uint8Array[],
): Promise<Outcome & { readonly document: ReplayDocument }> {
  const outcome = await dmalab(['replay', trace, '--json', ...args], input);
  return { ...outcome, document: replayDocument.parse(JSON.parse(outcome.out)) };
}

/** Run the real command in a process of its own. */
export function spawnDmalab(args: readonly string[], options: Parameters<typeof spawnSync>[2] = {}) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
}

/** CPU time that ended child processes have used, seconds: what a wall clock says when nothing else runs (proc(5), cutime and cstime). */
export function childCpuSeconds(): number {
  const [, afterName = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
  const [cutime = 0, cstime = 0] = afterName.split(' ').slice(13, 15).map(Number);
  return (cutime + cstime) / 100;
}

/** One event as the kernel prints it. */
export const event = (payload: string, pid = 99) =>
  `            test-${String(pid).padEnd(7)} [000] ..... 19.100000: ${payload}`;

/** Events of native maintenance and of the DMA API around one mapping of device 0000:00:03.0. */
export const small = {
  map: (dir: string, dma: string, size: number) =>
    event(`dma_map_page: 0000:00:03.0 dir=${dir} dma_addr=${dma} size=${size} phys_addr=${dma} attrs=`),
  unmap: (dir: string, dma: string, size: number) =>
    event(`dma_unmap_page: 0000:00:03.0 dir=${dir} dma_addr=${dma} size=${size} attrs=`),
  forDevice: (dma: string, size: number, dir: number) =>
    event(`arch_sync_for_device: (arch_sync_dma_for_device+0x0/0x50) paddr=0x${dma} size=${size} dir=${dir}`),
  forCpu: (dma: string, size: number, dir: number) =>
    event(`arch_sync_for_cpu: (arch_sync_dma_for_cpu+0x0/0x50) paddr=0x${dma} size=${size} dir=${dir}`),
};

/** A receive buffer, mapped and unmapped as it should be. */
export const rightLines = (dma = '80001000', size = 4096) => [
  small.forDevice(dma, size, 2),
  small.map('FROM_DEVICE', dma, size),
  small.forCpu(dma, size, 2),
  small.unmap('FROM_DEVICE', dma, size),
];

/** A trace file of these lines. */
export const traceFile = (name: string, lines: readonly string[]) =>
  file(name, `# tracer: nop\n#\n${lines.join('\n')}\n`);

/** Where the small traces come from: a machine without a device tree, whose devices do not snoop. */
export const NATIVE = ['--hardware', 'non-coherent'];
