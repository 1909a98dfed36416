/** What commands read and write besides files, so that a test can stand in for the process. */

export interface Io {
  /** What "-" means. */
  readonly stdin: NodeJS.ReadableStream;
  /** Results. */
  out(text: string): void;
  /** One clear line for people. */
  complain(message: string): void;
  /** Results are shown on a terminal, and NO_COLOR is not set. */
  readonly colours: boolean;
  /** Standard error, where it is a terminal: progress goes there. */
  readonly terminal: NodeJS.WriteStream | undefined;
}

/** What the user gave cannot be used: exit 2. The message is the whole line. */
export class UsageError extends Error {}
