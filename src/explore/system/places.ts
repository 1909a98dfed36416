/** Where buffers lie: the pages of each, as its domain sees them and as the machine has them. */
import { type MachineAddr, offsetBy, PAGE_SIZE, type PhysAddr } from '../../address/index.ts';

/** One 4 KiB page: its first byte as the domain sees it and in the machine. */
export interface Page {
  readonly phys: PhysAddr;
  readonly machine: MachineAddr;
}

/** A buffer that exists. */
export interface Place {
  readonly name: string;
  /** Domain in whose address space it lies. */
  readonly domain: string;
  /** Bytes into the first page. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly pages: readonly Page[];
  /** False: mapped Normal non-cacheable (dma_alloc_coherent for a device that does not snoop). */
  readonly cacheable: boolean;
}

export type MachineRange = readonly [from: MachineAddr, to: MachineAddr];

/** Pseudo-physical address of a byte of the buffer. Pages of a buffer that is mapped as one piece follow each other. */
export function physAt(place: Place, at: number): PhysAddr {
  const [page, within] = locate(place, at);
  return offsetBy(page.phys, within);
}

/** Machine bytes behind [from, to) of the buffer, ascending within it, neighbours joined. */
export function machineRanges(place: Place, from: number, to: number): MachineRange[] {
  const ranges: MachineRange[] = [];
  for (let at = from; at < to; ) {
    const [page, within] = locate(place, at);
    const length = Math.min(to - at, PAGE_SIZE - within);
    join(ranges, offsetBy(page.machine, within), length);
    at += length;
  }
  return ranges;
}

/** Pieces of [from, to) that lie in one page each, as the domain sees them. */
export function pagePieces(
  place: Place,
  from: number,
  to: number,
): { readonly phys: PhysAddr; readonly machine: MachineAddr; readonly size: number }[] {
  const pieces = [];
  for (let at = from; at < to; ) {
    const [page, within] = locate(place, at);
    const size = Math.min(to - at, PAGE_SIZE - within);
    pieces.push({ phys: offsetBy(page.phys, within), machine: offsetBy(page.machine, within), size });
    at += size;
  }
  return pieces;
}

/** Append [from, from + length), joined to the last range where it follows it. */
export function join(ranges: MachineRange[], from: MachineAddr, length: number): void {
  const last = ranges.at(-1);
  const to = offsetBy(from, length);
  if (last && last[1] === from) ranges[ranges.length - 1] = [last[0], to];
  else ranges.push([from, to]);
}

/** Are these the same bytes in the same order. */
export function sameRanges(a: readonly MachineRange[], b: readonly MachineRange[]): boolean {
  return a.length === b.length && a.every(([from, to], i) => from === b[i]?.[0] && to === b[i]?.[1]);
}

function locate(place: Place, at: number): [Page, number] {
  const byte = place.offset + at;
  const index = Math.floor(byte / PAGE_SIZE);
  const page = place.pages[index];
  if (page === undefined || at < 0)
    throw new RangeError(`byte ${at} of ${place.name}, which has ${place.size}`);
  return [page, byte - index * PAGE_SIZE];
}
