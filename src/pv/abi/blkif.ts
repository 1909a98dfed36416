/** Messages of the block ring, as arm64 guests have them. Source: xen/include/public/io/blkif.h, 4.20. */
import { layout } from '../../xen/index.ts';

/** A message is at most this long, so that 32 of them fit into a page. */
export const BLKIF_ENTRY_SIZE = 112;

export const BLKIF_OP = { read: 0, write: 1, barrier: 2, flush: 3, discard: 5, indirect: 6 } as const;
export const BLKIF_RSP = { okay: 0, error: -1, eopnotsupp: -2 } as const;

/** Segments in the message itself. */
export const MAX_DIRECT_SEGMENTS = 11;
/** Segments named by a page of them. */
export const SEGMENTS_PER_INDIRECT_PAGE = 512;
/** Bytes. */
export const SECTOR = 512;
export const SECTORS_PER_PAGE = 8;

/** struct blkif_request; its segments follow at 24. */
export const blkif_request = layout(BLKIF_ENTRY_SIZE, {
  operation: ['u8', 0],
  nr_segments: ['u8', 1],
  handle: ['u16', 2],
  id: ['u64', 8],
  sector_number: ['u64', 16],
});
const SEGMENTS_AT = 24;

/** struct blkif_request_segment: sectors of one granted page, both included. */
export const blkif_segment = layout(8, {
  gref: ['u32', 0],
  first_sect: ['u8', 4],
  last_sect: ['u8', 5],
});

/** struct blkif_request_indirect; the references of the pages of segments follow at 28. */
export const blkif_indirect = layout(BLKIF_ENTRY_SIZE, {
  operation: ['u8', 0],
  indirect_op: ['u8', 1],
  nr_segments: ['u16', 2],
  id: ['u64', 8],
  sector_number: ['u64', 16],
  handle: ['u16', 24],
});
const INDIRECT_GREFS_AT = 28;

/** struct blkif_request_discard. */
export const blkif_discard = layout(BLKIF_ENTRY_SIZE, {
  operation: ['u8', 0],
  flag: ['u8', 1],
  id: ['u64', 8],
  sector_number: ['u64', 16],
  nr_sectors: ['u64', 24],
});

/** struct blkif_response. */
export const blkif_response = layout(16, {
  id: ['u64', 0],
  operation: ['u8', 8],
  status: ['s16', 10],
});

export interface Segment {
  readonly gref: number;
  /** Sectors of the page, both included. */
  readonly first_sect: number;
  readonly last_sect: number;
}

/** Segments, one after the other: in a message from 24 on, in an indirect page from its beginning. */
export function segmentsToBytes(segments: readonly Segment[]): Uint8Array {
  const bytes = new Uint8Array(segments.length * blkif_segment.size);
  for (const [i, segment] of segments.entries())
    bytes.set(blkif_segment.write({ ...segment }), i * blkif_segment.size);
  return bytes;
}
export function segmentsOf(bytes: Uint8Array, count: number): Segment[] {
  return Array.from({ length: count }, (_, i) => blkif_segment.read(bytes.subarray(i * blkif_segment.size)));
}

/** A direct request with its segments (11 at most). */
export function requestBytes(
  head: Parameters<typeof blkif_request.write>[0],
  segments: readonly Segment[],
): Uint8Array {
  const bytes = blkif_request.write({ ...head, nr_segments: segments.length });
  bytes.set(segmentsToBytes(segments), SEGMENTS_AT);
  return bytes;
}
export function directSegments(bytes: Uint8Array, count: number): Segment[] {
  return segmentsOf(bytes.subarray(SEGMENTS_AT), count);
}

/** An indirect request with the references of its pages of segments (8 at most). */
export function indirectBytes(
  head: Parameters<typeof blkif_indirect.write>[0],
  grefs: readonly number[],
): Uint8Array {
  const bytes = blkif_indirect.write({ ...head, operation: BLKIF_OP.indirect });
  const view = new DataView(bytes.buffer);
  for (const [i, gref] of grefs.entries()) view.setUint32(INDIRECT_GREFS_AT + 4 * i, gref, true);
  return bytes;
}
export function indirectGrefs(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, i) => view.getUint32(INDIRECT_GREFS_AT + 4 * i, true));
}
