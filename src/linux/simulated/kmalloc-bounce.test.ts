import { describe, expect, test } from 'vitest';
import { Direction } from '../dma.ts';
import { COHERENT_NIC, DOM0, NIC } from '../testing.ts';
import { kmallocNeedsBounce } from './kmalloc-bounce.ts';

describe('a small kmalloc', () => {
  const bounces = (size: number, cacheAlignment = 64) =>
    kmallocNeedsBounce({ ...DOM0, cacheAlignment }, NIC, size, Direction.fromDevice);

  test('bounces where the object that serves it is no whole number of lines', () => {
    const sizes = [1, 32, 33, 64, 65, 96, 97, 128, 129, 192, 193, 255, 256, 4096];
    expect(sizes.filter((size) => bounces(size))).toEqual([1, 32, 65, 96]);
    expect(sizes.filter((size) => bounces(size, 128))).toEqual([1, 32, 33, 64, 65, 96, 129, 192]);
  });

  test('of 256 bytes and more never bounces, whatever the line', () => {
    expect([bounces(255, 512), bounces(256, 512)]).toEqual([true, false]);
  });

  test('does not bounce to the device, for a coherent device, before 6.5, or on 32-bit Arm', () => {
    const { fromDevice, toDevice, bidirectional } = Direction;
    expect(kmallocNeedsBounce(DOM0, NIC, 8, bidirectional)).toBe(true);
    expect(kmallocNeedsBounce(DOM0, NIC, 8, toDevice)).toBe(false);
    expect(kmallocNeedsBounce(DOM0, COHERENT_NIC, 8, fromDevice)).toBe(false);
    expect(kmallocNeedsBounce({ ...DOM0, release: [6, 4] }, NIC, 8, fromDevice)).toBe(false);
    expect(kmallocNeedsBounce({ ...DOM0, architecture: 'arm' }, NIC, 8, fromDevice)).toBe(false);
  });
});
