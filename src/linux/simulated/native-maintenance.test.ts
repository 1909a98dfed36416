import { describe, expect, test } from 'vitest';
import { Direction } from '../dma.ts';
import type { Architecture, Release } from '../kernel.ts';
import { nativeMaintenance, nativeOperation } from './native-maintenance.ts';

const all = (architecture: Architecture, release: Release, towards: 'device' | 'cpu') => {
  const native = nativeMaintenance(architecture, release);
  return [Direction.toDevice, Direction.fromDevice, Direction.bidirectional].map((direction) =>
    nativeOperation(native, towards, direction),
  );
};

describe('native maintenance (to the device, from it, both)', () => {
  test.each<[Architecture, Release, string[]]>([
    ['arm64', [3, 19], ['clean', 'invalidate', 'clean']],
    ['arm64', [5, 18], ['clean', 'invalidate', 'clean']],
    ['arm64', [5, 19], ['clean', 'clean', 'clean']],
    ['arm64', [7, 3], ['clean', 'clean', 'clean']],
    ['arm', [3, 13], ['clean', 'invalidate', 'clean']],
    ['arm', [7, 3], ['clean', 'invalidate', 'clean']],
    ['x86', [6, 12], ['nothing', 'nothing', 'nothing']],
  ])('of %s %s for the device', (architecture, release, expected) => {
    expect(all(architecture, release, 'device')).toEqual(expected);
  });

  test.each<[Architecture, Release]>([
    ['arm64', [3, 19]],
    ['arm64', [7, 3]],
    ['arm', [7, 3]],
  ])('of %s %s invalidates for the CPU what a device may have written', (architecture, release) => {
    expect(all(architecture, release, 'cpu')).toEqual(['nothing', 'invalidate', 'invalidate']);
  });

  test('of new coherent memory cleans at least', () => {
    const of = (architecture: Architecture, release: Release) =>
      nativeMaintenance(architecture, release).prepareCoherent;
    expect([of('arm64', [5, 10]), of('arm64', [6, 1]), of('arm64', [6, 12]), of('arm', [7, 3])]).toEqual([
      'cleanInvalidate',
      'cleanInvalidate',
      'clean',
      'cleanInvalidate',
    ]);
  });
});
