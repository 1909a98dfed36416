import { constants, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gunzip } from './gunzip.ts';

/** Text that packs to some hundred bytes, with blocks of its own. */
const TEXT = Buffer.from(
  Array.from({ length: 200 }, (_, i) => `line ${(i * 7919) % 1000} of text\n`).join(''),
);
const PACKED = gzipSync(TEXT);

async function unpack(chunks: readonly Uint8Array[]): Promise<{ text: Buffer; damage: string | undefined }> {
  const pieces: Buffer[] = [];
  const gunzip = new Gunzip((piece) => pieces.push(Buffer.from(piece)));
  for (const chunk of chunks) if (!gunzip.done) await gunzip.write(chunk);
  return { damage: gunzip.end(), text: Buffer.concat(pieces) };
}

/** What zlib can still make of data that is cut. */
const readable = (packed: Uint8Array) => gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });

describe('Gunzip', () => {
  it('unpacks whatever the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 })), async (sizes) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(PACKED.subarray(at, at + size));
          at += size;
        }
        const { text, damage } = await unpack([...chunks, PACKED.subarray(at)]);
        expect(damage).toBeUndefined();
        expect(text.equals(TEXT)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('delivers everything before a cut, wherever it is, and says where it is', async () => {
    for (let length = 2; length < PACKED.length; length++) {
      const { text, damage } = await unpack([PACKED.subarray(0, length)]);
      expect(damage).toBe(`the gzip data is cut at byte ${length} of the file`);
      // Shorter than a header, zlib has no output either, but an error of its own.
      if (length >= 10) expect(text.equals(readable(PACKED.subarray(0, length)))).toBe(true);
      else expect(text.length).toBe(0);
    }
  });

  it('reads all members, and takes zeros behind them for padding', async () => {
    const members = [PACKED, gzipSync(''), gzipSync('more')];
    const { text, damage } = await unpack([Buffer.concat([...members, Buffer.alloc(600)])]);
    expect(damage).toBeUndefined();
    expect(text.equals(Buffer.concat([TEXT, Buffer.from('more')]))).toBe(true);
  });

  it('reads headers with name, comment, extra field and checksum', async () => {
    const flags = 2 + 4 + 8 + 16;
    const header = Buffer.from([31, 139, 8, flags, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3, 65, 66, 0, 67, 0, 9, 9]);
    const packed = Buffer.concat([header, PACKED.subarray(10)]);
    const { text, damage } = await unpack([...packed].map((byte) => Uint8Array.of(byte)));
    expect(damage).toBeUndefined();
    expect(text.equals(TEXT)).toBe(true);
  });

  it('loses nothing before bytes that are no gzip data', async () => {
    for (const garbage of [Buffer.from('garbage'), Buffer.from([31, 7]), PACKED.subarray(1)]) {
      const { text, damage } = await unpack([Buffer.concat([PACKED, garbage])]);
      expect(damage).toBe(`what follows the gzip data, from byte ${PACKED.length} on, is no gzip data`);
      expect(text.equals(TEXT)).toBe(true);
    }
  });

  it('notices a wrong checksum and a wrong length, and delivers the data', async () => {
    for (const at of [PACKED.length - 8, PACKED.length - 1]) {
      const wrong = Buffer.from(PACKED);
      wrong[at] = (wrong[at] ?? 0) === 7 ? 8 : 7;
      const { text, damage } = await unpack([wrong]);
      expect(damage).toMatch(/checksum at byte \d+ is not that of the data/);
      expect(text.equals(TEXT)).toBe(true);
    }
  });

  it('never fails but with a reason, whatever is flipped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(PACKED.length - 1), fc.nat(255), async (at, value) => {
        const wrong = Buffer.from(PACKED);
        wrong[at] = value;
        const { text, damage } = await unpack([wrong.subarray(0, 100), wrong.subarray(100)]);
        if (damage === undefined) expect(text.equals(TEXT)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('passes on what the receiver of the output throws', async () => {
    const gunzip = new Gunzip(() => {
      throw new RangeError('enough');
    });
    await expect(gunzip.write(PACKED)).rejects.toThrow('enough');
  });
});
