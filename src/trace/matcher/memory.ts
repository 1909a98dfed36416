/**
 * What lies where in the memory of the matcher (scan.ts), which reads this file, too. Places and sizes are in bytes.
 */

/** Words: where the records end; the first name of each list. */
export const RECORDS_END = 0;
export const NAMES = 32;

/** Words: the header that came last, then the first one of each bucket; the same of layouts. */
export const LATEST_HEADER = 256;
export const LATEST_LAYOUT = 1024;
export const BUCKETS = 64;

/** Names, headers and layouts that were taught. */
export const NAMES_FROM = 0x800;
export const HEADERS_FROM = 0x4000;
export const LAYOUTS_FROM = 0xc000;

/** Records of the lines that were read. */
export const RECORDS = 0x20000;
export const RECORDS_LIMIT = 0x30000;
/** A record without lists is no longer than this. */
export const LONGEST_RECORD = 512;

/** Text to be read; behind it some bytes that may be looked at. */
export const WINDOW = 0x30000;
export const WINDOW_SIZE = 0x10000;
export const PAGES = 5;

/** A text that is compared: how many pieces, how many bytes. Each piece is 16 bytes of text and 16 bytes of mask. */
export const TEXT_PIECES = 0;
export const TEXT_BYTES = 4;

/** A name: a text; the next one of its list; its value (float64); its pieces. */
export const NEXT = 12;
export const NAME_VALUE = 16;

/** A header: a text; its number, the next one of its bucket, the one that came behind it; its pieces. */
export const NUMBER = 8;
export const FOLLOWER = 16;

/** A layout: as a header, but how many values it has and no text of its own; its steps. */
export const LAYOUT_VALUES = 0;

/** A step: a text; the kind of value behind it, its place in the record, the largest one, its list of names and the latest name; its pieces. */
export const STEP_KIND = 8;
export const STEP_PLACE = 12;
export const STEP_LIMIT = 16;
export const STEP_NAMES = 24;
export const STEP_LATEST = 28;

/** What stands before the pieces or steps. */
export const HEAD = 32;

/** A record: numbers of layout and header, where the line begins, length of the record; then values (float64). */
export const RECORD_VALUES = 16;
