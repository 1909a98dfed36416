/**
 * The header of a flattened device tree and the placement of its blocks.
 *
 * Source: Devicetree Specification v0.4, sections 5.2 (header), 5.3 (memory reservation block), 5.6 (alignment).
 */
import { DeviceTreeError, type DeviceTreeWarning, malformed } from './error.ts';

/** Offsets and sizes in bytes, checked to lie within the file and apart from each other. */
export interface FdtHeader {
  /** Bytes of the tree itself; the file may be longer. */
  readonly totalSize: number;
  /** 16 or more. */
  readonly version: number;
  readonly lastCompatibleVersion: number;
  /** Physical id of the boot CPU: the `reg` of one of the /cpus nodes. */
  readonly bootCpu: number;
  readonly structOffset: number;
  /** Version 16 does not say where the block ends: then up to the next block. */
  readonly structSize: number;
  readonly stringsOffset: number;
  readonly stringsSize: number;
  readonly reservationOffset: number;
}

const MAGIC = 0xd00dfeed;
const HEADER_SIZE_16 = 36;
const HEADER_SIZE_17 = 40;
/** The layout this reader knows. Later versions are readable if they say that they are compatible with it. */
const NEWEST_VERSION = 17;
const OLDEST_VERSION = 16;

/** First bytes of what people pass by mistake. */
const LOOKALIKES: readonly { bytes: readonly number[]; found: string; hint: string; compressed: boolean }[] =
  [
    { bytes: [0x1f, 0x8b], found: 'gzip data', hint: 'unpack it first: gunzip', compressed: true },
    {
      bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
      found: 'xz data',
      hint: 'unpack it first: unxz',
      compressed: true,
    },
    {
      bytes: [0x28, 0xb5, 0x2f, 0xfd],
      found: 'zstd data',
      hint: 'unpack it first: unzstd',
      compressed: true,
    },
    { bytes: [0x42, 0x5a, 0x68], found: 'bzip2 data', hint: 'unpack it first: bunzip2', compressed: true },
    {
      bytes: [0xed, 0xfe, 0x0d, 0xd0],
      found: 'a device tree with its bytes swapped',
      hint: 'device trees are big-endian on every machine',
      compressed: false,
    },
    {
      bytes: [0xd7, 0xb7, 0xab, 0x1e],
      found: "Android's dtbo partition table",
      hint: 'it holds several device trees: take them apart with mkdtboimg dump',
      compressed: false,
    },
    {
      bytes: [0x2f, 0x64, 0x74, 0x73, 0x2d, 0x76, 0x31, 0x2f],
      found: 'device tree source (/dts-v1/)',
      hint: 'compile it first: dtc -I dts -O dtb',
      compressed: false,
    },
    {
      bytes: [0x7f, 0x45, 0x4c, 0x46],
      found: 'an ELF file',
      hint: 'not a device tree at all',
      compressed: false,
    },
  ];

/**
 * Read and check the header. Trailing bytes after the tree are a warning.
 * @throws DeviceTreeError when it is no device tree, is cut, of an unknown version, or its blocks are misplaced.
 */
export function readHeader(view: DataView, warnings: DeviceTreeWarning[]): FdtHeader {
  checkMagic(view);
  if (view.byteLength < HEADER_SIZE_16) throw cut(view, 'the header', HEADER_SIZE_16);
  const totalSize = view.getUint32(4);
  const version = view.getUint32(20);
  const lastCompatibleVersion = view.getUint32(24);
  checkVersion(version, lastCompatibleVersion);
  const headerSize = version >= 17 ? HEADER_SIZE_17 : HEADER_SIZE_16;
  if (totalSize < headerSize)
    throw malformed(4, `totalsize ${totalSize}`, `${headerSize} or more, the size of the header`);
  if (view.byteLength < totalSize) throw cut(view, 'totalsize', totalSize);
  noteTrailingBytes(view, totalSize, warnings);

  const structOffset = view.getUint32(8);
  const stringsOffset = view.getUint32(12);
  const reservationOffset = view.getUint32(16);
  const stringsSize = view.getUint32(32);
  checkStart('off_dt_struct', 8, structOffset, 4, headerSize, totalSize);
  checkStart('off_dt_strings', 12, stringsOffset, 1, headerSize, totalSize);
  checkStart('off_mem_rsvmap', 16, reservationOffset, 8, headerSize, totalSize);
  checkEnd('size_dt_strings', 32, stringsOffset, stringsSize, totalSize);
  const nextBlock = Math.min(
    ...[stringsOffset, reservationOffset, totalSize].filter((offset) => offset > structOffset),
  );
  const structSize = version >= 17 ? view.getUint32(36) : nextBlock - structOffset;
  checkEnd('size_dt_struct', 36, structOffset, structSize, totalSize);
  checkApart(12, ['strings', stringsOffset, stringsSize], ['structure', structOffset, structSize]);
  // Its length is not in the header; that it ends before the next block is checked where it is read.
  checkApart(16, ['memory reservation', reservationOffset, 16], ['structure', structOffset, structSize]);
  checkApart(16, ['memory reservation', reservationOffset, 16], ['strings', stringsOffset, stringsSize]);
  return {
    totalSize,
    version,
    lastCompatibleVersion,
    bootCpu: view.getUint32(28),
    structOffset,
    structSize,
    stringsOffset,
    stringsSize,
    reservationOffset,
  };
}

