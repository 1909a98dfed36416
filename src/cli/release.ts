/** Releases of Linux as people write them. */
import type { Release } from '../linux/index.ts';

/** "6.12", "v6.12.107", "6.12.107+deb13-arm64" or "linux-7.3"; undefined for anything else. */
export function parseRelease(text: string): Release | undefined {
  const match = /^(?:linux-|v)?(\d{1,3})\.(\d{1,3})(?:[^\d].*)?$/.exec(text);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}
