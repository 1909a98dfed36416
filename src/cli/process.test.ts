/** The command as a process: streams, pipes, signals. Each start takes a while, so there are few. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { replayDocument } from '../report/replay/schema.ts';
import {
  BOARD,
  dmalab,
  file,
  MAIN,
  NATIVE,
  pathOf,
  rightLines,
  spawnDmalab,
  TRACE,
  traceFile,
} from './testing.ts';

it('writes one JSON document to standard output and exits with what was found', async () => {
  const { status, stdout, stderr } = spawnDmalab(['replay', TRACE, ...BOARD, '--json']);
  expect(status).toBe(1);
  expect(stderr).toBe('');
  expect(replayDocument.parse(JSON.parse(String(stdout))).designs[0]?.verdict).toBe('errors');
});

it('writes the report without colours to a pipe, also with NO_COLOR', async () => {
  const { stdout } = spawnDmalab(['replay', TRACE, ...BOARD], { env: { ...process.env, NO_COLOR: '1' } });
  expect(stdout).toBe((await dmalab(['replay', TRACE, ...BOARD])).out);
  expect(stdout).not.toContain('\u001b');
});

it('reads packed data from standard input', () => {
  const { status, stdout } = spawnDmalab(['replay', '-', ...BOARD, '--json'], { input: readFileSync(TRACE) });
  expect(status).toBe(1);
  expect(JSON.parse(String(stdout)).trace.mappings).toBe(1365);
});

it('complains on standard error only, exit 2, without a stack', () => {
  const { status, stdout, stderr } = spawnDmalab(['replay', pathOf('missing.txt')]);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^dmalab: .*missing\.txt: found no such file, expected .*\n$/);
});

it('does not mind that its reader goes away', () => {
  const command = `'${process.execPath}' '${MAIN}' replay '${TRACE}' --json ${BOARD.join(' ')} | head -c 1; echo \${PIPESTATUS[0]}`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  expect(stdout).toBe('{1\n');
  expect(stderr).toBe('');
});

it.skipIf(!existsSync('/dev/full'))('says that the report cannot be written', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnDmalab(['replay', traceFile('right.txt', rightLines()), ...NATIVE], {
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^dmalab: the report cannot be written: ENOSPC.*\n$/);
});

it('reads a named pipe, packed, which can be opened once only', async () => {
  const pipe = pathOf('pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const writer = spawn('sh', ['-c', `cat '${TRACE}' > '${pipe}'`]);
  const written = once(writer, 'exit');
  const { exit, errors } = await dmalab(['replay', pipe, ...BOARD]);
  expect({ exit, errors }).toEqual({ exit: 1, errors: [] });
  expect(await written).toEqual([0, null]);
});

it('ends with 130 when interrupted', async () => {
  const child = spawn(process.execPath, [MAIN, 'replay', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  // More than a pipe holds: written when it reads, hence listens to signals.
  await new Promise((resolve) => child.stdin.write('# a comment\n'.repeat(50_000), resolve));
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
});

it.skipIf(spawnSync('zcat', ['--version']).status !== 0)('judges what zcat would print of a cut file', () => {
  const cut = file('cut.gz', readFileSync(TRACE).subarray(0, 77_777));
  const { stdout: text } = spawnSync('zcat', [cut], { maxBuffer: 2 ** 28 });
  const ours = spawnDmalab(['replay', cut, ...BOARD, '--json']);
  const theirs = spawnDmalab(['replay', '-', ...BOARD, '--json'], { input: text });
  expect(ours.stdout).toBe(theirs.stdout);
  expect(ours.status).toBe(2);
});
