/**
 * From pages to what a device is given: pages join to vectors, vectors are cut into requests by the limits of the queue, and a request's
 * vectors are the entries of its scatterlist.
 *
 * Sources: bio_add_page() and bvec_try_merge_page() of block/bio.c, bvec_gap_to_prev(), bvec_split_segs() and
 * bio_split_rw_at() of block/blk-merge.c, xen_biovec_phys_mergeable() of drivers/xen/biomerge.c; Linux 6.12.
 */
import { type Mfn, offsetBy, PAGE_SIZE, type PhysAddr, pageOffset } from '../../address/index.ts';
import type { SgEntry } from '../../linux/api/index.ts';
import { SECTOR } from '../abi/blkif.ts';

/** Bytes within one page, as they are added to a bio. */
export interface PagePart {
  readonly phys: PhysAddr;
  /** Bytes, up to the end of the page at most. */
  readonly size: number;
  /** The machine frame behind the page. */
  readonly frame: Mfn;
}

/** Contiguous bytes, in as many pages as it takes (struct bio_vec). */
export interface Vector {
  readonly phys: PhysAddr;
  readonly size: number;
  /** Frame behind the last page. */
  readonly lastFrame: Mfn;
}

/** queue_limits, as far as they cut. */
export interface QueueLimits {
  /** Bytes of a request, a multiple of 512. */
  readonly maxBytes: number;
  readonly maxSegments: number;
  /** Bytes of an entry of the scatterlist. */
  readonly maxSegmentSize: number;
  /** Power of two that entries must not have a gap at, as NVMe's pages (virt_boundary_mask + 1); 1: no matter. */
  readonly virtBoundary: number;
}

/** Join what follows each other as the kernel sees it and in the machine. */
export function joinPages(parts: readonly PagePart[]): Vector[] {
  const vectors: Vector[] = [];
  for (const { phys, size, frame } of parts) {
    const last = vectors.at(-1);
    if (last && offsetBy(last.phys, last.size) === phys && followsInMachine(last, phys, frame))
      vectors[vectors.length - 1] = { phys: last.phys, size: last.size + size, lastFrame: frame };
    else vectors.push({ phys, size, lastFrame: frame });
  }
  return vectors;
}

/** xen_biovec_phys_mergeable(): the next page's frame is the next frame; within a page there is nothing to ask. */
function followsInMachine(last: Vector, phys: PhysAddr, frame: Mfn): boolean {
  return pageOffset(phys) === 0 ? frame === last.lastFrame + 1 : frame === last.lastFrame;
}

/** Requests that the queue takes, in order. */
export function splitForQueue(vectors: readonly Vector[], limits: QueueLimits): Vector[][] {
  const requests: Vector[][] = [];
  let current: Vector[] = [];
  let bytes = 0;
  let segments = 0;
  const close = () => {
    if (current.length > 0) requests.push(current);
    current = [];
    bytes = 0;
    segments = 0;
  };
  for (const vector of vectors) {
    const last = current.at(-1);
    if (last && leavesGap(last, vector, limits.virtBoundary)) close();
    for (let rest: Vector | undefined = vector; rest !== undefined; ) {
      const room = Math.min(limits.maxBytes - bytes, (limits.maxSegments - segments) * limits.maxSegmentSize);
      const size = Math.min(rest.size, Math.floor(room / SECTOR) * SECTOR);
      if (size > 0) {
        current.push({ ...rest, size });
        bytes += size;
        segments += Math.ceil(size / limits.maxSegmentSize);
      }
      if (size === rest.size) break;
      close();
      rest = { ...rest, phys: offsetBy(rest.phys, size), size: rest.size - size };
    }
  }
  close();
  return requests;
}

/** bvec_gap_to_prev(). */
function leavesGap(last: Vector, next: Vector, boundary: number): boolean {
  return (last.phys + last.size) % boundary !== 0 || next.phys % boundary !== 0;
}

/** blk_rq_map_sg(). */
export function scatterlist(request: readonly Vector[], { maxSegmentSize }: QueueLimits): SgEntry[] {
  return request.flatMap(({ phys, size }) =>
    Array.from({ length: Math.ceil(size / maxSegmentSize) }, (_, i) => ({
      phys: offsetBy(phys, i * maxSegmentSize),
      size: Math.min(maxSegmentSize, size - i * maxSegmentSize),
    })),
  );
}

/** Bytes of a request. */
export function bytesOf(request: readonly { readonly size: number }[]): number {
  return request.reduce((sum, { size }) => sum + size, 0);
}

/** Cut a range at the pages' borders. */
export function pageParts(
  phys: PhysAddr,
  size: number,
): { readonly phys: PhysAddr; readonly size: number }[] {
  const parts = [];
  for (let done = 0; done < size; ) {
    const at = offsetBy(phys, done);
    const length = Math.min(size - done, PAGE_SIZE - pageOffset(at));
    parts.push({ phys: at, size: length });
    done += length;
  }
  return parts;
}