function checkMagic(view: DataView): void {
  if (view.byteLength >= 4 && view.getUint32(0) === MAGIC) return;
  for (const { bytes, found, hint, compressed } of LOOKALIKES) {
    if (view.byteLength < bytes.length || bytes.some((byte, i) => view.getUint8(i) !== byte)) continue;
    const kind = compressed ? 'compressed' : 'not-a-device-tree';
    throw new DeviceTreeError({ kind, offset: 0, found, expected: 'the magic number d00dfeed', hint });
  }
  const start = Array.from({ length: Math.min(4, view.byteLength) }, (_, i) =>
    view.getUint8(i).toString(16).padStart(2, '0'),
  );
  throw new DeviceTreeError({
    kind: 'not-a-device-tree',
    offset: 0,
    found: start.length === 0 ? 'an empty file' : start.join(' '),
    expected: 'the magic number d0 0d fe ed',
  });
}

function checkVersion(version: number, lastCompatible: number): void {
  if (lastCompatible > NEWEST_VERSION)
    throw new DeviceTreeError({
      kind: 'version',
      offset: 24,
      found: `last_comp_version ${lastCompatible}`,
      expected: `${NEWEST_VERSION} or less`,
      hint: 'the layout is newer than this reader',
    });
  if (version < OLDEST_VERSION)
    throw new DeviceTreeError({
      kind: 'version',
      offset: 20,
      found: `version ${version}`,
      expected: `${OLDEST_VERSION} or more`,
      hint: 'convert it: dtc -I dtb -O dtb -V 17',
    });
  if (lastCompatible > version)
    throw new DeviceTreeError({
      kind: 'version',
      offset: 24,
      found: `last_comp_version ${lastCompatible} above version ${version}`,
      expected: 'a version compatible with itself',
    });
}

function checkStart(
  field: string,
  at: number,
  offset: number,
  alignment: number,
  headerSize: number,
  totalSize: number,
): void {
  if (offset < headerSize || offset > totalSize)
    throw malformed(at, `${field} ${offset}`, `an offset in [${headerSize}, ${totalSize}]`);
  if (offset % alignment !== 0) throw malformed(at, `${field} ${offset}`, `a multiple of ${alignment}`);
}

function checkEnd(field: string, at: number, offset: number, size: number, totalSize: number): void {
  if (offset + size > totalSize)
    throw malformed(at, `${field} ${size} from offset ${offset}`, `the end within totalsize ${totalSize}`);
}

type Block = readonly [name: string, offset: number, size: number];

function checkApart(at: number, [name, offset, size]: Block, [other, otherOffset, otherSize]: Block): void {
  if (offset < otherOffset + otherSize && otherOffset < offset + size)
    throw malformed(
      at,
      `a ${name} block at ${offset} that overlaps the ${other} block at ${otherOffset}`,
      'blocks apart from each other',
    );
}

function cut(view: DataView, what: string, needed: number): DeviceTreeError {
  return new DeviceTreeError({
    kind: 'truncated',
    offset: view.byteLength,
    found: `the end of the file after ${view.byteLength} bytes`,
    expected: `${needed} bytes (${what})`,
    hint: 'the file is cut',
  });
}

function noteTrailingBytes(view: DataView, totalSize: number, warnings: DeviceTreeWarning[]): void {
  const extra = view.byteLength - totalSize;
  if (extra === 0) return;
  const another = extra >= 4 && view.getUint32(totalSize) === MAGIC;
  warnings.push({
    offset: totalSize,
    message: another
      ? 'another device tree follows; only the first is read'
      : `${extra} bytes after the end of the tree are ignored`,
  });
}
