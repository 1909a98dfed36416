/** How far a long trace is read, or how much is checked: on standard error, only where that is a terminal. */
export interface Progress {
  at(consumed: number): void;
  /** To be called whatever happens: a bar that goes on keeps the process from ending. */
  stop(): void;
}

const SILENT: Progress = { at: () => {}, stop: () => {} };

/**
 * @param total bytes of the file, or tasks; undefined where not known.
 * @param terminal where to show it; undefined: nowhere.
 */
export async function showProgress(
  total: number | undefined,
  terminal: NodeJS.WriteStream | undefined,
): Promise<Progress> {
  if (total === undefined || terminal === undefined) return SILENT;
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    format: '  {bar} {percentage} %  {duration_formatted}',
    stream: terminal,
    clearOnComplete: true,
    hideCursor: true,
    // It would take the signal and let the command go on.
    gracefulExit: false,
  });
  const stop = () => {
    process.removeListener('exit', stop);
    bar.stop();
  };
  process.once('exit', stop);
  bar.start(total, 0);
  return { at: (consumed) => bar.update(consumed), stop };
}
