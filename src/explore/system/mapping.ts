/** Mappings of the DMA API. */
import { type DmaAddr, offsetBy } from '../../address/index.ts';
import type { Attributes, Direction } from '../../linux/index.ts';
import type { SystemDevice } from './bus.ts';
import type { Place } from './places.ts';

/** A mapping of the DMA API that is live, or failed. */
export interface Mapping {
  /** As the scenario calls it. A buffer that is mapped twice at once has two of that name. */
  readonly name: string;
  /** Of this one alone. */
  readonly id: string;
  /** Index of the agent that mapped. */
  readonly agent: number;
  readonly device: SystemDevice;
  readonly direction: Direction;
  /** None where it failed. */
  readonly entries: readonly MappingEntry[];
  readonly attributes: Attributes;
}
/** One piece of it: all of a single mapping, or an entry of a list. */
export interface MappingEntry {
  readonly place: Place;
  /** Bytes of the place. */
  readonly from: number;
  readonly to: number;
  readonly dma: DmaAddr;
}

/** Bytes [from, to) of an entry's buffer. */
export interface MappingPiece {
  readonly entry: MappingEntry;
  readonly from: number;
  readonly to: number;
  readonly dma: DmaAddr;
}

/** Parts of a mapping's entries that a range of the whole mapping covers. */
export function piecesOf(mapping: Mapping, bytes: readonly [number, number] | undefined): MappingPiece[] {
  const pieces: MappingPiece[] = [];
  let at = 0;
  for (const entry of mapping.entries) {
    const size = entry.to - entry.from;
    const [low, high] = bytes ?? [0, Number.POSITIVE_INFINITY];
    const from = Math.max(low - at, 0);
    const to = Math.min(high - at, size);
    if (from < to)
      pieces.push({ entry, from: entry.from + from, to: entry.from + to, dma: offsetBy(entry.dma, from) });
    at += size;
  }
  return pieces;
}
