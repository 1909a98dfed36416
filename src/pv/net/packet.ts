/** A packet as a kernel has it, and on the wire. */
import type { PhysAddr } from '../../address/index.ts';
import type { Content } from '../../machine/concrete/index.ts';

/** Bytes that follow each other in memory. */
export interface PacketPart {
  readonly phys: PhysAddr;
  readonly size: number;
}

/** What is on the wire. */
export interface Frame {
  readonly content: Content;
  /** By byte: 1 more than the index of the fault that made it wrong; 0 where it is as it was sent. */
  readonly faults: Uint32Array;
}

/** ETH_HLEN: no packet is shorter. */
export const SHORTEST = 14;
