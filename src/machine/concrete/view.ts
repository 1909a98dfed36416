/** The copies of a byte on a concrete machine, in the words of a byte model. */
import type { MachineAddr } from '../../address/index.ts';
import type { Copy, DisciplineName } from '../../coherence/index.ts';
import type { Cache } from './cache.ts';
import type { Contents, Value } from './contents.ts';
import { type Hierarchy, valueAt } from './hierarchy.ts';

const WORDS: Readonly<Record<DisciplineName, readonly [set: string, unset: string]>> = {
  currency: ['current', 'old'],
  ownership: ['own', "another's"],
};

/** One entry for each cache, then memory. */
export function copiesOf(
  hierarchy: Hierarchy,
  contents: Contents,
  at: MachineAddr,
  discipline: DisciplineName,
): Copy[] {
  const word = (value: Value) => {
    const set = discipline === 'currency' ? contents.isCurrent(at, value) : contents.isOwn(at, value);
    return WORDS[discipline][set ? 0 : 1];
  };
  const inCache = (cache: Cache): Copy => {
    const line = cache.find(at);
    if (line === undefined) return { name: cache.name, line: 'absent', value: undefined };
    return { name: cache.name, line: line.dirty ? 'dirty' : 'clean', value: word(valueAt(line, at)) };
  };
  const { inner, outer } = hierarchy;
  const memory = { name: 'memory', line: undefined, value: word(contents.at(at)) };
  return [...inner.map(inCache), ...(outer ? [inCache(outer)] : []), memory];
}

/** The same where cores differ, as if their caches were one that keeps lines of two sizes; undefined if they are not like that. */
export function mergedCopies(
  copies: readonly Copy[],
  [small, big]: readonly [Cache, Cache],
  at: MachineAddr,
): Copy[] | undefined {
  const [inSmall, inBig, memory] = copies as [Copy, Copy, Copy];
  const isBig = inBig.line !== 'absent';
  const isSmall = inSmall.line !== 'absent';
  const range = [
    Math.floor(at / big.lineSize) * big.lineSize,
    (Math.floor(at / big.lineSize) + 1) * big.lineSize,
  ];
  const others = small
    .over(range[0] as MachineAddr, range[1] as MachineAddr)
    .filter((line) => line !== small.find(at));
  if (isBig && (isSmall || others.some((line) => line.dirty))) return undefined;
  const note = isBig
    ? 'in a big line'
    : others.some((line) => line.dirty)
      ? 'the other small line is dirty'
      : undefined;
  const { line, value } = isBig ? inBig : inSmall;
  return [{ name: 'cache', line, value, ...(note !== undefined && { note }) }, memory];
}
