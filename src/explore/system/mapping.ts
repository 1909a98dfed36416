/** Mappings of the DMA API. */
import type { DmaAddr } from '../../address/index.ts';
import type { Attributes, Direction } from '../../linux/index.ts';
import type { SystemDevice } from './bus.ts';
import type { Place } from './places.ts';

/** A mapping of the DMA API that is live, or failed. */
export interface Mapping {
  readonly name: string;
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
