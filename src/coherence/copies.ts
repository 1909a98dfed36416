/** A cached copy of the byte, as the models with more than one cache have it. */
import type { Discipline } from './disciplines.ts';
import type { Copy } from './model.ts';
import type { Line } from './state.ts';

export interface Cached {
  readonly line: Line;
  /** The discipline's flag; false where the line is absent. */
  readonly flag: boolean;
}

export const ABSENT: Cached = { line: 'absent', flag: false };
/** Every state of a cached copy. */
export const ALL_CACHED: readonly Cached[] = [
  ABSENT,
  ...(['clean', 'dirty'] as const).flatMap((line) => [true, false].map((flag) => ({ line, flag }))),
];

export const isPresent = ({ line }: Cached): boolean => line !== 'absent';
export const isDirty = ({ line }: Cached): boolean => line === 'dirty';
export const clean = (flag: boolean): Cached => ({ line: 'clean', flag });
export const dirty = (flag: boolean): Cached => ({ line: 'dirty', flag });
/** The same copy with another flag; an absent one has none. */
export const withFlag = (copy: Cached, flag: boolean): Cached => (isPresent(copy) ? { ...copy, flag } : copy);

export const cachedKey = ({ line, flag }: Cached): string => `${line} ${flag}`;

/** Both values of a flag. */
export const FLAGS: readonly boolean[] = [true, false];

export function describeCached(discipline: Discipline, name: string, copy: Cached, note?: string): Copy {
  return {
    name,
    line: copy.line,
    value: isPresent(copy) ? flagWord(discipline, copy.flag) : undefined,
    ...(note !== undefined && { note }),
  };
}
export function describeMemory(discipline: Discipline, flag: boolean): Copy {
  return { name: 'memory', line: undefined, value: flagWord(discipline, flag) };
}
const flagWord = ({ words }: Discipline, flag: boolean): string => (flag ? words.set : words.unset);
