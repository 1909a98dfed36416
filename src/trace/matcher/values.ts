/** Kinds of values: what stands in a line where lines of one layout may differ. */

/** Digits, behind a "0x" that belongs to the text before them, or without one. */
export const HEX = 0;
/** As HEX, but all 64 bits set are the number -1. */
export const HEX_OR_ONES = 1;
export const DECIMAL = 2;
/** One of a list of names: of a device, a direction, attributes. */
export const NAME = 3;
/** The rest of a token that means nothing here. */
export const SKIPPED = 4;
/** "{0x1000,0x2000}": how many, here; the elements stand behind all values. */
export const LIST = 5;
/** "00, 10, c1, 4d, 00, 00, 00, 00, ...]": as LIST, of 8 or 4 bytes each, the lowest first. */
export const BYTES_8 = 6;
export const BYTES_4 = 7;
/** "5/7", or "7": two values, the first is -1 if it is not there. */
export const COUNT = 8;
/** No value: the text ended with the newline. */
export const END = 9;
/** The rest of a line that means nothing here. */
export const REST = 10;
