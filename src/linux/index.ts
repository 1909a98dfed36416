/**
 * Linux as a design sees it: the DMA API's words, the services of a kernel, what a design is. A kernel that is simulated
 * (simulated/) and the API that drivers call on it (api/) have doors of their own: judging a trace needs neither.
 */
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
  type Architecture,
  type CacheFlush,
  CacheFlushOp,
  type Design,
  type DmaOps,
  type GrantHooks,
  type Kernel,
  KernelDied,
  type KernelProblem,
  type Release,
  type Table,
  type Tables,
} from './kernel.ts';
export { FIRST_ON_ARM64, LINUX_RELEASES } from './releases.ts';
