/**
 * What arch_sync_dma_for_device() and arch_sync_dma_for_cpu() do, by architecture, release and direction.
 *
 * A property of the platform and not of a design: FROM_DEVICE at map was an invalidate on arm64 up to 5.18 and is a clean since
 * (c50f11c6196f), so that bytes which the device does not write keep what the CPU had stored.
 */
import type { Direction } from '../dma.ts';
import type { Architecture, Release } from '../kernel.ts';
import { isEarlier } from './platform.ts';

/** A maintenance operation by VA, or nothing. */
export type NativeOperation = 'clean' | 'invalidate' | 'cleanInvalidate' | 'nothing';

/** Operations of one kernel, by direction (its number is the index). */
export interface NativeMaintenance {
  readonly forDevice: readonly [
    bidirectional: NativeOperation,
    toDevice: NativeOperation,
    fromDevice: NativeOperation,
  ];
  readonly forCpu: readonly [
    bidirectional: NativeOperation,
    toDevice: NativeOperation,
    fromDevice: NativeOperation,
  ];
  /** arch_dma_prep_coherent() or its like: what new coherent memory gets through its cacheable alias. */
  readonly prepareCoherent: NativeOperation;
}

interface Row extends NativeMaintenance {
  readonly architecture: Architecture;
  /** First release that does otherwise; undefined: to this day (7.3). */
  readonly before?: Release;
}

/**
 * Sources: arch/arm64/mm/{cache.S,dma-mapping.c} of 4.19, 6.1, 6.12 and 7.3; arch/arm/mm/{cache-v7.S,dma-mapping.c} of 4.19
 * and 7.3.
 */
const ROWS: readonly Row[] = [
  {
    architecture: 'arm64',
    before: [5, 19],
    forDevice: ['clean', 'clean', 'invalidate'],
    forCpu: ['invalidate', 'nothing', 'invalidate'],
    prepareCoherent: 'cleanInvalidate',
  },
  {
    architecture: 'arm64',
    // Changed somewhere between 6.1 and 6.12.
    before: [6, 12],
    forDevice: ['clean', 'clean', 'clean'],
    forCpu: ['invalidate', 'nothing', 'invalidate'],
    prepareCoherent: 'cleanInvalidate',
  },
  {
    architecture: 'arm64',
    forDevice: ['clean', 'clean', 'clean'],
    forCpu: ['invalidate', 'nothing', 'invalidate'],
    prepareCoherent: 'clean',
  },
  {
    architecture: 'arm',
    forDevice: ['clean', 'clean', 'invalidate'],
    forCpu: ['invalidate', 'nothing', 'invalidate'],
    prepareCoherent: 'cleanInvalidate',
  },
  {
    architecture: 'x86',
    forDevice: ['nothing', 'nothing', 'nothing'],
    forCpu: ['nothing', 'nothing', 'nothing'],
    prepareCoherent: 'nothing',
  },
];

/** The native maintenance of a kernel. @throws RangeError for an architecture without rows. */
export function nativeMaintenance(architecture: Architecture, release: Release): NativeMaintenance {
  const row = ROWS.find(
    (one) =>
      one.architecture === architecture && (one.before === undefined || isEarlier(release, one.before)),
  );
  if (row === undefined) throw new RangeError(`no native maintenance known of ${architecture}`);
  return row;
}

/** What a call with this direction does. */
export function nativeOperation(
  { forDevice, forCpu }: NativeMaintenance,
  towards: 'device' | 'cpu',
  direction: Direction,
): NativeOperation {
  return (towards === 'device' ? forDevice : forCpu)[direction];
}
