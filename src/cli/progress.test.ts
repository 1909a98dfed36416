import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showProgress } from './progress.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** As much of a terminal as the bar asks for, and what was written to it. */
function fakeTerminal() {
  const stream = new PassThrough();
  const terminal = Object.assign(stream, { isTTY: true, columns: 80, rows: 24 });
  return {
    terminal: terminal as unknown as NodeJS.WriteStream,
    written: () => String(stream.read() ?? ''),
  };
}

it('shows a share of the file, and leaves no timer and the cursor as it was', async () => {
  const { terminal, written } = fakeTerminal();
  const progress = await showProgress(1000, terminal);
  vi.advanceTimersByTime(1000);
  progress.at(500);
  vi.advanceTimersByTime(1000);
  progress.stop();
  const text = written();
  expect(text).toContain(' 50 %');
  expect(text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(text.lastIndexOf('\u001b[?25l'));
  expect(vi.getTimerCount()).toBe(0);
});

it('takes no signal: the command ends', async () => {
  const listeners = () => [process.listenerCount('SIGINT'), process.listenerCount('exit')];
  const [signal, exit] = listeners();
  const progress = await showProgress(1000, fakeTerminal().terminal);
  expect(listeners()).toEqual([signal, (exit ?? 0) + 1]);
  progress.stop();
  expect(listeners()).toEqual([signal, exit]);
});

it('shows nothing where there is no terminal, or no size', async () => {
  const { terminal, written } = fakeTerminal();
  for (const progress of [await showProgress(1000, undefined), await showProgress(undefined, terminal)]) {
    progress.at(500);
    progress.stop();
  }
  expect(written()).toBe('');
});
