/** Where things lie that the author did not place. Addresses and sizes are bytes of machine memory. */
import { PAGE_SIZE } from '../address/index.ts';
import type { BufferSpec, DomainSpec, PlatformSpec } from './types.ts';

const MIB = 2 ** 20;
/** Bytes of a domain's RAM, and its alignment: whole sections of arm64's pfn_valid, so that two domains share none. */
const RAM_SIZE = 256 * MIB;
/** dom0's and the host's, and where other domains' begin. */
const FIRST_RAM = 2 ** 30;
const OTHER_RAM = 2 * 2 ** 30;

/** IO_TLB_SIZE, and a segment of 128 such (kernel/dma/swiotlb.c, Linux 6.12). */
const SLOT_SIZE = 2048;
const SEGMENT_SIZE = 128 * SLOT_SIZE;

export type Ram = DomainSpec['ram'];

/** A buffer with a place. */
export interface Placed {
  /** Its first page. */
  readonly at: number;
  readonly offset: number;
  readonly size: number;
  readonly contiguous: boolean;
}

/** From a buffer's first page to its last byte. */
export function extent({ at, offset, size, contiguous }: Placed): Ram {
  const pages = Math.ceil((offset + size) / PAGE_SIZE);
  return { at, size: contiguous ? offset + size : (2 * pages - 1) * PAGE_SIZE };
}

/** Do two ranges have a byte in common? */
export function overlap(a: Ram, b: Ram): boolean {
  return a.at < b.at + b.size && b.at < a.at + a.size;
}

/** Does the range lie in the other? */
export function within(inner: Ram, outer: Ram): boolean {
  return inner.at >= outer.at && inner.at + inner.size <= outer.at + outer.size;
}

/** RAM of each domain, in their order: what was given; else, of the first domain at 1 GiB, of others from 2 GiB on. */
export function placeRam(given: readonly (Ram | undefined)[]): Ram[] {
  const taken = given.filter((ram) => ram !== undefined);
  return given.map((ram, index) => {
    if (ram) return ram;
    const free = firstFree(index === 0 ? FIRST_RAM : OTHER_RAM, taken);
    taken.push(free);
    return free;
  });
}

function firstFree(at: number, taken: readonly Ram[]): Ram {
  const free = { at, size: RAM_SIZE };
  const other = taken.find((ram) => overlap(ram, free));
  return other ? firstFree(Math.ceil((other.at + other.size) / RAM_SIZE) * RAM_SIZE, taken) : free;
}

/** Bytes at the end of RAM that the kernel keeps for itself: the bounce buffers, and some for tables, heap and balloon. */
export function reserved({ swiotlb }: PlatformSpec): number {
  const segments = Math.ceil((swiotlb.slots * SLOT_SIZE) / SEGMENT_SIZE);
  return segments * SEGMENT_SIZE + 8 * MIB;
}

/** Bytes from the beginning of RAM on where buffers without a place lie; a page is left free after each. */
export function unplaced(buffers: readonly BufferSpec[]): number {
  const pages = buffers
    .filter(({ at }) => at === undefined)
    .map((buffer) => Math.ceil(extent({ ...buffer, at: 0 }).size / PAGE_SIZE) + 2);
  return pages.reduce((sum, count) => sum + count, 0) * PAGE_SIZE;
}
