/**
 * Peak memory of a replay against the size of its text, streamed through stdin so that no file is needed.
 *
 * Two loads: the recording over and over as it is, in which each round leaves the NIC's receive ring mapped and
 * adds its findings; and the same without the maps that nothing unmaps, in which what is live is bounded.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { withoutOpenMaps } from './closed-load.ts';
import { demandEvents, exampleText, jsonReplayCommand } from './example.ts';
import { TextStream } from './text-stream.ts';

/** Loaded into the measured process: writes its peak resident memory (KiB) where it is told to. */
const PEAK_HOOK = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from 'node:fs';
  process.on('exit', () => writeFileSync(process.env.DMALAB_BENCH_PEAK, String(process.resourceUsage().maxRSS)));
`)}`;

/** Flat: the peak grows by no more than this from the smallest text to the largest (V8's young heap takes its share). */
const FLAT = 2;

export interface MemoryCurve {
  readonly load: string;
  readonly peaks: readonly { readonly textMB: number; readonly peakMiB: number }[];
  /** MiB of memory for each further 100 MB of text. */
  readonly growth: number;
  readonly flat: boolean;
}

export async function measureReplayMemory(
  sizesMB: readonly number[],
  folder: string,
): Promise<MemoryCurve[]> {
  const text = exampleText();
  const loads = {
    'the recording, over and over': text,
    'the same, what it maps it unmaps': withoutOpenMaps(text),
  };
  const curves: MemoryCurve[] = [];
  for (const [load, source] of Object.entries(loads)) {
    const peaks: { textMB: number; peakMiB: number }[] = [];
    for (const size of sizesMB) peaks.push(await peakFor(new TextStream(source), size, folder));
    curves.push({ load, peaks, ...slopeOf(peaks) });
  }
  return curves;
}

function slopeOf(peaks: MemoryCurve['peaks']): { growth: number; flat: boolean } {
  const first = peaks[0];
  const last = peaks.at(-1);
  if (first === undefined || last === undefined) throw new Error('no sizes to measure');
  const growth = ((last.peakMiB - first.peakMiB) / (last.textMB - first.textMB)) * 100;
  return { growth, flat: last.peakMiB <= first.peakMiB * FLAT };
}

async function peakFor(
  stream: TextStream,
  sizeMB: number,
  folder: string,
): Promise<{ textMB: number; peakMiB: number }> {
  const peakFile = join(folder, 'peak');
  const [node, ...args] = jsonReplayCommand('-', ['--import', PEAK_HOOK]);
  const child = spawn(node as string, args, {
    env: { ...process.env, DMALAB_BENCH_PEAK: peakFile },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Its beginning, where the counts are.
  let json = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (json.length < 4096) json += chunk;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const rounds = Math.max(1, Math.round((sizeMB * 1e6) / stream.bytes));
  // If the child dies its exit code tells more than the broken pipe does.
  await feed(child.stdin, stream, rounds).catch(() => undefined);
  const status = await ended;
  if (status !== 0) throw new Error(`replay of ${sizeMB} MB: exit ${status}`);
  demandEvents(json, stream.events * rounds);
  return {
    textMB: (rounds * stream.bytes) / 1e6,
    peakMiB: Number(readFileSync(peakFile, 'utf8')) / 1024,
  };
}

async function feed(to: Writable, stream: TextStream, rounds: number): Promise<void> {
  const broken = new Promise<never>((_, reject) => {
    to.on('error', reject);
  });
  for (let round = 0; round < rounds; round++) {
    // The stream's bytes may change only once they are written.
    const written = new Promise<void>((resolve) => {
      to.write(stream.next(), () => resolve());
    });
    await Promise.race([written, broken]);
  }
  to.end();
}
