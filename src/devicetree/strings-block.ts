/**
 * The strings block: property names, each once, NUL-terminated; one may be the tail of another (specification
 * v0.4, 5.5). Names are compared by what is known of their offset, or byte by byte: most of them never become a
 * JavaScript string.
 */
import { malformed } from './error.ts';
import { KINDS, OTHER } from './noted-names.ts';

/** The specification allows 31 characters; real trees go a little beyond. A bound keeps work linear. */
export const MAX_NAME_LENGTH = 255;

/** The block of one tree. Offsets are relative to its start. */
export class StringsBlock {
  private readonly bytes: Uint8Array;
  private readonly start: number;
  private readonly size: number;
  /** By offset: what is known of the name there, see noted-names.ts; 0 where nobody asked yet. */
  readonly kinds: Int32Array;
  private readonly names = new Map<number, string>();

  /** @param bytes of the whole file, of which the block is [start, start + size). */
  constructor(bytes: Uint8Array, start: number, size: number) {
    this.bytes = bytes;
    this.start = start;
    this.size = size;
    this.kinds = new Int32Array(size);
  }

  /**
   * What is known of the name at an offset: see noted-names.ts.
   * @throws DeviceTreeError if it is outside the block, not terminated or longer than MAX_NAME_LENGTH; `at` is
   * the file offset of the reference to it.
   */
  kindAt(offset: number, at: number): number {
    const known = this.kinds[offset] ?? 0;
    if (known !== 0) return known;
    const end = this.endOf(offset, at);
    const kind = KINDS.get(this.bytes, this.start + offset, end) ?? OTHER;
    this.kinds[offset] = kind;
    return kind;
  }

  /** The name at an offset. @throws DeviceTreeError as kindAt. */
  nameAt(offset: number, at: number): string {
    const known = this.names.get(offset);
    if (known !== undefined) return known;
    const name = latin1(this.bytes.subarray(this.start + offset, this.endOf(offset, at)));
    this.names.set(offset, name);
    return name;
  }

  /** Whether the name at an offset that the reader has seen is this one, with characters up to U+00FF. */
  isNameAt(offset: number, name: string): boolean {
    const from = this.start + offset;
    for (let i = 0; i < name.length; i += 1) if (this.bytes[from + i] !== name.charCodeAt(i)) return false;
    return this.bytes[from + name.length] === 0;
  }

  private endOf(offset: number, reference: number): number {
    if (offset >= this.size)
      throw malformed(
        reference,
        `name offset ${offset}`,
        `less than ${this.size}, the size of the strings block`,
      );
    const { bytes } = this;
    const from = this.start + offset;
    const limit = this.start + Math.min(this.size, offset + MAX_NAME_LENGTH + 1);
    for (let at = from; at < limit; at += 1) if (bytes[at] === 0) return at;
    throw malformed(
      from,
      `a property name without an end in ${limit - from} bytes`,
      `a NUL after at most ${MAX_NAME_LENGTH}`,
    );
  }
}

/** Bytes as characters U+0000 to U+00FF. (TextDecoder's "latin1" is Windows-1252, which is something else.) */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) return Reflect.apply(String.fromCharCode, null, bytes);
  if (isAscii(bytes)) return ascii.decode(bytes);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += SHORT) parts.push(latin1(bytes.subarray(at, at + SHORT)));
  return parts.join('');
}

/** Up to this length a TextDecoder costs more than it saves; well below the arguments that engines accept. */
const SHORT = 64;
const ascii = new TextDecoder();

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if ((bytes[at] ?? 0) >= 0x80) return false;
  return true;
}
