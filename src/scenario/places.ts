/** Where things lie that the author did not place. Addresses and sizes are bytes of machine memory. */
import { PAGE_SIZE } from '../address/index.ts';
import type { DomainSpec } from './types.ts';

const MIB = 2 ** 20;
/** Bytes of a domain's RAM, and its alignment: whole sections of arm64's pfn_valid, so that two domains share none. */
const RAM_SIZE = 256 * MIB;
/** dom0's and the host's, and where other domains' begin. */
const FIRST_RAM = 2 ** 30;
const OTHER_RAM = 2 * 2 ** 30;

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

/**
 * RAM of each domain, in their order: what was given; else around the buffers that were placed by hand; else, of the first
 * domain at 1 GiB, of others from 2 GiB on.
 */
export function placeRam(
  domains: readonly { readonly ram: Ram | undefined; readonly placed: readonly Placed[] }[],
): Ram[] {
  const known = domains.map(({ ram, placed }) => ram ?? around(placed.map(extent)));
  const taken = known.filter((ram) => ram !== undefined);
  return known.map((ram, index) => {
    if (ram) return ram;
    const free = firstFree(index === 0 ? FIRST_RAM : OTHER_RAM, taken);
    taken.push(free);
    return free;
  });
}

function around(ranges: readonly Ram[]): Ram | undefined {
  if (ranges.length === 0) return undefined;
  const from = Math.min(...ranges.map(({ at }) => at));
  const to = Math.max(...ranges.map(({ at, size }) => at + size));
  const at = Math.floor(from / RAM_SIZE) * RAM_SIZE;
  return { at, size: Math.ceil(to / RAM_SIZE) * RAM_SIZE - at };
}

function firstFree(at: number, taken: readonly Ram[]): Ram {
  const free = { at, size: RAM_SIZE };
  const other = taken.find((ram) => overlap(ram, free));
  return other ? firstFree(Math.ceil((other.at + other.size) / RAM_SIZE) * RAM_SIZE, taken) : free;
}
