/** What is run: on which machine, under which design, with what load. */
import type { Design, Release } from '../../linux/index.ts';
import type { Geometry } from '../../machine/concrete/index.ts';
import type { TraceSink } from '../host/dma.ts';

/** The machine and the host. */
export interface RunSpec {
  readonly design: Design;
  /** dom0's Linux: its native maintenance, the granularity of its pfn_valid. */
  readonly linux: Release;
  /** `adversarial`: everything that caches could do, and no bytes. */
  readonly machine: 'concrete' | 'adversarial';
  readonly lineSize: number;
  /** What hardware does by itself and in which order things are done follows from it. Concrete machine only. */
  readonly seed: number;
  /** Probability that a line moves by itself before an operation. Default 0.3. */
  readonly rate?: number;
  /** Shape of the cache. Default: never full. */
  readonly cache?: Geometry;
  /** The devices snoop. */
  readonly coherent: boolean;
  /** What the kernel believes; default: what is so. */
  readonly believedCoherent?: boolean;
  /** Address lines of the devices. Default 64. */
  readonly maskBits?: number;
  /** DMA address of machine address 0; may be negative. Default 0. */
  readonly busOffset?: number;
  readonly trace?: TraceSink;
}

/** Data through the PV disk. */
export interface DiskLoad {
  readonly data: Uint8Array;
  /** Bytes of a request of the guest, whole sectors. */
  readonly request: number;
  /** Offset of buffers in their first page, whole sectors. */
  readonly align: number;
  /** Pages of a buffer that follow each other in the machine; Infinity: all. */
  readonly contiguous: number;
  /** Requests under way at once. */
  readonly depth: number;
  /** Persistent grants. */
  readonly persistent: boolean;
}

/** Packets through the PV network. */
export interface NetLoad {
  readonly data: Uint8Array;
  /** Bytes of a packet, 14 to 65535. */
  readonly packet: number;
  /** Offset of a packet in its first page. */
  readonly align: number;
  /** Pages of a packet that follow each other in the machine; Infinity: all. */
  readonly contiguous: number;
  /** Packets under way at once. */
  readonly depth: number;
}
