/** One clear line on standard error. */

/** What the user gave cannot be used: exit 2. The message is the whole line. */
export class UsageError extends Error {}

export function complain(message: string): void {
  process.stderr.write(`dmalab: ${message}\n`);
}
