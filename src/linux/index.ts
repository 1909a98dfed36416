/** Linux as a design sees it: the DMA API's words, the services of a kernel, what a design is. */
export {
  type Attributes,
  type Device,
  DIRECTION_NAMES,
  Direction,
  type DirectionName,
  NO_ATTRIBUTES,
} from './dma.ts';
export {
  type CacheFlush,
  CacheFlushOp,
  type Design,
  type DmaOps,
  type Kernel,
  type Release,
} from './kernel.ts';
