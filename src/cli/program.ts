/** The process around a command: standard streams, signals, exit code. */
import { writeSync } from 'node:fs';
import { Exit } from './exit-code.ts';
import type { Io } from './io.ts';
import { run } from './run.ts';

const { stdout, stderr } = process;
let unwritten = false;

const io: Io = {
  get stdin() {
    return process.stdin;
  },
  out: (text) => {
    stdout.write(text);
  },
  complain: (message) => {
    stderr.write(`dmalab: ${message}\n`);
  },
  colours: stdout.isTTY === true && !process.env['NO_COLOR'],
  terminal: stderr.isTTY ? stderr : undefined,
};

stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that goes away (head, less) is no error: the exit code says what was found.
  if (error.code === 'EPIPE' || unwritten) return;
  unwritten = true;
  complainLast(`the report cannot be written: ${error.message}`);
});
stderr.on('error', () => {});
process.once('SIGINT', () => process.exit(Exit.interrupted));
process.once('exit', () => {
  if (unwritten) process.exitCode = Exit.unusable;
});

process.exitCode = await run(process.argv.slice(2), io);

function complainLast(message: string): void {
  try {
    writeSync(2, `dmalab: ${message}\n`);
  } catch {
    // Nobody to tell.
  }
}
