/**
 * What the flag that each copy of the byte carries means.
 *
 * The value classes are current, own old and another owner's old data. Which class a copy's value is in never changes
 * what hardware does, so two models with one flag each, run side by side, say what one with three classes would.
 */

export type DisciplineName = 'currency' | 'ownership';

/** What becomes of a copy's flag when another copy of the byte is stored to. */
export type Unwritten = (flag: boolean) => boolean;

export interface Discipline {
  readonly name: DisciplineName;
  /** Flag of a copy after a store to *another* copy of the byte. The written copy's is always true. */
  readonly unwritten: Unwritten;
  /** The same after a store of a don't-care value. */
  readonly unwrittenUndefined: Unwritten;
  /** Flag of every copy after the page got a new owner. */
  readonly afterNewOwner: boolean;
  /** Flag of an older value of the same owner. */
  readonly older: boolean;
  /** Is it a fault when no copy has the flag. */
  readonly canBeLost: boolean;
  /** What to call a copy with the flag, and one without. */
  readonly words: { readonly set: string; readonly unset: string };
}

/** The copy holds the current value: a read of one that does not is stale; if none does, the value is lost. */
const currency: Discipline = {
  name: 'currency',
  unwritten: () => false,
  unwrittenUndefined: () => true,
  afterNewOwner: true,
  older: false,
  canBeLost: true,
  words: { set: 'current', unset: 'old' },
};

/** The copy holds nothing of an earlier owner: a read of one that does is a disclosure. Older values of one's own will do. */
const ownership: Discipline = {
  name: 'ownership',
  unwritten: (flag) => flag,
  unwrittenUndefined: (flag) => flag,
  afterNewOwner: false,
  older: true,
  canBeLost: false,
  words: { set: 'own', unset: "another's" },
};

export const DISCIPLINES: Readonly<Record<DisciplineName, Discipline>> = { currency, ownership };
