import { describe, expect, test } from 'vitest';
import { physAddr } from '../../address/index.ts';
import { Direction } from '../dma.ts';
import { RecordingMachine, testWorld } from '../testing.ts';
import { SimulatedKernel } from './kernel.ts';
import { maintainOuter } from './outer-cache.ts';

const deeds = (
  ...args: [operation: 'clean' | 'invalidate' | 'cleanInvalidate', at: number, size: number]
) => {
  const machine = new RecordingMachine();
  maintainOuter(machine, args[0], physAddr(args[1]), args[2]);
  return machine.deeds.map(({ what, from, to }) => `${what} ${from.toString(16)} ${to.toString(16)}`);
};

describe('the outer cache driver', () => {
  test('works on whole lines of 32 bytes', () => {
    expect(deeds('clean', 0x1010, 0x20)).toEqual(['outer clean 1000 1040']);
    expect(deeds('cleanInvalidate', 0x101f, 2)).toEqual(['outer cleanInvalidate 1000 1040']);
  });

  test('cleans before it invalidates what it covers in part', () => {
    expect(deeds('invalidate', 0x1000, 0x40)).toEqual(['outer invalidate 1000 1040']);
    expect(deeds('invalidate', 0x1010, 0x60)).toEqual([
      'outer cleanInvalidate 1000 1020',
      'outer cleanInvalidate 1060 1080',
      'outer invalidate 1020 1060',
    ]);
    expect(deeds('invalidate', 0x1004, 8)).toEqual(['outer cleanInvalidate 1000 1020']);
    expect(deeds('invalidate', 0x1000, 8)).toEqual(['outer cleanInvalidate 1000 1020']);
    expect(deeds('invalidate', 0x1010, 0x20)).toEqual([
      'outer cleanInvalidate 1000 1020',
      'outer cleanInvalidate 1020 1040',
    ]);
  });
});

describe('arm with an outer cache', () => {
  const kernelWith = (outerCacheDriver: boolean) => {
    const world = testWorld({ architecture: 'arm', outerCacheDriver });
    return { kernel: new SimulatedKernel(world), machine: world.machine };
  };
  const at = physAddr(0x4000_1000);

  test('maintains inner then outer towards the device, outer then inner towards the CPU', () => {
    const { kernel, machine } = kernelWith(true);
    kernel.archSyncForDevice(at, 64, Direction.bidirectional);
    kernel.archSyncForCpu(at, 64, Direction.bidirectional);
    expect(machine.deeds.map(({ what }) => what)).toEqual([
      'DC CVAC',
      'DSB',
      'outer clean',
      'outer invalidate',
      'DC IVAC',
      'DSB',
    ]);
  });

  test('invalidates both on the way to a device that will write, and leaves a read buffer alone afterwards', () => {
    const { kernel, machine } = kernelWith(true);
    kernel.archSyncForDevice(at, 64, Direction.fromDevice);
    kernel.archSyncForCpu(at, 64, Direction.toDevice);
    expect(machine.deeds.map(({ what }) => what)).toEqual(['DC IVAC', 'DSB', 'outer invalidate']);
  });

  test('is left alone where nobody drives it', () => {
    const { kernel, machine } = kernelWith(false);
    kernel.archSyncForDevice(at, 64, Direction.toDevice);
    expect(machine.deeds.map(({ what }) => what)).toEqual(['DC CVAC', 'DSB']);
  });
});
