/** Images as bytes that can be sent: PNG and PPM files to pixels, and pixels to PNG. */
import { convertIndexedToRgb, decode, encode, hasPngSignature } from 'fast-png';
import { UsageError } from './io.ts';

export interface Image {
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel: 1 to 4. */
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/** @param name of the file, for messages. @throws UsageError with one line if it is no image that can be sent. */
export function readImage(bytes: Uint8Array, name: string): Image {
  if (hasPngSignature(bytes)) return readPng(bytes, name);
  if (bytes[0] === 0x50 && bytes[1] === 0x36) return readPpm(bytes, name);
  throw new UsageError(`${name}: found neither a PNG nor a binary PPM (P6), expected one of them`);
}

/** The file. */
export function writePng({ width, height, channels, pixels }: Image): Uint8Array {
  return encode({ width, height, channels, data: pixels, depth: 8 });
}

function readPng(bytes: Uint8Array, name: string): Image {
  const png = decoded(bytes, name);
  const { width, height, depth, palette } = png;
  if (palette)
    return {
      width,
      height,
      channels: palette[0]?.length ?? 3,
      pixels: new Uint8Array(convertIndexedToRgb(png)),
    };
  if (depth < 8) throw new UsageError(`${name}: found ${depth} bits a sample, expected 8 or 16`);
  // Of 16 bits the upper 8.
  const pixels = Uint8Array.from(png.data, (value) => (depth === 16 ? Math.floor(value / 256) : value));
  return { width, height, channels: png.channels, pixels };
}

function decoded(bytes: Uint8Array, name: string): ReturnType<typeof decode> {
  try {
    return decode(bytes);
  } catch (error) {
    throw new UsageError(`${name}: a damaged PNG: ${(error as Error).message}`);
  }
}

/** P6, width, height, 255, and a single byte of white space; comments run to the end of a line. */
function readPpm(bytes: Uint8Array, name: string): Image {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, LONGEST_HEAD));
  const space = String.raw`(?:\s|#[^\n]*\n)+`;
  const match = new RegExp(String.raw`^P6${space}(\d{1,5})${space}(\d{1,5})${space}255\s`).exec(head);
  if (match === null)
    throw new UsageError(`${name}: expected a PPM of 8 bits a sample: P6, width, height, 255`);
  const [width, height] = [Number(match[1]), Number(match[2])];
  const pixels = bytes.slice(match[0].length, match[0].length + width * height * 3);
  if (pixels.length < width * height * 3 || pixels.length === 0)
    throw new UsageError(`${name}: found ${pixels.length} bytes of pixels, expected ${width * height * 3}`);
  return { width, height, channels: 3, pixels };
}
const LONGEST_HEAD = 1024;
