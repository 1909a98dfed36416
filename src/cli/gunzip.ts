/**
 * Unpacks gzip data chunk by chunk and loses nothing of it: what stands before a cut, before damage or before bytes
 * that are no gzip is delivered.
 *
 * Node's own Gunzip drops the output of the call in which it meets an error, up to a whole chunk of good data where
 * garbage follows the last member. So members are told apart here (RFC 1952) and only their bodies are Node's.
 */
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';

/** Output comes in pieces of this size: an error in the middle of a body costs less than one of them. */
const PIECE = 2 ** 16;

/** Longest header that is read: a name or comment may have any length. */
const LONGEST_HEADER = 2 ** 16;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Write chunks, then end. When `done` is true the rest of the file need not be written. */
export class Gunzip {
  readonly #deliver: (piece: Uint8Array) => void;
  #member: Member | undefined;
  /** Input that is not used yet: part of a header or of a trailer. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes of input that are used. */
  #used = 0;
  #done = false;
  #damage: string | undefined;

  /** @param deliver gets the output; a piece is only valid until it returns. What it throws, `write` throws. */
  constructor(deliver: (piece: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  get done(): boolean {
    return this.#done;
  }

  async write(chunk: Uint8Array): Promise<void> {
    let input = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = new Uint8Array(0);
    while (input.length > 0 && !this.#done) {
      const used = await (this.#member ? this.#body(this.#member, input) : this.#header(input));
      if (used === undefined) {
        this.#rest = new Uint8Array(input);
        return;
      }
      this.#used += used;
      input = input.subarray(used);
    }
  }

  /** No more is to come. @returns what is wrong with the data; undefined where all of it was read. */
  end(): string | undefined {
    const inside = this.#member !== undefined || this.#rest.length > 0;
    this.#member?.close();
    if (this.#damage !== undefined || !inside || this.#done) return this.#damage;
    return `the gzip data is cut at byte ${this.#used + this.#rest.length} of the file`;
  }

  #stop(damage: string | undefined): number {
    this.#done = true;
    this.#damage = damage;
    this.#member?.close();
    this.#member = undefined;
    return 0;
  }

  /** Bytes of the member's header; undefined if it is not all there. */
  #header(input: Uint8Array): number | undefined {
    // Zeros behind a member are padding, as for gzip itself.
    if (this.#used > 0 && input[0] === 0) return this.#stop(undefined);
    if (input[0] !== 0x1f || (input.length > 1 && !isGzip(input)))
      return this.#stop(`what follows the gzip data, from byte ${this.#used} on, is no gzip data`);
    const length = headerLength(input);
    if (length === undefined) {
      if (input.length > LONGEST_HEADER) this.#stop(`the gzip header at byte ${this.#used} has no end`);
      return undefined;
    }
    if (input[2] !== 8) return this.#stop(`unknown gzip compression method ${input[2]}`);
    this.#member = new Member(this.#deliver);
    return length;
  }

  /** Bytes of the member's body, then of its trailer; undefined if the trailer is not all there. */
  async #body(member: Member, input: Uint8Array): Promise<number | undefined> {
    if (!member.ended) {
      const used = await member.write(input);
      if (member.error !== undefined)
        this.#stop(`the gzip data is damaged before byte ${this.#used + input.length} (${member.error})`);
      return used;
    }
    if (input.length < 8) return undefined;
    const trailer = new DataView(input.buffer, input.byteOffset, 8);
    const right =
      trailer.getUint32(0, true) === member.checksum &&
      trailer.getUint32(4, true) === member.length % 2 ** 32;
    if (!right)
      return this.#stop(
        `the gzip data is damaged: the checksum at byte ${this.#used} is not that of the data`,
      );
    member.close();
    this.#member = undefined;
    return 8;
  }
}

/** Length of a gzip header (RFC 1952, 2.3), undefined if it is not all there. */
function headerLength(bytes: Uint8Array): number | undefined {
  const flags = bytes[3];
  if (flags === undefined) return undefined;
  let length = 10;
  const has = (bit: number) => Math.floor(flags / bit) % 2 === 1;
  if (has(4)) {
    const [low, high] = [bytes[10], bytes[11]];
    if (low === undefined || high === undefined) return undefined;
    length += 2 + low + high * 256;
  }
  for (const bit of [8, 16]) {
    if (!has(bit)) continue;
    const end = bytes.indexOf(0, length);
    if (end < 0) return undefined;
    length = end + 1;
  }
  if (has(2)) length += 2;
  return length <= bytes.length ? length : undefined;
}

/** The compressed body of one member. */
class Member {
  /** The body is over; the trailer follows. */
  ended = false;
  /** Why it cannot be unpacked. */
  error: string | undefined;
  /** CRC-32 and number of the bytes delivered. */
  checksum = 0;
  length = 0;
  readonly #inflate: InflateRaw = createInflateRaw({ chunkSize: PIECE });
  /** Thrown by who takes the output. */
  #refusal: { error: unknown } | undefined;
  /** Ends the wait for the chunk that is being written. */
  #wake: () => void = () => {};

  constructor(deliver: (piece: Uint8Array) => void) {
    this.#inflate.on('data', (piece: Buffer) => {
      if (this.#refusal) return;
      this.checksum = crc32(piece, this.checksum);
      this.length += piece.length;
      try {
        deliver(piece);
      } catch (error) {
        this.#refusal = { error };
      }
    });
    this.#inflate.on('end', () => this.#wake());
    this.#inflate.on('error', (error) => {
      this.error = error.message;
      this.#wake();
    });
  }

  /** @returns how much of the input belongs to the body. */
  async write(input: Uint8Array): Promise<number> {
    const before = this.#inflate.bytesWritten;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#inflate.write(input, () => resolve());
    });
    if (this.#refusal) throw this.#refusal.error;
    this.error ??= this.#inflate.errored?.message;
    const used = this.#inflate.bytesWritten - before;
    // Nothing is left over before the body's end.
    if (used < input.length) this.ended = true;
    return used;
  }

  close(): void {
    this.#inflate.destroy();
  }
}
