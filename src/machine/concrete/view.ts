/** The copies of a byte on a concrete machine, in the words of a byte model. */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import type { Copy, DisciplineName } from '../../coherence/index.ts';
import type { Cache } from './cache.ts';
import type { Contents, Value } from './contents.ts';
import type { Hierarchy } from './hierarchy.ts';

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
    return { name: cache.name, line: line.dirty ? 'dirty' : 'clean', value: word(line.valueAt(at)) };
  };
  const { inner, outer } = hierarchy;
  const memory = { name: 'memory', line: undefined, value: word(contents.at(at)) };
  return [...inner.map(inCache), ...(outer ? [inCache(outer)] : []), memory];
}

/** Where cores differ: one cache that keeps lines of two sizes, as the coherence engine has it (its model `mixed`). */
export interface TwoSizes {
  readonly size: 'none' | 'small' | 'big';
  /** The copy is current, or one's own. */
  readonly flag: boolean;
  readonly memory: boolean;
  /** The byte's half of a big line, or its small line, holds what memory has not got; the other half or line. */
  readonly modified: boolean;
  readonly modifiedElsewhere: boolean;
}

/** The byte's granule as if it were so; undefined where it is in lines of both sizes. */
export function inTwoSizes(
  { inner }: Hierarchy,
  contents: Contents,
  at: MachineAddr,
  discipline: DisciplineName,
): TwoSizes | undefined {
  const [small, big] = inner as readonly [Cache, Cache];
  const isSet = (value: Value) =>
    discipline === 'currency' ? contents.isCurrent(at, value) : contents.isOwn(at, value);
  const granule = floorTo(at, big.lineSize);
  const own = small.find(at);
  const elsewhere = granule === floorTo(at, small.lineSize) ? offsetBy(granule, small.lineSize) : granule;
  const other = small.find(elsewhere);
  const whole = big.find(at);
  if (whole && (own || other)) return undefined;
  const line = whole ?? own;
  return {
    size: whole ? 'big' : own ? 'small' : 'none',
    flag: line !== undefined && isSet(line.valueAt(at)),
    memory: isSet(contents.at(at)),
    modified: line?.isModified(at) ?? false,
    modifiedElsewhere: (whole ? whole.isModified(elsewhere) : other?.dirty) ?? false,
  };
}

/** Equal for equal ones. */
export const twoSizesKey = ({ size, flag, memory, modified, modifiedElsewhere }: TwoSizes): string =>
  `${size} line, copy ${flag}, memory ${memory}, modified ${modified}, elsewhere ${modifiedElsewhere}`;
