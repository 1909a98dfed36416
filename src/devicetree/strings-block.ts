/**
 * The strings block: property names, each once, NUL-terminated; one may be the tail of another (specification
 * v0.4, 5.5). Names are compared by their offset, so most of them never become a JavaScript string.
 */
import { malformed } from './error.ts';

/** The specification allows 31 characters; real trees go a little beyond. A bound keeps work linear. */
export const MAX_NAME_LENGTH = 255;

/** Where a name stands in the block: at no offset, at one, or at several. */
export type NameOffsets = number | ReadonlySet<number> | undefined;

/** The block of one tree. Offsets are relative to its start. */
export class StringsBlock {
  /** One character for each byte. */
  private readonly text: string;
  private readonly fileOffset: number;
  private readonly names = new Map<number, string>();
  private offsets: Map<string, NonNullable<NameOffsets>> | undefined;

  constructor(bytes: Uint8Array, fileOffset: number) {
    this.text = latin1(bytes);
    this.fileOffset = fileOffset;
  }

  /**
   * The name at an offset.
   * @throws DeviceTreeError if it is outside the block, not terminated or longer than MAX_NAME_LENGTH; `at` is
   * the file offset of the reference to it.
   */
  nameAt(offset: number, at: number): string {
    const known = this.names.get(offset);
    if (known !== undefined) return known;
    if (offset >= this.text.length)
      throw malformed(
        at,
        `name offset ${offset}`,
        `less than ${this.text.length}, the size of the strings block`,
      );
    const part = this.text.slice(offset, offset + MAX_NAME_LENGTH + 1);
    const length = part.indexOf('\0');
    if (length < 0)
      throw malformed(
        this.fileOffset + offset,
        `a property name without an end in ${part.length} bytes`,
        `a NUL after at most ${MAX_NAME_LENGTH}`,
      );
    const name = part.slice(0, length);
    this.names.set(offset, name);
    return name;
  }

  /** The offsets at which the name is referred to in the tree. To be asked when all of the tree has been read. */
  offsetsOf(name: string): NameOffsets {
    if (this.offsets === undefined) {
      this.offsets = new Map();
      for (const [offset, known] of this.names) {
        const others = this.offsets.get(known);
        if (others === undefined) this.offsets.set(known, offset);
        else
          this.offsets.set(
            known,
            new Set(typeof others === 'number' ? [others, offset] : [...others, offset]),
          );
      }
    }
    return this.offsets.get(name);
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
