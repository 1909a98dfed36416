/** Entry points of swiotlb-xen, as probes show them. */
import type { DmaAddr } from '../address/index.ts';
import type { Operation } from './operation.ts';

/** An entry of swiotlb-xen that a probe saw, with the operations that came while it was the innermost. */
export interface Call {
  readonly kind: 'map' | 'unmap' | 'sync';
  /** Undefined for map. */
  readonly dma: DmaAddr | undefined;
  readonly size: number;
  /** Trace line. */
  readonly line: number;
  /** Set anew with the first: most calls have one operation, and a growing array starts with room for 17. */
  operations: readonly Operation[];
}
