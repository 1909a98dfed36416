/** The recording in examples/ that the benchmark replays, and the command line that replays it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'examples/xen-domu-pvblk');

/** trace-cmd's binary file of the recording. */
export const EXAMPLE_DAT = join(FOLDER, 'trace.dat.gz');

/** The kernel's own text of the same recording. */
export function exampleText(): string {
  return gunzipSync(readFileSync(join(FOLDER, 'trace.txt.gz'))).toString('latin1');
}

/**
 * Replay a trace ('-' for stdin) under one design and report as the user is reported to; exits with 0 whatever is found, so
 * any other code is a failure.
 */
export function replayCommand(trace: string, nodeOptions: readonly string[] = []): string[] {
  return [
    process.execPath,
    ...nodeOptions,
    // As the package's own scripts start it.
    '--max-semi-space-size=8',
    join(ROOT, 'src/cli/main.js'),
    'replay',
    trace,
    ...['--dtb', join(FOLDER, 'machine.dtb'), '--iomem', join(FOLDER, 'iomem.txt')],
    ...['--design', 'linux-6.12', '--exit-zero'],
  ];
}

/** The same, with all of its findings as JSON. */
export function jsonReplayCommand(trace: string, nodeOptions: readonly string[] = []): string[] {
  return [...replayCommand(trace, nodeOptions), '--json'];
}

/** Events that a replay says it read, from its JSON. A replay that skipped events, or broke, would be fast. */
export function demandEvents(json: string, expected: number): void {
  const events = Number(/"events": (\d+)/.exec(json)?.[1]);
  const unparsed = Number(/"unparsed": (\d+)/.exec(json)?.[1]);
  if (events !== expected || unparsed !== 0)
    throw new Error(`replay read ${events} events (${unparsed} it could not), expected ${expected}`);
}
