/** Releases of Linux that a platform may have. */
import type { Release } from './kernel.ts';

/**
 * Each major version with its first and its last minor one, oldest first; the last that is modelled is 7.3. Before 3.0 neither Arm under
 * Xen nor what is modelled of the DMA API was there.
 */
export const LINUX_RELEASES: readonly (readonly [first: Release, last: Release])[] = [
  [
    [3, 0],
    [3, 19],
  ],
  [
    [4, 0],
    [4, 20],
  ],
  [
    [5, 0],
    [5, 19],
  ],
  [
    [6, 0],
    [6, 19],
  ],
  [
    [7, 0],
    [7, 3],
  ],
];

/** The first with arch/arm64. */
export const FIRST_ON_ARM64: Release = [3, 7];
