/** Files as the commands take them: plain or gzipped whatever the name, or "-" for standard input; streamed. */
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '../text/index.ts';
import { Gunzip, isGzip } from './gunzip.ts';
import { type Io, UsageError } from './io.ts';

/** Chunks of about this many bytes: large enough that a chunk's overhead does not show, small enough for the cache. */
const CHUNK = 2 ** 20;

/** Largest file that is read as a whole, unpacked; device trees and /proc/iomem are far smaller. */
const LARGEST_WHOLE = 64 * 2 ** 20;

/** Told each chunk, and how many bytes of the file are read so far. The chunk is only valid until it returns. */
export type OnChunk = (chunk: Uint8Array, consumed: number) => void;

/** A file as the user named it. */
export interface Source {
  readonly path: string;
  readonly io: Pick<Io, 'stdin'>;
  /** What it should be, for messages: "a kernel trace". */
  readonly wanted: string;
  /** It is known to be a file, not a pipe, which could be opened once only. */
  readonly isFile?: boolean;
  /** Where its bytes may be put, if the caller needs them no longer than this. */
  readonly into?: Uint8Array;
}

/** The source's name in messages. */
export function nameOf({ path }: Pick<Source, 'path'>): string {
  return path === '-' ? 'standard input' : path;
}

/**
 * Stream a file.
 * @returns why the reading stopped before the end, where the file is damaged: what came before was delivered.
 * @throws UsageError if it cannot be read at all.
 */
export async function readChunks(source: Source, onChunk: OnChunk): Promise<string | undefined> {
  let consumed = 0;
  let gunzip: Gunzip | undefined;
  let held: Uint8Array | undefined;
  let known = false;
  let trouble: string | undefined;
  const onTrouble = (reason: string) => {
    trouble = reason;
  };
  for await (const chunk of rawChunks(source, onTrouble)) {
    consumed += chunk.length;
    const bytes: Uint8Array = held ? Buffer.concat([held, chunk]) : chunk;
    held = undefined;
    if (!known && bytes.length < 2) {
      // A pipe may begin with a single byte, which does not tell gzip data from text.
      held = new Uint8Array(bytes);
      continue;
    }
    if (!known && isGzip(bytes)) gunzip = new Gunzip((piece) => onChunk(piece, consumed));
    known = true;
    if (gunzip === undefined) onChunk(bytes, consumed);
    else await gunzip.write(bytes);
    if (gunzip?.done) break;
  }
  if (held) onChunk(held, consumed);
  return trouble ?? gunzip?.end();
}

/**
 * A whole small file (device tree, /proc/iomem), unpacked if it is gzipped.
 * @throws UsageError if it cannot be read or unpacked, or is larger than any such file.
 */
export async function readWhole(source: Source): Promise<Uint8Array> {
  const plain = readPlain(source);
  if (plain !== undefined) return plain;
  const parts: Uint8Array[] = [];
  let size = 0;
  const damage = await readChunks(source, (chunk) => {
    parts.push(new Uint8Array(chunk));
    size += chunk.length;
    if (size > LARGEST_WHOLE) throw refused(source, `more than ${LARGEST_WHOLE} bytes`);
  });
  if (damage !== undefined) throw refused(source, damage, 'copy the file again');
  return Buffer.concat(parts);
}

/**
 * A small plain file at once: there can be thousands, and each call of the system counts. undefined for all others, and for
 * those that cannot be read.
 */
function readPlain({ path, isFile = false, into }: Source): Uint8Array | undefined {
  if (!isFile && sizeOf(path) === undefined) return undefined;
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { size } = fstatSync(descriptor);
      // Files of /proc have a size of 0.
      if (size === 0 || size > CHUNK) return undefined;
      // A byte more finds out whether it is longer than it was.
      const buffer = into !== undefined && into.length > size ? into : Buffer.allocUnsafe(size + 1);
      const bytes = buffer.subarray(0, readSync(descriptor, buffer, 0, size + 1, 0));
      return bytes.length !== size || isGzip(bytes) ? undefined : bytes;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Reading it in the usual way says why.
    return undefined;
  }
}

/** Size of a file in bytes; undefined where it has none (standard input, a pipe) or cannot be had. */
export function sizeOf(path: string): number | undefined {
  // Not by opening it: a pipe can be opened once only.
  try {
    const status = path === '-' ? undefined : statSync(path);
    return status?.isFile() ? status.size : undefined;
  } catch {
    // Reading it will say why.
    return undefined;
  }
}

/** One line on a source that is not what it should be. */
export function refused(source: Source, found: string, hint?: string): UsageError {
  const error = new InputError({
    found,
    expected: source.wanted,
    ...(hint === undefined ? {} : { hint }),
  });
  return new UsageError(`${nameOf(source)}: ${error.message}`);
}

/**
 * The bytes of a file as they come. A chunk is only valid until the next one is asked for.
 * @param onTrouble told why the file cannot be read further, once something was read.
 * @throws UsageError if nothing can be read.
 */
async function* rawChunks(source: Source, onTrouble: (reason: string) => void): AsyncGenerator<Uint8Array> {
  let some = false;
  try {
    for await (const chunk of chunksOf(source)) {
      some = true;
      yield chunk;
    }
  } catch (error) {
    if (!some) throw cannotRead(source, error);
    onTrouble(`it cannot be read further (${messageOf(error)})`);
  }
}

async function* chunksOf({ path, io }: Source): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    for await (const chunk of io.stdin) yield chunk as unknown as Uint8Array;
    return;
  }
  const descriptor = openSync(path, 'r');
  const status = fstatSync(descriptor);
  if (!status.isFile()) {
    // A pipe: opened once only. The stream closes it.
    yield* createReadStream(path, { fd: descriptor, highWaterMark: CHUNK });
    return;
  }
  try {
    // Of a small file all at once, with a byte more that finds its end; files of /proc say that they are empty.
    const buffer = Buffer.allocUnsafe(status.size > 0 ? Math.min(CHUNK, status.size + 1) : CHUNK);
    for (;;) {
      const length = readSync(descriptor, buffer, 0, buffer.length, null);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      // Signals are delivered between chunks only.
      await setImmediate();
    }
  } finally {
    closeSync(descriptor);
  }
}

function cannotRead(source: Source, error: unknown): UsageError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return refused(source, 'no such file', `looked for ${resolve(source.path)}`);
  if (code === 'EACCES' || code === 'EPERM')
    return refused(source, 'no permission to read it', 'read it as a user who has it, or copy it first');
  if (code === 'EISDIR') return refused(source, 'a directory', 'give a file in it');
  return refused(source, `an error on reading it (${messageOf(error)})`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
