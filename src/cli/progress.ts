/** How far a long trace is read: on standard error, only where that is a terminal. */
import cliProgress from 'cli-progress';

export interface Progress {
  at(consumed: number): void;
  stop(): void;
}

const SILENT: Progress = { at: () => {}, stop: () => {} };

/** @param total bytes of the file; undefined where not known. */
export function showProgress(total: number | undefined, quiet: boolean): Progress {
  if (quiet || total === undefined || !process.stderr.isTTY) return SILENT;
  const bar = new cliProgress.SingleBar({
    format: '  {bar} {percentage} %  {duration_formatted}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  return { at: (consumed) => bar.update(consumed), stop: () => bar.stop() };
}
