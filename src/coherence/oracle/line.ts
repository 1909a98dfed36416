/** A line of a cache, with its bytes. */
import type { Bytes } from './values.ts';

export interface Line {
  readonly state: 'absent' | 'clean' | 'dirty';
  /** Meaningless while the line is absent. */
  readonly bytes: Bytes;
}

export const NO_LINE: Line = { state: 'absent', bytes: [] };
export const cleanLine = (bytes: Bytes): Line => ({ state: 'clean', bytes });
export const dirtyLine = (bytes: Bytes): Line => ({ state: 'dirty', bytes });
export const bytesOf = (line: Line): Bytes | undefined => (line.state === 'absent' ? undefined : line.bytes);
