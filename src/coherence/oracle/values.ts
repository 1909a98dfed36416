/**
 * Real bytes for the oracles: every store writes a fresh serial number, and a byte's current value is the one last
 * written in the order of operations. Who got the page later than a value was stored is another owner.
 */

export type Bytes = readonly number[];

/** The byte that is judged; the others are its neighbours. */
export const JUDGED = 0;

export interface Values {
  /** The current value of each byte, or ANYTHING. */
  readonly current: Bytes;
  /** The last serial number given out. */
  readonly serial: number;
  /** The last one given out under an earlier owner. */
  readonly before: number;
}

/** Values that do not count: whatever a copy holds is current. */
const ANYTHING = -1;
const OLDER = 1;
const CURRENT = 2;

/** All bytes current; the second list has an older value in the judged byte. */
export function initialBytes(bytes: number): { values: Values; current: Bytes; older: Bytes } {
  if (!Number.isInteger(bytes) || bytes < 2)
    throw new RangeError(`bytes: found ${bytes}, expected 2 or more`);
  const current = new Array<number>(bytes).fill(CURRENT);
  return { values: { current, serial: CURRENT, before: 0 }, current, older: current.with(JUDGED, OLDER) };
}

/** A new current value for a byte: put `serial` into the copy that is written. */
export function newValue(state: Values, byte: number): Values {
  const serial = state.serial + 1;
  return { serial, current: state.current.with(byte, serial), before: state.before };
}
/** After a store to the judged byte: nobody cares what was stored. */
export const undefinedOnce = <State extends Values>(after: State): State => ({
  ...after,
  current: after.current.with(JUDGED, ANYTHING),
});
/** From now on all values there are belong to an earlier owner; none is current. */
export const handedOver = (state: Values): Values => ({
  serial: state.serial,
  current: state.current.map(() => ANYTHING),
  before: state.serial,
});

export const isStale = ({ current }: Values, value: number): boolean =>
  current[JUDGED] !== ANYTHING && value !== current[JUDGED];
export const isDisclosed = ({ before }: Values, value: number): boolean => value <= before;

export function judged(bytes: Bytes): number {
  const value = bytes[JUDGED];
  if (value === undefined) throw new Error('line without a judged byte');
  return value;
}

/**
 * Equal for equal relations between the copies (at most three) of each byte, and with what is current: serial numbers have
 * no meaning of their own. An absent copy is undefined.
 */
export function relations(state: Values, copies: readonly (Bytes | undefined)[], bytes: number): string {
  let key = '';
  for (let byte = 0; byte < bytes; byte++) {
    const current = state.current[byte];
    let digits = 0;
    for (let i = 0; i < copies.length; i++) {
      const value = copies[i]?.[byte];
      let alike = value === undefined ? 5 : value === current ? 4 : 0;
      while (alike < i && copies[alike]?.[byte] !== value) alike++;
      digits = digits * 16 + alike * 2 + (value !== undefined && value <= state.before ? 1 : 0);
    }
    key += String.fromCharCode(digits * 2 + (current === ANYTHING ? 1 : 0));
  }
  return key;
}
