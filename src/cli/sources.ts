/** Files as the commands take them: plain or gzipped, or "-" for standard input; streamed. */
import { closeSync, createReadStream, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { createGunzip, gunzipSync } from 'node:zlib';
import { InputError } from '../trace/index.ts';

/** Chunks of about this many bytes: large enough that a chunk's overhead does not show, small enough for the cache. */
const CHUNK = 2 ** 20;

/** Told each chunk, and how many bytes of the file are read so far. The chunk is only valid until it returns. */
export type OnChunk = (chunk: Uint8Array, consumed: number) => void;

/**
 * Stream a file.
 * @returns why the reading stopped before the end, where the file is damaged: what came before was delivered.
 * @throws InputError if it cannot be opened.
 */
export async function readChunks(path: string, onChunk: OnChunk): Promise<string | undefined> {
  if (path === '-') return readStream(process.stdin, path, onChunk);
  const descriptor = open(path);
  const buffer = Buffer.allocUnsafe(CHUNK);
  let length = read(descriptor, buffer, path);
  if (isGzip(buffer.subarray(0, length))) {
    closeSync(descriptor);
    return readStream(createReadStream(path, { highWaterMark: CHUNK }), path, onChunk);
  }
  let consumed = 0;
  for (; length > 0; length = read(descriptor, buffer, path)) {
    consumed += length;
    onChunk(buffer.subarray(0, length), consumed);
  }
  closeSync(descriptor);
  return undefined;
}

/** Size of a file in bytes; undefined where it has none (standard input, a pipe). */
export function sizeOf(path: string): number | undefined {
  if (path === '-') return undefined;
  const descriptor = open(path);
  const status = fstatSync(descriptor);
  closeSync(descriptor);
  return status.isFile() ? status.size : undefined;
}

/**
 * A whole small file (device tree, /proc/iomem), unpacked if it is gzipped.
 * @throws InputError if it cannot be read or unpacked.
 */
export function readWhole(path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw cannotOpen(path, error);
  }
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new InputError({ found: `damaged gzip data (${reason(error)})`, expected: `${path} to unpack` });
  }
}

function readStream(
  stream: NodeJS.ReadableStream,
  path: string,
  onChunk: OnChunk,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let consumed = 0;
    let gunzip: ReturnType<typeof createGunzip> | undefined;
    const deliver = (chunk: Uint8Array) => {
      try {
        onChunk(chunk, consumed);
      } catch (error) {
        reject(error);
      }
    };
    stream.on('error', (error) => reject(cannotOpen(path, error)));
    stream.on('data', (chunk: Buffer) => {
      if (consumed === 0 && isGzip(chunk)) {
        gunzip = createGunzip({ chunkSize: CHUNK });
        gunzip.on('data', deliver);
        gunzip.on('end', () => resolve(undefined));
        gunzip.on('error', (error) => resolve(`the gzip data is damaged or cut (${reason(error)})`));
        gunzip.on('drain', () => stream.resume());
      }
      consumed += chunk.length;
      if (gunzip === undefined) deliver(chunk);
      else if (!gunzip.write(chunk)) stream.pause();
    });
    stream.on('end', () => {
      if (gunzip) gunzip.end();
      else resolve(undefined);
    });
  });
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function read(descriptor: number, buffer: Buffer, path: string): number {
  try {
    return readSync(descriptor, buffer, 0, buffer.length, null);
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function cannotOpen(path: string, error: unknown): InputError {
  return new InputError({ found: reason(error), expected: `${path} to be readable` });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'a directory';
  return error.message;
}
