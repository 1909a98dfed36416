/** Small things on bytes of ASCII text, for parsers that never make strings. */

/** Value of a hexadecimal digit by its byte, -1 for any other byte. */
export const HEX_DIGIT = new Int8Array(256).fill(-1);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) {
  for (let value = 0; value < 16; value++) HEX_DIGIT[digits.charCodeAt(value)] = value;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes of a string, in UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of [from, to); bytes that are no UTF-8 become U+FFFD. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}

/**
 * True if `wanted` stands at `at`. Stops at the first difference, so it never reads past a line's end as
 * long as `wanted` holds no newline and `bytes` ends with one.
 */
export function startsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Index of the newline at or after `from`. The caller guarantees that there is one. */
export function lineEnd(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(10, from);
}
