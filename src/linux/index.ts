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
  type Alias,
  type CacheFlush,
  CacheFlushOp,
  type Design,
  type DmaOps,
  type GrantHooks,
  type Kernel,
  type Release,
  type Table,
  type Tables,
} from './kernel.ts';
